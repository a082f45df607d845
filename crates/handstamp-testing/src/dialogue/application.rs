//! The test application: its requests are little programs, so that a dialogue says all there is.

use std::time::Duration;

use handstamp::{Expiry, Session, SessionError};
use serde_json::{Value, json};

/// What the test application answers.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Headers to set. Names are in lower case.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: String,
}

/// Does what a path says: `/set:a:1/rotate/get:a` sets, rotates and answers `"1"`, which is the result
/// of the last operation. All operations are in `dialogues/README.md`.
///
/// # Errors
/// What the session said. An adapter answers it as it answers an error of any handler.
///
/// # Panics
/// The path has an operation that does not exist.
pub async fn perform(path: &str, session: &Session) -> Result<Reply, SessionError> {
    let mut reply = Reply { status: 200, headers: Vec::new(), body: String::new() };
    let mut result = Value::Null;
    for operation in path.split('/').filter(|operation| !operation.is_empty()) {
        let words: Vec<_> = operation.split(':').collect();
        match words[..] {
            ["header", name, value] => reply.headers.push((name.into(), value.into())),
            ["status", status] => reply.status = status.parse().unwrap(),
            _ => result = operate(&words, session).await?,
        }
    }
    reply.body = result.to_string();
    Ok(reply)
}

async fn operate(words: &[&str], session: &Session) -> Result<Value, SessionError> {
    Ok(match *words {
        ["add", key] => json!(session.update(key, |n: Option<u64>| n.unwrap_or(0) + 1)?),
        ["clear"] => json!(session.clear()?),
        ["contains", key] => json!(session.contains(key)),
        ["destroy"] => json!(session.destroy()?),
        ["empty"] => json!(session.is_empty()),
        ["flash", kind, message] => json!(session.flash(kind, message)?),
        ["flashes", kind] => json!(session.flashes::<Value>(kind)?),
        ["get", key] => json!(session.get::<Value>(key)?),
        ["keys"] => json!(session.keys()),
        ["login", user] => json!(session.login(user)?),
        ["logout"] => json!(session.logout()?),
        ["new"] => json!(session.is_new()),
        ["regenerate"] => json!(session.regenerate()?),
        ["reload"] => json!(session.reload().await?),
        ["remember", seconds] => {
            let idle = Duration::from_secs(seconds.parse().unwrap());
            json!(session.set_expiry(Expiry::idle(idle).persistent())?)
        }
        ["remove", key] => json!(session.remove::<Value>(key)?),
        ["rotate"] => json!(session.rotate()?),
        ["save"] => json!(session.save().await?),
        ["set", key, value] => json!(session.insert(key, value)?),
        ["touch"] => json!(session.touch()),
        ["whoami"] => json!(session.owner()),
        _ => panic!("the test application does not know {words:?}"),
    })
}
