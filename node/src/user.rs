//! The sessions of a user, as JavaScript lists them.

use handstamp::{Timestamp, UserSession};
use napi_derive::napi;

/// One of a user's sessions. Times are milliseconds since 1970.
#[derive(Debug)]
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct UserSessionRecord {
    /// The fingerprint of its id.
    pub id: String,
    /// When the user signed in.
    pub created: Option<f64>,
    /// When it was last used.
    pub last_seen: Option<f64>,
    /// When it ends if it is not used.
    pub expires: f64,
    /// What the client says of itself.
    pub agent: String,
    /// Where it connects from.
    pub address: String,
}

impl From<UserSession> for UserSessionRecord {
    fn from(session: UserSession) -> Self {
        Self {
            id: session.id.to_string(),
            created: session.created.map(millis),
            last_seen: session.last_seen.map(millis),
            expires: millis(session.expires),
            agent: session.device.agent,
            address: session.device.address,
        }
    }
}

/// JavaScript's dates are exact, and end earlier than these do.
fn millis(moment: Timestamp) -> f64 {
    moment.as_millis() as f64
}
