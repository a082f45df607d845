//! What goes wrong with a server, said so that its reader can act on it.
//!
//! A server's own words are passed on only where they can't hold a key or a value: a key holds a session's
//! id. Nor is a password in here, which a URL holds.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use handstamp::store::{StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError, ServerErrorKind, Value};

/// What happened, and what to do about it.
#[derive(Debug)]
struct Trouble {
    advice: Cow<'static, str>,
    source: Option<Words>,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.advice)
    }
}

impl Error for Trouble {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|words| words as &(dyn Error + 'static))
    }
}

/// What the server or the operating system said, without keys and values.
#[derive(Debug)]
struct Words(String);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Words {}

/// An error of our own: the server has nothing to add.
pub(crate) fn refusal(kind: StoreErrorKind, advice: impl Into<Cow<'static, str>>) -> StoreError {
    StoreError::new(kind, Trouble { advice: advice.into(), source: None })
}

/// The server failed, or the way to it.
pub(crate) fn failure(error: &RedisError) -> StoreError {
    let (kind, advice) = explain(error);
    let source = Some(Words(words(error)));
    StoreError::new(kind, Trouble { advice: advice.into(), source })
}

/// Why a server can't be reached, in a line.
pub(crate) fn reason(error: &RedisError) -> String {
    format!("{} ({})", explain(error).1, words(error))
}

/// The server answered something that it never should.
pub(crate) fn nonsense() -> StoreError {
    let advice = "the server gave an answer of the wrong kind: it may be none of Redis or Valkey, or a \
                  module or a proxy changes what it says";
    refusal(StoreErrorKind::Corrupt, advice)
}

/// The answer itself, or the error that the server has sent in its place.
pub(crate) fn answer(value: Value) -> Result<Value, StoreError> {
    value.extract_error().map_err(|error| failure(&error))
}

/// The code with which a server begins an error.
pub(crate) fn code(value: &Value) -> Option<&str> {
    match value {
        Value::ServerError(error) => Some(error.code()),
        _ => None,
    }
}

const AWAY: &str = "the server can't be reached; once it can be, the store works again";
const BUSY: &str =
    "the server can't answer just now: it is starting, failing over or running a script";
const FULL: &str =
    "the server has no memory left for writes; raise its `maxmemory`, or let it evict keys";

fn explain(error: &RedisError) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Corrupt, Refused, Timeout, Unavailable};
    if error.is_timeout() {
        return (Timeout, "the server did not answer in time");
    }
    match error.kind() {
        ErrorKind::AuthenticationFailed => {
            return (Refused, "the server does not take this user and password");
        }
        ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported => {
            return (Refused, "the server is too old, or the settings for it don't fit together");
        }
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
            return (Corrupt, "what was answered is not Redis's protocol");
        }
        ErrorKind::Server(ServerErrorKind::CrossSlot) => {
            return (
                Refused,
                "the server is a Cluster; use a URL that begins with redis+cluster://",
            );
        }
        ErrorKind::Server(_) | ErrorKind::Extension => {}
        _ => return (Unavailable, AWAY),
    }
    match error.code().unwrap_or_default() {
        "LOADING" | "CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN" | "BUSY" => (Unavailable, BUSY),
        "ASK" => (Unavailable, BUSY),
        "MOVED" => (
            Unavailable,
            "the server is one of a Cluster that is moving its slots, or the URL \
                                  should begin with redis+cluster://",
        ),
        "OOM" => (Refused, FULL),
        "READONLY" => {
            (Refused, "the server is a replica and takes no writes; connect to its master")
        }
        "MISCONF" => {
            (Refused, "the server takes no writes, because it can't save them to its disk")
        }
        "NOREPLICAS" => (Refused, "the server takes no writes, because too few replicas follow it"),
        "NOPERM" => (Refused, "the user lacks the permission; the crate's docs say which it needs"),
        "NOAUTH" | "WRONGPASS" => (Refused, "the server does not take this user and password"),
        "WRONGTYPE" => (
            Corrupt,
            "a key of the store holds something else than a session; another \
                                  prefix keeps them apart",
        ),
        _ => (Refused, "the server refused the command"),
    }
}

/// What was said, if it can't hold a key: of a server's errors only the code.
fn words(error: &RedisError) -> String {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => error.code().unwrap_or("ERR").to_owned(),
        ErrorKind::Parse => "it can't be parsed".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> RedisError {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes());
        value.and_then(Value::extract_error).expect_err("it is an error")
    }

    #[test]
    fn what_a_server_says_has_its_kind() {
        use StoreErrorKind::{Corrupt, Refused, Unavailable};
        for (line, kind) in [
            ("OOM command not allowed when used memory > 'maxmemory'.", Refused),
            ("READONLY You can't write against a read only replica.", Refused),
            ("MISCONF Redis is configured to save RDB snapshots", Refused),
            ("NOPERM this user has no permissions", Refused),
            ("NOAUTH Authentication required.", Refused),
            ("WRONGPASS invalid username-password pair", Refused),
            ("ERR unknown command", Refused),
            ("LOADING Redis is loading the dataset in memory", Unavailable),
            ("CLUSTERDOWN The cluster is down", Unavailable),
            ("MASTERDOWN Link with MASTER is down", Unavailable),
            ("MOVED 1 127.0.0.1:1", Unavailable),
            ("WRONGTYPE Operation against a key", Corrupt),
        ] {
            assert_eq!(failure(&told(line)).kind(), kind, "{line}");
        }
    }

    #[test]
    fn no_error_tells_a_key() {
        let error = failure(&told("ERR unknown command 'X', with args beginning with: 'sess:abc'"));
        let text = format!("{error} {error:?}");
        assert!(!text.contains("sess:abc"), "{text}");
    }
}
