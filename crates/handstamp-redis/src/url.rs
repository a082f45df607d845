//! Reads URLs of Redis and Valkey.
//!
//! | | |
//! |---|---|
//! | one server | `redis://user:password@host:6379/0` |
//! | by TLS | `rediss://…` |
//! | Unix socket | `redis+unix:///path/to.sock?db=0&user=…&pass=…`, or `unix://…` |
//! | Sentinel | `redis+sentinel://user:password@h1:26379,h2:26379/master/0?sentinel_user=…&sentinel_pass=…` |
//! | Cluster | `redis+cluster://user:password@h1:6379,h2:6379` |
//!
//! `valkey` stands for `redis` everywhere, and `rediss+sentinel` and `rediss+cluster` speak TLS. These are the
//! forms that the clients of other languages read. Names and passwords are percent-encoded.

use handstamp::store::{StoreError, StoreErrorKind};

use crate::connection::{Address, User};
use crate::error::refusal;

/// What a URL says.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) place: Place,
    pub(crate) user: User,
    pub(crate) database: i64,
    pub(crate) tls: bool,
}

/// Where the sessions are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Cluster(Vec<Address>),
    One(Address),
    Sentinel { sentinels: Vec<Address>, master: String, user: Credentials },
}

/// A user's name and password, if they are given.
pub(crate) type Credentials = (Option<String>, Option<String>);

/// The port of a server, and that of a Sentinel.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// Reads a URL.
///
/// # Errors
/// `Refused`: it can't be read. The error says what is wrong and not what is there, for a URL holds a password.
pub(crate) fn parse(url: &str) -> Result<Target, StoreError> {
    read(url).map_err(|wrong| {
        refusal(StoreErrorKind::Refused, format!("the URL of the server can't be used: {wrong}"))
    })
}

fn read(url: &str) -> Result<Target, &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("it has to begin with redis://")?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let query = Query::read(query)?;
    let (base, kind) = scheme.split_once(['+', '-']).unwrap_or((scheme, ""));
    let tls = match (base, kind) {
        ("redis" | "valkey", _) => false,
        ("rediss" | "valkeys", "" | "sentinel" | "cluster") => true,
        ("unix", "") => return socket(rest, query),
        _ => return Err(SCHEME),
    };
    if kind == "unix" {
        return socket(rest, query);
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (credentials(user)?, hosts),
        None => (User::default(), authority),
    };
    let (place, path) = match kind {
        "" => (Place::One(one(&addresses(hosts, PORT)?)?), path),
        "cluster" => (Place::Cluster(addresses(hosts, PORT)?), path),
        "sentinel" => {
            let sentinels = addresses(hosts, SENTINEL_PORT)?;
            let (master, path) = path.split_once('/').unwrap_or((path, ""));
            if master.is_empty() {
                return Err(
                    "the path has to name the master, as redis+sentinel://host:26379/mymaster",
                );
            }
            let user = user_of(query.get("sentinel_user"), query.get("sentinel_pass"))?;
            let user = (user.name, user.password);
            (Place::Sentinel { sentinels, master: decoded(master)?, user }, path)
        }
        _ => return Err(SCHEME),
    };
    let database = match path {
        "" => query.number("db")?,
        path => path.parse().map_err(|_| DATABASE)?,
    };
    if database != 0 && matches!(place, Place::Cluster(_)) {
        return Err("a Cluster has database 0 only");
    }
    query.only(&["db", "protocol", "sentinel_user", "sentinel_pass"])?;
    Ok(Target { place, user, database, tls })
}

const SCHEME: &str = "it has to begin with redis://, rediss://, redis+unix://, redis+sentinel:// or \
                      redis+cluster://";
const DATABASE: &str = "the database has to be a number";

fn socket(path: &str, query: Query) -> Result<Target, &'static str> {
    if !path.starts_with('/') {
        return Err("the path of a Unix socket begins with a slash: redis+unix:///path/to.sock");
    }
    query.only(&["db", "user", "pass", "protocol"])?;
    Ok(Target {
        place: Place::One(Address::Unix(decoded(path)?.into())),
        user: user_of(query.get("user"), query.get("pass"))?,
        database: query.number("db")?,
        tls: false,
    })
}

fn credentials(text: &str) -> Result<User, &'static str> {
    let (name, password) = match text.split_once(':') {
        Some((name, password)) => (name, Some(decoded(password)?)),
        None => (text, None),
    };
    let name = Some(decoded(name)?).filter(|name| !name.is_empty());
    user_of(name, password)
}

/// Without a password nobody would be asked who he is: he would be the server's default user.
fn user_of(name: Option<String>, password: Option<String>) -> Result<User, &'static str> {
    if name.is_some() && password.is_none() {
        return Err("it names a user and no password; an empty one is written user:@host");
    }
    Ok(User { name, password })
}

fn addresses(hosts: &str, port: u16) -> Result<Vec<Address>, &'static str> {
    hosts.split(',').map(|host| address(host, port)).collect()
}

fn address(text: &str, default: u16) -> Result<Address, &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) =
                rest.split_once(']').ok_or("a bracket of an IPv6 address is missing")?;
            (host, rest.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let host = if host.is_empty() { "localhost" } else { host };
    let port =
        port.map_or(Ok(default), |port| port.parse().map_err(|_| "a port has to be a number"))?;
    Ok(Address::Tcp(decoded(host)?, port))
}

fn one(addresses: &[Address]) -> Result<Address, &'static str> {
    match addresses {
        [address] => Ok(address.clone()),
        _ => {
            Err("several hosts are a Cluster's (redis+cluster://) or Sentinels (redis+sentinel://)")
        }
    }
}

/// What stands behind the question mark.
struct Query(Vec<(String, String)>);

impl Query {
    fn read(text: &str) -> Result<Self, &'static str> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let read = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        };
        pairs.map(read).collect::<Result<_, _>>().map(Self)
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    fn number(&self, name: &str) -> Result<i64, &'static str> {
        self.get(name).map_or(Ok(0), |text| text.parse().map_err(|_| DATABASE))
    }

    /// A setting that nobody reads is most likely one that is misspelt.
    fn only(&self, names: &[&str]) -> Result<(), &'static str> {
        let known = self.0.iter().all(|(name, _)| names.contains(&name.as_str()));
        if known { Ok(()) } else { Err("it has a parameter that is not known") }
    }
}

/// Text without percent-encoding.
fn decoded(text: &str) -> Result<String, &'static str> {
    const WRONG: &str =
        "a % has to be followed by two hexadecimal digits; a % itself is written %25";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = if byte == b'%' {
            let mut digit =
                || char::from(rest.next()?).to_digit(16).and_then(|n| u8::try_from(n).ok());
            digit().zip(digit()).map(|(high, low)| high << 4 | low).ok_or(WRONG)?
        } else {
            byte
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).map_err(|_| "it has bytes that are no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp(host.into(), port)
    }

    fn place(url: &str) -> Place {
        read(url).map_or_else(|wrong| panic!("{url}: {wrong}"), |target| target.place)
    }

    #[test]
    fn every_kind_of_url_names_its_place() {
        for (url, expected) in [
            ("redis://", Place::One(tcp("localhost", 6379))),
            ("redis://h", Place::One(tcp("h", 6379))),
            ("valkey://h:1/2", Place::One(tcp("h", 1))),
            ("rediss://[::1]:7", Place::One(tcp("::1", 7))),
            ("redis+unix:///tmp/a%20b", Place::One(Address::Unix("/tmp/a b".into()))),
            ("unix:///r.sock?db=3", Place::One(Address::Unix("/r.sock".into()))),
            ("redis+cluster://a,b:2", Place::Cluster(vec![tcp("a", 6379), tcp("b", 2)])),
            ("valkeys+cluster://a", Place::Cluster(vec![tcp("a", 6379)])),
        ] {
            assert_eq!(place(url), expected, "{url}");
        }
        let url = "redis+sentinel://u:p@a,b:2/main/4?sentinel_user=s&sentinel_pass=t%26";
        let user = (Some("s".into()), Some("t&".into()));
        let sentinels = vec![tcp("a", 26379), tcp("b", 2)];
        assert_eq!(place(url), Place::Sentinel { sentinels, master: "main".into(), user });
    }

    #[test]
    fn user_password_database_and_tls_are_read() {
        let read = |url| read(url).unwrap_or_else(|wrong| panic!("{url}: {wrong}"));
        let target = read("rediss://al%40ice:p%3Aa@ss@h:1/5");
        assert_eq!(target.user.name.as_deref(), Some("al@ice"));
        assert_eq!(target.user.password.as_deref(), Some("p:a@ss"));
        assert_eq!((target.database, target.tls), (5, true));
        let target = read("redis://:secret@h");
        assert_eq!((target.user.name, target.user.password), (None, Some("secret".into())));
        let target = read("unix:///s?db=7&user=u&pass=p");
        assert_eq!((target.database, target.user.name), (7, Some("u".into())));
        assert_eq!(read("redis+sentinel://a/m/3").database, 3);
    }

    #[test]
    fn what_can_not_be_used_is_refused_without_its_password() {
        for url in [
            "localhost",
            "http://h",
            "rediss+unix:///s",
            "redis+foo://h",
            "redis://h:x",
            "redis://a,b",
            "redis://h/x",
            "redis://u:secret%@h",
            "redis+sentinel://h",
            "redis+cluster://h/1",
            "redis+unix://relative",
            "redis://h?secret=1",
            "redis://[::1",
            "redis://alice@h",
            "unix:///s?user=alice",
            "redis+sentinel://h/main?sentinel_user=alice",
        ] {
            let Err(error) = parse(url) else { panic!("{url}") };
            assert_eq!(error.kind(), StoreErrorKind::Refused);
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
}
