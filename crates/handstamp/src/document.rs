//! The session document: express-session's JSON, with our own facts under one reserved key.
//!
//! `{"cookie":{…}, …the application's keys, "__handstamp":{…}}`. An application's values stay raw
//! until they are asked for, and what is not changed is written back byte for byte.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Expiry;
use crate::facts::{Facts, Successor};
use crate::object::{Object, Text, to_json, write_member};
use crate::{CookieConfig, SameSite, SessionConfig, Timestamp};

/// The one top-level key that is ours.
pub(crate) const RESERVED: &str = "__handstamp";

/// The top-level key that express-session needs.
pub(crate) const COOKIE: &str = "cookie";

/// How a document begins that we have written.
const OPENING: &[u8] = br#"{"cookie":"#;

/// Names that express-session's session object has itself: it would ignore such keys when loading.
const EXPRESS_NAMES: [&str; 20] = [
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "constructor",
    "destroy",
    "hasOwnProperty",
    "id",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "regenerate",
    "reload",
    "req",
    "resetMaxAge",
    "save",
    "toLocaleString",
    "toString",
    "touch",
    "valueOf",
];

/// A session document.
#[derive(Clone)]
pub(crate) struct Document {
    source: Arc<[u8]>,
    /// express-session's `cookie` object.
    cookie: Text,
    /// How long a persistent session lives: `originalMaxAge` of the cookie.
    max_age: Option<Duration>,
    /// The application's keys.
    pub data: Object,
    pub facts: Facts,
}

impl Document {
    /// The document of a session that begins now.
    pub(crate) fn new(config: &SessionConfig, now: Timestamp) -> Self {
        let mut document = Self::empty(config);
        document.facts.created = Some(now);
        document.set_expiry(config.expiry, config, now);
        document
    }

    /// What stays under an old id: an empty session, for those who know no better, and the pointer.
    pub(crate) fn stub(successor: Successor, config: &SessionConfig) -> Self {
        let mut stub = Self::empty(config);
        stub.facts.until = Some(successor.until);
        stub.facts.successor = Some(Box::new(successor));
        stub
    }

    fn empty(config: &SessionConfig) -> Self {
        Self {
            source: Arc::default(),
            cookie: Text::Own(Arc::clone(&config.cookie_json)),
            max_age: None,
            data: Object::default(),
            facts: Facts::default(),
        }
    }

    /// Reads a document. `None`: it is not a JSON object with a `cookie` object, which
    /// express-session would not read either.
    ///
    /// Most documents begin with the cookie object of a new one, which need not be looked at again.
    pub(crate) fn parse(source: &Arc<[u8]>, config: &SessionConfig) -> Option<Self> {
        let known = || {
            source
                .strip_prefix(OPENING)?
                .strip_prefix(config.cookie_json.as_bytes())?
                .strip_prefix(b",")
        };
        if let Some(rest) = known() {
            let at = source.len() - rest.len();
            let (data, [cookie, facts]) = Object::parse_from(source, at, [COOKIE, RESERVED])?;
            return match cookie {
                None => Some(Self::read(source, data, OPENING.len()..at - 1, None, facts)),
                Some(cookie) => {
                    Some(Self::read(source, data, cookie.clone(), max_age(source, cookie)?, facts))
                }
            };
        }
        let (data, [cookie, facts]) = Object::parse(source, [COOKIE, RESERVED])?;
        let cookie = cookie?;
        Some(Self::read(source, data, cookie.clone(), max_age(source, cookie)?, facts))
    }

    fn read(
        source: &Arc<[u8]>,
        data: Object,
        cookie: Range<usize>,
        max_age: Option<Duration>,
        facts: Option<Range<usize>>,
    ) -> Self {
        let facts = facts.map(|part| Facts::read(source, part)).unwrap_or_default();
        Self { source: Arc::clone(source), cookie: Text::Source(cookie), max_age, data, facts }
    }

    /// The document as JSON, and the same document as it stands there: what [`parse`](Self::parse) would
    /// make of it, but for its text.
    pub(crate) fn to_placed_json(&self) -> (Vec<u8>, Self) {
        let mut out = Vec::with_capacity(self.data.size() + 512);
        out.extend_from_slice(OPENING);
        out.extend_from_slice(self.cookie_json());
        let cookie = Text::Source(OPENING.len()..out.len());
        let data = self.data.move_members(&mut out);
        self.write_facts(&mut out);
        out.push(b'}');
        let facts = self.facts.clone();
        let placed = Self { source: Arc::default(), cookie, max_age: self.max_age, data, facts };
        (out, placed)
    }

    #[cfg(test)]
    pub(crate) fn to_json(&self) -> Vec<u8> {
        self.to_placed_json().0
    }

    /// A document that was taken out of its text, put back into it.
    pub(crate) fn in_source(self, source: &Arc<[u8]>) -> Self {
        Self { source: Arc::clone(source), data: self.data.in_source(source), ..self }
    }

    /// Takes a document out of its text: what stays is where everything stands. `None`: there is too much
    /// of it to be remembered.
    pub(crate) fn out_of_source(mut self) -> Option<Self> {
        const MOST_MEMBERS: usize = 64;
        const MOST_FACTS: usize = 1024;
        let is_large = self.data.len() > MOST_MEMBERS || self.facts.size() > MOST_FACTS;
        if is_large || !self.facts.others.is_empty() {
            return None;
        }
        self.source = Arc::default();
        self.data = self.data.in_source(&self.source);
        self.facts.others = Object::default();
        Some(self)
    }

    /// Writes all but the `cookie`.
    pub(crate) fn write_contents(&self, out: &mut Vec<u8>) {
        self.data.write_members(out);
        self.write_facts(out);
    }

    fn write_facts(&self, out: &mut Vec<u8>) {
        write_member(out, b"\"__handstamp\"", b"");
        self.facts.write(out);
    }

    pub(crate) fn cookie_json(&self) -> &[u8] {
        self.cookie.bytes(&self.source)
    }

    /// How long this session lives from its last use, and whether the browser keeps it.
    ///
    /// A persistent session of express-session says it in its cookie; ours does so too, so that both
    /// agree.
    pub(crate) fn expiry(&self, config: &SessionConfig) -> Expiry {
        Expiry {
            idle: self.max_age.or(self.facts.idle).unwrap_or(config.expiry.idle),
            absolute: None,
            persistent: self.max_age.is_some(),
        }
    }

    /// How long the store shall keep the session from now: the idle time, or what the absolute
    /// deadline leaves of it. Zero: it is over.
    pub(crate) fn lifetime(&self, config: &SessionConfig, now: Timestamp) -> Duration {
        let idle = self.expiry(config).idle;
        self.facts.until.map_or(idle, |until| idle.min(until.remaining(now)))
    }

    /// Gives the session an expiry of its own, which it keeps. An absolute limit counts from now;
    /// without one the deadline stays where it is.
    pub(crate) fn set_expiry(&mut self, expiry: Expiry, config: &SessionConfig, now: Timestamp) {
        if let Some(absolute) = expiry.absolute {
            self.facts.until = Some(now.after(absolute));
        }
        self.facts.idle =
            (!expiry.persistent && expiry.idle != config.expiry.idle).then_some(expiry.idle);
        self.max_age = expiry.persistent.then_some(expiry.idle);
        self.refresh(config, now);
    }

    /// Notes that the client is given a credential now. One that keeps none has nothing to run out.
    pub(crate) fn note_sent(&mut self, now: Timestamp) {
        self.facts.sent = self.max_age.map(|_| now);
    }

    /// Whether a twentieth of the time has passed for which a client keeps what it was given.
    pub(crate) fn is_credential_due(&self, now: Timestamp) -> bool {
        let sent = self.facts.sent.or(self.facts.seen);
        self.max_age.zip(sent).is_some_and(|(idle, sent)| sent.after(idle / 20) < now)
    }

    /// Takes over a `cookie` object: its attributes, and by `originalMaxAge` how long the session lives.
    /// What is no object is left alone.
    pub(crate) fn set_cookie(&mut self, cookie: &Arc<str>, config: &SessionConfig, now: Timestamp) {
        let source: Arc<[u8]> = Arc::from(cookie.as_bytes());
        let Some(max_age) = max_age(&source, 0..source.len()) else { return };
        self.max_age = max_age;
        if max_age.is_some() {
            self.facts.idle = None;
        }
        self.cookie = Text::Own(Arc::clone(cookie));
        self.refresh(config, now);
    }

    /// Notes that the session is being written now: what express-session's `touch` does.
    pub(crate) fn refresh(&mut self, config: &SessionConfig, now: Timestamp) {
        self.facts.created.get_or_insert(now);
        self.facts.seen = Some(now);
        if self.facts.until.is_none() {
            // A session that express-session began has no deadline yet.
            self.facts.until = config.expiry.absolute.map(|absolute| now.after(absolute));
        }
        self.refresh_cookie(now);
    }

    /// Writes into the cookie when it ends. A browser session's has nothing to be written, mostly.
    fn refresh_cookie(&mut self, now: Timestamp) {
        const BROWSER_SESSION: &[u8] = br#"{"originalMaxAge":null,"expires":null,"#;
        if self.max_age.is_none() && self.cookie_json().starts_with(BROWSER_SESSION) {
            return;
        }
        let source = Arc::from(self.cookie_json());
        let Some((mut cookie, [])) = Object::parse(&source, []) else { return };
        let says = |name| cookie.get(name).is_some_and(|value| value != b"null");
        if self.max_age.is_none() && !says("originalMaxAge") && !says("expires") {
            return;
        }
        let (max_age, expires) = match self.max_age {
            Some(idle) => (idle.as_millis().to_string(), to_json(&iso_date(now.after(idle)))),
            None => ("null".into(), "null".into()),
        };
        cookie.set("originalMaxAge", max_age.into());
        cookie.set("expires", expires.into());
        self.cookie = Text::Own(String::from_utf8_lossy(&cookie.to_json()).into());
    }
}

/// Shows how much there is, never what.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data.fmt(f)
    }
}

/// How long a persistent session of express-session lives. `None`: it has no `cookie` object.
fn max_age(source: &Arc<[u8]>, cookie: Range<usize>) -> Option<Option<Duration>> {
    if source[cookie.clone()].starts_with(br#"{"originalMaxAge":null,"#) {
        return Some(None);
    }
    let (_, [max_age]) = Object::parse_part(source, cookie, ["originalMaxAge"])?;
    let millis: Option<f64> = max_age.and_then(|range| serde_json::from_slice(&source[range]).ok());
    let millis = millis.filter(|millis| *millis >= 1.0);
    Some(millis.map(|millis| Duration::from_secs_f64((millis / 1000.0).min(1e12))))
}

/// Whether this is an object, as express-session's `cookie` has to be.
pub(crate) fn is_cookie(json: &str) -> bool {
    Object::parse(&Arc::from(json.as_bytes()), []).is_some()
}

/// Whether an application may use this key.
pub(crate) fn is_reserved(key: &str) -> bool {
    key == COOKIE || key == RESERVED || EXPRESS_NAMES.contains(&key)
}

/// express-session's `cookie` object, in its order of keys. `originalMaxAge` and `expires` are of a
/// browser session.
pub(crate) fn cookie_json(config: &CookieConfig) -> Arc<str> {
    let mut object = Object::default();
    let mut set = |name, value: Option<String>| {
        value.into_iter().for_each(|value| object.set(name, value.into()));
    };
    let flag = |on: bool| on.then(|| "true".to_owned());
    set("originalMaxAge", Some("null".into()));
    set("partitioned", flag(config.partitioned()));
    set(
        "priority",
        config.priority().map(|priority| to_json(&format!("{priority:?}").to_lowercase())),
    );
    set("expires", Some("null".into()));
    set("secure", flag(config.secure()));
    set("httpOnly", Some(config.http_only().to_string()));
    set("domain", config.domain().map(to_json));
    set("path", Some(to_json(config.path())));
    set("sameSite", config.same_site().map(same_site));
    String::from_utf8_lossy(&object.to_json()).into()
}

fn same_site(value: SameSite) -> String {
    to_json(&format!("{value:?}").to_lowercase())
}

/// A date as JavaScript's `toISOString` writes it.
fn iso_date(moment: Timestamp) -> String {
    // After the year 9999 ISO 8601 would need more digits; nobody's session lives as long.
    let millis = i64::try_from(moment.as_millis()).unwrap_or(i64::MAX);
    let date = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    format!("{date:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionId;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn parse(json: &str) -> Option<Document> {
        Document::parse(&json.as_bytes().into(), &SessionConfig::strict())
    }

    fn text(document: &Document) -> String {
        String::from_utf8(document.to_json()).unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_763_845_794_054)
    }

    #[test]
    fn a_new_document_is_express_sessions() {
        let mut document = Document::new(&SessionConfig::express(), now());
        document.data.set("u", "{}".into());
        assert_eq!(
            text(&document),
            r#"{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"u":{},"__handstamp":{"created":1763845794054,"seen":1763845794054}}"#
        );
    }

    #[test]
    fn all_cookie_attributes_stand_in_express_sessions_order() {
        let cookie = CookieConfig::express()
            .with_partitioned(true)
            .with_priority(crate::Priority::High)
            .with_secure(true)
            .with_domain("example.com")
            .with_same_site(SameSite::Lax);
        let config = SessionConfig::express()
            .with_cookie(cookie)
            .with_expiry(Expiry::idle(Duration::from_secs(60)).persistent());
        let json = text(&Document::new(&config, now()));
        let expected = r#"{"cookie":{"originalMaxAge":60000,"partitioned":true,"priority":"high","expires":"2025-11-22T21:10:54.054Z","secure":true,"httpOnly":true,"domain":"example.com","path":"/","sameSite":"lax"},"#;
        assert!(json.starts_with(expected), "{json}");
    }

    #[test]
    fn a_document_of_express_session_keeps_all_that_it_holds() {
        let json = r#"{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/","x":1.50},"passport":{"user":1e2},"flash":{"info":["a"]}}"#;
        let mut document = parse(json).unwrap();
        document.refresh(&SessionConfig::express(), now());
        let facts = r#","__handstamp":{"created":1763845794054,"seen":1763845794054}}"#;
        assert_eq!(text(&document), json.replace("]}}", &format!("]}}{facts}")));
    }

    #[test]
    fn a_persistent_session_of_express_session_keeps_its_own_lifetime() {
        let config = SessionConfig::express();
        let mut document =
            parse(r#"{"cookie":{"originalMaxAge":60000,"expires":"2020-01-01T00:00:00.000Z","path":"/"}}"#).unwrap();
        let expiry = document.expiry(&config);
        assert!(expiry.persistent && expiry.idle == Duration::from_secs(60));
        document.refresh(&config, now());
        assert!(text(&document).contains(r#""expires":"2025-11-22T21:10:54.054Z""#));
    }

    #[test]
    fn a_cookie_that_is_known_and_one_that_is_not_are_read_alike() {
        let strict = SessionConfig::strict();
        let mut document = Document::new(&strict, now());
        document.data.set("key", "1".into());
        let json = text(&document);
        let read =
            |config: &SessionConfig| Document::parse(&json.as_bytes().into(), config).unwrap();
        assert_eq!(text(&read(&strict)), json);
        assert_eq!(text(&read(&SessionConfig::express())), json);
        // A second cookie object wins, as in JSON.parse.
        let twice = json.replace("\"key\":1", r#""cookie":{"originalMaxAge":60000},"key":1"#);
        let read = Document::parse(&twice.as_bytes().into(), &strict).unwrap();
        assert_eq!(read.expiry(&strict).idle, Duration::from_secs(60));
        let broken = json.replace("\"key\":1", "\"key\":");
        assert!(Document::parse(&broken.as_bytes().into(), &strict).is_none());
    }

    #[test]
    fn without_a_cookie_object_it_is_no_document() {
        for bad in ["{}", r#"{"cookie":null}"#, r#"{"cookie":[]}"#, r#"{"cookie":"a"}"#, "[]", ""] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn facts_of_the_wrong_type_count_as_absent_and_unknown_ones_are_kept() {
        let json = r#"{"cookie":{},"__handstamp":{"created":"x","owner":5,"until":-1,"seen":1e300,"later":[1]}}"#;
        let document = parse(json).unwrap();
        assert_eq!(document.facts.created, None);
        assert_eq!(document.facts.owner, None);
        assert_eq!(document.facts.until, Some(Timestamp::default()));
        assert!(document.facts.seen.is_some());
        assert!(text(&document).contains(r#""later":[1]"#));
        assert!(parse(r#"{"cookie":{},"__handstamp":7}"#).is_some());
    }

    #[test]
    fn all_facts_survive_being_written_and_read() {
        let mut document = Document::new(&SessionConfig::strict(), now());
        document.facts.owner = Some("alice \"q\" é".into());
        document.facts.idle = Some(DAY);
        document.facts.device =
            Some(crate::Device { agent: "Firefox".into(), address: String::new() });
        let id = SessionId::random().unwrap();
        document.facts.successor =
            Some(Box::new(Successor { id, until: now().after(DAY), open: true }));
        document.facts.until = Some(now().after(DAY));
        document.facts.from = Some(id.fingerprint());
        let read = parse(&text(&document)).unwrap();
        assert_eq!(text(&read), text(&document));
        assert_eq!(read.facts.owner, document.facts.owner);
        assert_eq!(read.facts.device, document.facts.device);
        assert_eq!(read.facts.from, Some(id.fingerprint()));
        assert!(read.facts.successor.is_some_and(|successor| successor.id == id
            && successor.open
            && successor.until == now().after(DAY)));
    }

    #[test]
    fn the_absolute_deadline_cuts_the_lifetime_short_and_does_not_move() {
        let config = SessionConfig::strict().with_expiry(Expiry::idle(DAY).with_absolute(2 * DAY));
        let mut document = Document::new(&config, now());
        let later = now().after(DAY + DAY / 2);
        document.refresh(&config, later);
        assert_eq!(document.lifetime(&config, now()), DAY);
        assert_eq!(document.lifetime(&config, later), DAY / 2);
        assert_eq!(document.lifetime(&config, now().after(3 * DAY)), Duration::ZERO);
    }

    #[test]
    fn an_expiry_of_its_own_stays_with_the_session() {
        let config = SessionConfig::express();
        for expiry in
            [Expiry::idle(DAY / 3), Expiry::idle(30 * DAY).persistent(), Expiry::idle(DAY)]
        {
            let mut document = Document::new(&config, now());
            document.set_expiry(expiry, &config, now());
            assert_eq!(parse(&text(&document)).unwrap().expiry(&config), expiry);
        }
    }

    #[test]
    fn names_of_express_sessions_own_object_are_reserved() {
        for name in
            ["cookie", "__handstamp", "id", "req", "touch", "save", "__proto__", "constructor"]
        {
            assert!(is_reserved(name), "{name}");
        }
        assert!(!is_reserved("user") && !is_reserved("flash") && !is_reserved("passport"));
    }
}
