//! Cookies, read and written: RFC 6265bis, and the cookie prefixes that browsers enforce.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimePrinter;

use crate::{SessionError, Timestamp};

/// The longest `Max-Age` that browsers keep: 400 days (RFC 6265bis, section 5.5).
const MAX_AGE: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The most bytes of a cookie's name and value together (RFC 6265bis, section 5.6).
const MAX_PAIR: usize = 4096;

/// The most bytes of an attribute's value (RFC 6265bis, section 5.6).
const MAX_ATTRIBUTE: usize = 1024;

/// The name and the attributes of the session cookie.
///
/// What contradicts itself is refused by [`SessionManager::with_config`](crate::SessionManager::with_config):
/// the prefixes `__Host-` and `__Secure-` have conditions, so do `SameSite=None` and `Partitioned`.
#[derive(Clone, Debug)]
pub struct CookieConfig {
    name: String,
    domain: Option<String>,
    path: String,
    http_only: bool,
    secure: bool,
    same_site: Option<SameSite>,
    partitioned: bool,
    priority: Option<Priority>,
    /// `Max-Age` beside `Expires`; express-session sends `Expires` alone.
    sends_max_age: bool,
    /// The strict profile wants a name that browsers protect.
    wants_prefix: bool,
}

/// Which requests from other sites carry the cookie (RFC 6265bis, section 5.6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// With top-level navigations only.
    Lax,
    /// With all requests. Needs `Secure`.
    None,
    /// With no request from another site.
    Strict,
}

/// Which cookies Chromium drops first when it has too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Dropped last.
    High,
    /// Dropped first.
    Low,
    /// Chromium's default.
    Medium,
}

impl CookieConfig {
    /// `__Host-session`, `Secure`, `HttpOnly`, `SameSite=Lax`, `Path=/`, no `Domain`: browsers then
    /// take it over HTTPS only and from this very host only.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            name: "__Host-session".into(),
            secure: true,
            same_site: Some(SameSite::Lax),
            sends_max_age: true,
            wants_prefix: true,
            ..Self::express()
        }
    }

    /// `connect.sid` with `Path=/` and `HttpOnly`, as express-session sends it by default.
    #[must_use]
    pub fn express() -> Self {
        Self {
            name: "connect.sid".into(),
            domain: None,
            path: "/".into(),
            http_only: true,
            secure: false,
            same_site: None,
            partitioned: false,
            priority: None,
            sends_max_age: false,
            wants_prefix: false,
        }
    }

    /// The cookie's name. In the strict profile it starts with `__Host-` or `__Secure-`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The hosts that get the cookie: this domain and all below it. Without it, this host only.
    #[must_use]
    pub fn with_domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// The paths that get the cookie: this one and all below it. `/` is the default.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Whether scripts of the page are kept from reading the cookie. They are, by default.
    #[must_use]
    pub fn with_http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Whether the cookie travels over HTTPS only.
    #[must_use]
    pub fn with_secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Which requests from other sites carry the cookie; `None` leaves it to the browser.
    #[must_use]
    pub fn with_same_site(mut self, same_site: impl Into<Option<SameSite>>) -> Self {
        self.same_site = same_site.into();
        self
    }

    /// Whether an embedded site has one cookie per embedding site (CHIPS). Needs `Secure`.
    #[must_use]
    pub fn with_partitioned(mut self, partitioned: bool) -> Self {
        self.partitioned = partitioned;
        self
    }

    /// Which cookies Chromium drops first.
    #[must_use]
    pub fn with_priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// A cookie for plain HTTP, under a name without prefix: for development on loopback.
    ///
    /// Anyone on the way can read such a cookie and take the session over. Browsers differ in
    /// whether they keep `Secure` cookies of `http://localhost`; Safari does not.
    #[must_use]
    pub fn insecure_http(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self.secure = false;
        self.wants_prefix = false;
        self
    }

    /// The cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    pub(crate) fn secure(&self) -> bool {
        self.secure
    }

    pub(crate) fn http_only(&self) -> bool {
        self.http_only
    }

    pub(crate) fn same_site(&self) -> Option<SameSite> {
        self.same_site
    }

    pub(crate) fn partitioned(&self) -> bool {
        self.partitioned
    }

    pub(crate) fn priority(&self) -> Option<Priority> {
        self.priority
    }

    /// The cookie that carries a credential. `expires`: when and in how long the browser shall drop
    /// it; `None` is when it closes.
    pub(crate) fn issue(&self, credential: &str, expires: Option<(Timestamp, Duration)>) -> String {
        self.serialize(&crate::credential::percent_encode(credential), expires)
    }

    /// The cookie that removes ours: the same name, domain, path and partition, and a past date.
    pub(crate) fn remove(&self) -> String {
        let mut cookie = self.serialize("", Some((Timestamp::default(), Duration::ZERO)));
        if !self.sends_max_age {
            cookie.push_str("; Max-Age=0");
        }
        cookie
    }

    /// Serialises in express-session's order of attributes.
    fn serialize(&self, value: &str, expires: Option<(Timestamp, Duration)>) -> String {
        let mut cookie = String::with_capacity(256);
        cookie.push_str(&self.name);
        cookie.push('=');
        cookie.push_str(value);
        if let Some((_, left)) = expires.filter(|_| self.sends_max_age) {
            attribute(&mut cookie, format_args!("Max-Age={}", left.min(MAX_AGE).as_secs()));
        }
        if let Some(domain) = &self.domain {
            attribute(&mut cookie, format_args!("Domain={domain}"));
        }
        attribute(&mut cookie, format_args!("Path={}", self.path));
        if let Some((moment, _)) = expires {
            attribute(&mut cookie, format_args!("Expires={}", http_date(moment)));
        }
        if self.http_only {
            attribute(&mut cookie, format_args!("HttpOnly"));
        }
        if self.secure {
            attribute(&mut cookie, format_args!("Secure"));
        }
        if self.partitioned {
            attribute(&mut cookie, format_args!("Partitioned"));
        }
        if let Some(priority) = self.priority {
            attribute(&mut cookie, format_args!("Priority={priority:?}"));
        }
        if let Some(same_site) = self.same_site {
            attribute(&mut cookie, format_args!("SameSite={same_site:?}"));
        }
        cookie
    }

    /// Refuses what browsers would refuse, or take for something else than was meant.
    pub(crate) fn check(&self) -> Result<(), SessionError> {
        let name = self.name.to_ascii_lowercase();
        let host_only = self.secure && self.domain.is_none() && self.path == "/";
        let problem = if !is_token(&self.name) {
            "the cookie's name may hold letters, digits and !#$%&'*+-.^_`|~ only"
        } else if !self.path.starts_with('/') || !is_attribute(&self.path) {
            "the cookie's path must start with / and hold no ; and no control character"
        } else if !self.domain.as_deref().is_none_or(is_domain) {
            "the cookie's domain must be a host name"
        } else if name.starts_with("__host-") && !host_only {
            "a cookie named __Host-… must be Secure, have the path / and no domain"
        } else if name.starts_with("__host-http-") && !self.http_only {
            "a cookie named __Host-Http-… must be HttpOnly"
        } else if name.starts_with("__http-") && !(self.secure && self.http_only) {
            "a cookie named __Http-… must be Secure and HttpOnly"
        } else if name.starts_with("__secure-") && !self.secure {
            "a cookie named __Secure-… must be Secure"
        } else if self.same_site == Some(SameSite::None) && !self.secure {
            "SameSite=None needs Secure"
        } else if self.partitioned && !self.secure {
            "Partitioned needs Secure"
        } else if self.wants_prefix
            && !["__host-", "__secure-"].iter().any(|prefix| name.starts_with(prefix))
        {
            "in the strict profile the cookie's name starts with __Host- or __Secure-; for plain HTTP see CookieConfig::insecure_http"
        } else if self.wants_prefix
            && !matches!(self.same_site, Some(SameSite::Lax | SameSite::Strict | SameSite::None))
        {
            "in the strict profile the cookie says its SameSite"
        } else {
            return Ok(());
        };
        Err(SessionError::config(problem))
    }

    /// Whether a credential of this many bytes fits into the cookie.
    pub(crate) fn fits(&self, encoded: usize) -> bool {
        self.name.len() + encoded <= MAX_PAIR
    }
}

/// Every value that a `Cookie` header has under this name, in its order (RFC 6265, section 5.4).
///
/// Bytes, because another application's cookie may hold anything and must not hide ours. A value stands
/// as it came: quoted, percent-encoded.
///
/// ```
/// let header = b"theme=dark; sid=a; sid=\"b\"";
/// assert_eq!(handstamp::cookie_values(header, "sid").collect::<Vec<_>>(), ["a", "\"b\""]);
/// ```
pub fn values<'a>(header: &'a [u8], name: &str) -> impl Iterator<Item = &'a str> {
    header.split(|&byte| byte == b';').filter_map(move |pair| {
        let value = pair
            .trim_ascii_start()
            .strip_prefix(name.as_bytes())?
            .trim_ascii_start()
            .strip_prefix(b"=")?;
        std::str::from_utf8(value.trim_ascii()).ok()
    })
}

/// A date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
fn http_date(moment: Timestamp) -> String {
    // HTTP's years have four digits, so the year 9999 is the last; browsers cap the life far below it.
    let millis = i64::try_from(moment.as_millis()).unwrap_or(i64::MAX);
    let date = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    DateTimePrinter::new().timestamp_to_rfc9110_string(&date).unwrap_or_default()
}

fn attribute(cookie: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a String can't fail.
    let _ = write!(cookie, "; {text}");
}

/// RFC 9110, section 5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed) && text.len() <= MAX_ATTRIBUTE
}

fn is_attribute(text: &str) -> bool {
    text.len() <= MAX_ATTRIBUTE
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b';')
}

fn is_domain(text: &str) -> bool {
    let text = text.strip_prefix('.').unwrap_or(text);
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "s:id.mac";

    #[test]
    fn the_strict_cookie_has_the_host_prefix_and_its_conditions() {
        // S12
        let cookie = CookieConfig::strict();
        cookie.check().unwrap();
        assert_eq!(
            cookie.issue(ID, None),
            "__Host-session=s%3Aid.mac; Path=/; HttpOnly; Secure; SameSite=Lax"
        );
    }

    #[test]
    fn the_express_cookie_is_express_sessions() {
        let moment = Timestamp::from_millis(784_111_777_000);
        let cookie = CookieConfig::express();
        assert_eq!(cookie.issue(ID, None), "connect.sid=s%3Aid.mac; Path=/; HttpOnly");
        assert_eq!(
            cookie.issue(ID, Some((moment, Duration::from_secs(60)))),
            "connect.sid=s%3Aid.mac; Path=/; Expires=Sun, 06 Nov 1994 08:49:37 GMT; HttpOnly"
        );
    }

    #[test]
    fn all_attributes_come_in_express_sessions_order() {
        let cookie = CookieConfig::express()
            .with_same_site(SameSite::None)
            .with_priority(Priority::High)
            .with_partitioned(true)
            .with_secure(true)
            .with_path("/app")
            .with_domain("example.com");
        cookie.check().unwrap();
        assert_eq!(
            cookie.issue(ID, Some((Timestamp::default(), Duration::ZERO))),
            "connect.sid=s%3Aid.mac; Domain=example.com; Path=/app; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; Partitioned; Priority=High; SameSite=None"
        );
    }

    // S17: browsers cap what they keep at 400 days.
    #[test]
    fn max_age_is_at_most_400_days_and_huge_dates_do_no_harm() {
        let cookie = CookieConfig::strict()
            .issue(ID, Some((Timestamp::from_millis(u64::MAX), Duration::MAX)));
        assert!(cookie.contains("; Max-Age=34560000; "), "{cookie}");
        assert!(cookie.contains("; Expires=Thu, 30 Dec 9999 22:00:00 GMT; "), "{cookie}");
    }

    // S19: a cookie is removed only by one with the same name, domain, path and partition.
    #[test]
    fn the_removal_cookie_repeats_what_names_the_cookie() {
        let cookie = CookieConfig::express()
            .with_domain("example.com")
            .with_path("/app")
            .with_secure(true)
            .with_partitioned(true);
        assert_eq!(
            cookie.remove(),
            "connect.sid=; Domain=example.com; Path=/app; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; Partitioned; Max-Age=0"
        );
        assert!(
            CookieConfig::strict().remove().starts_with("__Host-session=; Max-Age=0; Path=/; ")
        );
    }

    // S12, S13, S14, S16, S22
    #[test]
    fn contradictions_are_refused() {
        let strict = CookieConfig::strict;
        let express = CookieConfig::express;
        let bad = [
            strict().with_domain("example.com"),
            strict().with_path("/app"),
            strict().with_secure(false),
            strict().with_name("session"),
            strict().with_same_site(None),
            strict().with_name("__Host-Http-session").with_http_only(false),
            express().with_name("__host-session"),
            express().with_name("__Secure-session"),
            express().with_name("__Http-session").with_secure(true).with_http_only(false),
            express().with_same_site(SameSite::None),
            express().with_partitioned(true),
            express().with_name(""),
            express().with_name("a b"),
            express().with_name("a=b"),
            express().with_name("a\r\nSet-Cookie: b"),
            express().with_path("app"),
            express().with_path("/a;b"),
            express().with_path("/a\r\nb"),
            express().with_path(format!("/{}", "a".repeat(1024))),
            express().with_domain("a b"),
            express().with_domain("a;b"),
            express().with_domain(""),
        ];
        for cookie in bad {
            assert!(cookie.check().is_err(), "{cookie:?}");
        }
        let good = [
            strict(),
            strict().with_name("__Host-Http-session"),
            strict().with_name("__Secure-session").with_domain("example.com").with_path("/app"),
            strict().with_same_site(SameSite::None).with_partitioned(true),
            strict().insecure_http("session"),
            express(),
            express().with_domain(".example.com"),
        ];
        for cookie in good {
            cookie.check().unwrap();
        }
    }

    #[test]
    fn values_of_a_name_are_found_in_their_order() {
        let find = |header: &'static str| values(header.as_bytes(), "sid").collect::<Vec<_>>();
        assert_eq!(find("sid=a"), ["a"]);
        assert_eq!(find("x=1; sid=a; y=2;sid=b ; sid = c"), ["a", "b", "c"]);
        assert_eq!(find("sid=a=b"), ["a=b"]);
        assert_eq!(find("sid=\"a b\""), ["\"a b\""]);
        assert_eq!(find("SID=a; xsid=b; sidx=c; sid"), [""; 0]);
        assert_eq!(find(""), [""; 0]);
    }

    #[test]
    fn another_applications_broken_cookie_does_not_hide_ours() {
        let header = [b"other=\xff\xfe; sid=good; ".as_slice(), &[0xff; 3]].concat();
        assert_eq!(values(&header, "sid").collect::<Vec<_>>(), ["good"]);
    }
}
