//! A browser's cookies: RFC 6265bis, as far as it touches a session cookie.

use std::time::Duration;

use handstamp::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// Where a request goes.
#[derive(Clone, Debug)]
pub(super) struct Url {
    pub secure: bool,
    pub host: String,
    pub path: String,
}

impl Url {
    /// From `https://shop.example.com` and `/path?query`.
    pub(super) fn new(origin: &str, target: &str) -> Option<Self> {
        let (scheme, authority) = origin.split_once("://")?;
        let host = authority.split(':').next()?.to_ascii_lowercase();
        let path = target.split('?').next()?.to_owned();
        Some(Self { secure: scheme == "https", host, path })
    }
}

/// The cookies of one browser.
#[derive(Clone, Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

#[derive(Clone, Debug, Default)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    host_only: bool,
    path: String,
    secure: bool,
    partitioned: bool,
    /// `None`: when the browser closes.
    expires: Option<Timestamp>,
}

impl Jar {
    /// Takes what a `Set-Cookie` says, or refuses it (section 5.7).
    pub(super) fn take(&mut self, set_cookie: &str, from: &Url, now: Timestamp) {
        let Some(cookie) = Cookie::parse(set_cookie, from, now) else { return };
        self.0.retain(|other| !cookie.replaces(other));
        self.0.push(cookie);
        self.0.retain(|cookie| cookie.lives(now));
    }

    /// The `Cookie` header of a request (section 5.8.3).
    pub(super) fn header(&self, to: &Url, now: Timestamp) -> Option<String> {
        let mut cookies: Vec<_> =
            self.0.iter().filter(|cookie| cookie.lives(now) && cookie.goes_to(to)).collect();
        // The sort keeps the order of those that are alike: the older ones come first.
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> =
            cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Whether there is any living cookie of this name, for whatever place.
    pub(super) fn has(&self, name: &str, now: Timestamp) -> bool {
        self.0.iter().any(|cookie| cookie.name == name && cookie.lives(now))
    }

    /// Closes the browser.
    pub(super) fn close(&mut self) {
        self.0.retain(|cookie| cookie.expires.is_some());
    }
}

impl Cookie {
    fn parse(set_cookie: &str, from: &Url, now: Timestamp) -> Option<Self> {
        let mut parts = set_cookie.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let mut cookie = Self {
            name: name.into(),
            value: value.into(),
            domain: from.host.clone(),
            host_only: true,
            path: "/".into(),
            ..Self::default()
        };
        let (mut same_site_none, mut root, mut max_age) = (false, false, None);
        for part in parts {
            let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
            match &*attribute.to_ascii_lowercase() {
                "domain" => {
                    cookie.domain = value.trim_start_matches('.').to_ascii_lowercase();
                    cookie.host_only = false;
                }
                "expires" => cookie.expires = date(value),
                "max-age" => max_age = value.parse::<i64>().ok(),
                "partitioned" => cookie.partitioned = true,
                "path" => {
                    cookie.path = value.into();
                    root = value == "/";
                }
                "samesite" => same_site_none = value.eq_ignore_ascii_case("none"),
                "secure" => cookie.secure = true,
                _ => {}
            }
        }
        if let Some(seconds) = max_age {
            let left = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            cookie.expires =
                Some(if left.is_zero() { Timestamp::default() } else { now.after(left) });
        }
        let prefix = |prefix: &str| name.to_ascii_lowercase().starts_with(prefix);
        let good = (from.secure || !cookie.secure)
            && (cookie.secure || !(same_site_none || cookie.partitioned || prefix("__secure-")))
            && (!prefix("__host-") || cookie.secure && cookie.host_only && root)
            && cookie.reaches(&from.host)
            && cookie.name.len() + cookie.value.len() <= 4096;
        good.then_some(cookie)
    }

    /// A cookie is the same as one of this name, domain, path and partition.
    fn replaces(&self, other: &Self) -> bool {
        let key = |cookie: &Self| {
            (cookie.name.clone(), cookie.domain.clone(), cookie.path.clone(), cookie.partitioned)
        };
        key(self) == key(other) && self.host_only == other.host_only
    }

    fn lives(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    fn goes_to(&self, url: &Url) -> bool {
        let below = url.path.strip_prefix(&self.path);
        let path = below.is_some_and(|rest| {
            rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/')
        });
        path && self.reaches(&url.host) && (url.secure || !self.secure)
    }

    fn reaches(&self, host: &str) -> bool {
        let below = host.strip_suffix(&self.domain).is_some_and(|rest| rest.ends_with('.'));
        host == self.domain || below && !self.host_only
    }
}

fn date(text: &str) -> Option<Timestamp> {
    let moment = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp::from_millis(u64::try_from(moment.as_millisecond()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_793_534_400_000;

    fn now() -> Timestamp {
        Timestamp::from_millis(NOW)
    }

    fn sent(set_cookies: &[&str], from: &str, to: &str) -> Option<String> {
        let url = |url: &str| {
            let (origin, path) = url.split_once(".test").unwrap();
            Url::new(&format!("{origin}.test"), path).unwrap()
        };
        let mut jar = Jar::default();
        set_cookies.iter().for_each(|cookie| jar.take(cookie, &url(from), now()));
        jar.header(&url(to), now())
    }

    #[test]
    fn a_cookie_goes_where_it_belongs() {
        let home = "https://a.test/";
        assert_eq!(sent(&["n=1"], home, "https://a.test/x").as_deref(), Some("n=1"));
        assert_eq!(sent(&["n=1"], home, "https://b.a.test/"), None);
        assert_eq!(
            sent(&["n=1; Domain=a.test"], home, "https://b.a.test/").as_deref(),
            Some("n=1")
        );
        assert_eq!(sent(&["n=1; Path=/x"], home, "https://a.test/xy"), None);
        assert_eq!(sent(&["n=1; Path=/x"], home, "https://a.test/x/y").as_deref(), Some("n=1"));
        assert_eq!(sent(&["n=1; Secure"], home, "http://a.test/"), None);
    }

    #[test]
    fn what_browsers_refuse_is_refused() {
        for (cookie, from) in [
            ("n=1; Secure", "http://a.test/"),
            ("n=1; Domain=b.test", "https://a.test/"),
            ("n=1; SameSite=None", "https://a.test/"),
            ("n=1; Partitioned", "https://a.test/"),
            ("__Secure-n=1", "https://a.test/"),
            ("__Host-n=1; Secure", "https://a.test/"),
            ("__Host-n=1; Secure; Path=/; Domain=a.test", "https://a.test/"),
            ("__Host-n=1; Secure; Path=/x", "https://a.test/x"),
        ] {
            assert_eq!(sent(&[cookie], from, from), None, "{cookie}");
        }
    }

    #[test]
    fn a_cookie_is_removed_by_one_of_the_same_place_only() {
        let gone = "Max-Age=0";
        let home = "https://a.test/";
        assert_eq!(sent(&["n=1", &format!("n=; {gone}")], home, home), None);
        assert!(sent(&["n=1", &format!("n=; Domain=a.test; {gone}")], home, home).is_some());
        assert!(sent(&["n=1", &format!("n=; Path=/x; {gone}")], home, home).is_some());
        let partitioned = "n=1; Secure; Partitioned";
        assert!(sent(&[partitioned, &format!("n=; Secure; {gone}")], home, home).is_some());
    }

    #[test]
    fn max_age_outweighs_expires() {
        let home = "https://a.test/";
        let past = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        assert_eq!(sent(&[&format!("n=1; {past}")], home, home), None);
        assert!(sent(&[&format!("n=1; {past}; Max-Age=9")], home, home).is_some());
        assert!(sent(&["n=1; Expires=Sun, 01 Nov 2026 12:00:01 GMT"], home, home).is_some());
    }
}
