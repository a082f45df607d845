//! The session document: express-session's JSON, with our own facts under one reserved key.
//!
//! `{"cookie":{…}, …the application's keys, "__handstamp":{…}}`. An application's values stay raw
//! until they are asked for, and what is not changed is written back byte for byte.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Expiry;
use crate::facts::{Facts, Successor};
use crate::object::{Object, to_json, write_member};
use crate::{CookieConfig, SameSite, SessionConfig, Timestamp};

/// The one top-level key that is ours.
pub(crate) const RESERVED: &str = "__handstamp";

/// The top-level key that express-session needs.
const COOKIE: &str = "cookie";

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
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    /// express-session's `cookie` object.
    cookie: Object,
    /// The application's keys.
    pub data: Object,
    pub facts: Facts,
}

impl Document {
    /// The document of a session that begins now.
    pub(crate) fn new(config: &SessionConfig, now: Timestamp) -> Self {
        let mut document = Self { cookie: cookie_object(&config.cookie), ..Self::default() };
        document.facts.created = Some(now);
        document.set_expiry(config.expiry, config, now);
        document
    }

    /// What stays under an old id: an empty session, for those who know no better, and the pointer.
    pub(crate) fn stub(successor: Successor, config: &SessionConfig) -> Self {
        let facts =
            Facts { until: Some(successor.until), successor: Some(successor), ..Facts::default() };
        Self { cookie: cookie_object(&config.cookie), data: Object::default(), facts }
    }

    /// Reads a document. `None`: it is not a JSON object with a `cookie` object, which
    /// express-session would not read either.
    pub(crate) fn parse(bytes: &Arc<[u8]>) -> Option<Self> {
        Self::from_object(Object::parse(bytes)?)
    }

    /// Reads a document whose top level has been read.
    pub(crate) fn from_object(mut data: Object) -> Option<Self> {
        let cookie = data.object(COOKIE)?;
        data.remove(COOKIE);
        let facts = data.object(RESERVED).map(Facts::read).unwrap_or_default();
        data.remove(RESERVED);
        Some(Self { cookie, data, facts })
    }

    /// The document as JSON.
    pub(crate) fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.cookie.size() + self.data.size() + 256);
        out.push('{');
        write_member(&mut out, "\"cookie\"", &self.cookie.to_json());
        self.write_contents(&mut out);
        out.push('}');
        out
    }

    /// Writes all but the `cookie`.
    pub(crate) fn write_contents(&self, out: &mut String) {
        self.data.write_members(out);
        write_member(out, "\"__handstamp\"", &self.facts.to_json());
    }

    pub(crate) fn cookie_json(&self) -> String {
        self.cookie.to_json()
    }

    /// How long this session lives from its last use, and whether the browser keeps it.
    ///
    /// A persistent session of express-session says it in its cookie; ours does so too, so that both
    /// agree.
    pub(crate) fn expiry(&self, config: &SessionConfig) -> Expiry {
        let max_age = self
            .cookie
            .get("originalMaxAge")
            .and_then(|json| serde_json::from_str::<f64>(json).ok());
        let max_age = max_age
            .filter(|millis| *millis >= 1.0)
            .map(|millis| Duration::from_secs_f64((millis / 1000.0).min(1e12)));
        Expiry {
            idle: max_age.or(self.facts.idle).unwrap_or(config.expiry.idle),
            absolute: config.expiry.absolute,
            persistent: max_age.is_some(),
        }
    }

    /// How long the store shall keep the session from now: the idle time, or what the absolute
    /// deadline leaves of it. Zero: it is over.
    pub(crate) fn lifetime(&self, config: &SessionConfig, now: Timestamp) -> Duration {
        let idle = self.expiry(config).idle;
        self.facts.until.map_or(idle, |until| idle.min(until.remaining(now)))
    }

    /// Gives the session an expiry of its own, which it keeps. An absolute limit counts from now.
    pub(crate) fn set_expiry(&mut self, expiry: Expiry, config: &SessionConfig, now: Timestamp) {
        self.facts.until = expiry.absolute.map(|absolute| now.after(absolute));
        self.facts.idle =
            (!expiry.persistent && expiry.idle != config.expiry.idle).then_some(expiry.idle);
        let max_age = expiry.persistent.then(|| expiry.idle.as_millis().to_string());
        self.cookie.set("originalMaxAge", max_age.unwrap_or_else(|| "null".into()).into());
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
        let expiry = self.expiry(config);
        if expiry.persistent {
            self.cookie.set("expires", to_json(&iso_date(now.after(expiry.idle))).into());
        } else if self.cookie.get("expires") != Some("null") {
            self.cookie.set("expires", "null".into());
        }
    }
}

/// Whether an application may use this key.
pub(crate) fn is_reserved(key: &str) -> bool {
    key == COOKIE || key == RESERVED || EXPRESS_NAMES.contains(&key)
}

/// express-session's `cookie` object, in its order of keys. `originalMaxAge` and `expires` are of a
/// browser session.
fn cookie_object(config: &CookieConfig) -> Object {
    let mut object = Object::default();
    let mut set = |name, value: Option<String>| {
        value.into_iter().for_each(|value| object.set(name, value.into()))
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
    object
}

fn same_site(value: SameSite) -> String {
    to_json(&format!("{value:?}").to_lowercase())
}

/// A date as JavaScript's `toISOString` writes it.
fn iso_date(moment: Timestamp) -> String {
    /// The last millisecond of the year 9999, after which ISO 8601 needs more digits.
    const LAST: u64 = 253_402_300_799_999;
    let millis = i64::try_from(moment.as_millis().min(LAST)).unwrap_or_default();
    let date = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    format!("{date:.3}")
}
