//! Who asks: the session, and what the pages need to know of the request beside it.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{COOKIE, HeaderValue, USER_AGENT};
use axum::http::request::Parts;
use handstamp::{Device, Key};
use handstamp_tower::Session;

use crate::app::{App, COOKIE_NAME};
use crate::error::AppError;
use crate::halves::OtherHalf;
use crate::text::shorten_end;

/// The name as the user wrote it when signing up.
pub(crate) const NAME: Key<String> = Key::new("name");

/// The longest `User-Agent` that is noted. Real ones have under 200 characters.
const LONGEST_AGENT: usize = 256;

pub(crate) struct Visitor {
    pub session: Session,
    pub device: Device,
    pub other_half: OtherHalf,
    /// The values of the session cookie, as the browser sent them.
    pub stamps: Vec<String>,
}

impl Visitor {
    /// Whether the browser holds a stamp for a session that is over, or one that was tampered with.
    pub(crate) fn is_stranded(&self) -> bool {
        !self.stamps.is_empty() && self.session.is_new()
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        let session = Session::from_request_parts(parts, app).await?;
        let device = device(parts);
        if session.owner().is_some() {
            session.set_device(device.clone())?;
        }
        let headers = parts.headers.get_all(COOKIE).iter();
        let stamps = headers.flat_map(|header| cookies(header, COOKIE_NAME));
        let stamps = stamps.map(str::to_owned).collect();
        Ok(Self { session, device, other_half: app.other_half.clone(), stamps })
    }
}

fn device(parts: &Parts) -> Device {
    let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    Device {
        agent: shorten_end(agent.unwrap_or_default(), LONGEST_AGENT).to_owned(),
        address: address.map(|address| address.ip().to_string()).unwrap_or_default(),
    }
}

/// The values of a header's cookies of this name.
fn cookies<'a>(header: &'a HeaderValue, name: &str) -> impl Iterator<Item = &'a str> {
    let pairs = header.to_str().unwrap_or_default().split(';');
    pairs.filter_map(move |pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let header = HeaderValue::from_static("a=1; handstamp=x; handstamp2=y; handstamp=z=");
        assert_eq!(cookies(&header, "handstamp").collect::<Vec<_>>(), ["x", "z="]);
        assert_eq!(cookies(&header, "none").count(), 0);
    }
}
