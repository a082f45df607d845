//! Where the credential travels: in a cookie, as a bearer token, or in a header of its own.

use crate::cookie;

/// A way for the credential to come and go. It is signed in all of them.
///
/// A manager tries its transports in the order in which they were given. The answer takes the way by
/// which the request came; a request that brought nothing is answered by the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transport(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Bearer,
    Cookie,
    Header(String),
}

/// The header by which a new credential goes to a client that sends it as a bearer token.
const BEARER_ANSWER: &str = "session-token";

impl Transport {
    /// The cookie of [`CookieConfig`](crate::CookieConfig).
    #[must_use]
    pub fn cookie() -> Self {
        Self(Kind::Cookie)
    }

    /// `Authorization: Bearer <credential>` (RFC 6750, section 2.1). A new credential goes to the
    /// client in the header `Session-Token`; an empty one says that the session is over.
    #[must_use]
    pub fn bearer() -> Self {
        Self(Kind::Bearer)
    }

    /// A header of this name, such as `X-Auth-Token`, in both directions. In an answer, an empty
    /// value says that the session is over.
    #[must_use]
    pub fn header(name: impl Into<String>) -> Self {
        Self(Kind::Header(name.into().to_ascii_lowercase()))
    }

    pub(crate) fn is_cookie(&self) -> bool {
        self.0 == Kind::Cookie
    }

    /// Whether a value that is no good credential was meant to be one. Under our cookie's name all are;
    /// other headers carry other applications' tokens too.
    pub(crate) fn is_ours(&self, value: &str) -> bool {
        self.is_cookie() || value.starts_with("s:") || value.starts_with("s%3A")
    }

    /// The header of a request that this transport reads, in lower case.
    pub(crate) fn request_header(&self) -> &str {
        match &self.0 {
            Kind::Bearer => "authorization",
            Kind::Cookie => "cookie",
            Kind::Header(name) => name,
        }
    }

    /// The header of a response that this transport writes, in lower case.
    pub(crate) fn response_header(&self) -> &str {
        match &self.0 {
            Kind::Bearer => BEARER_ANSWER,
            Kind::Cookie => "set-cookie",
            Kind::Header(name) => name,
        }
    }

    /// Hands each candidate of a header's value to `visit`.
    pub(crate) fn candidates<'a>(
        &self,
        value: &'a [u8],
        cookie_name: &str,
        mut visit: impl FnMut(&'a str),
    ) {
        match self.0 {
            Kind::Bearer => bearer(value).into_iter().for_each(visit),
            Kind::Cookie => cookie::values(value, cookie_name).for_each(visit),
            Kind::Header(_) => {
                std::str::from_utf8(value).into_iter().for_each(|value| visit(value.trim()));
            }
        }
    }
}

/// The token of an `Authorization` header. The scheme's name has no case (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(value).ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
