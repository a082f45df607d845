//! What handstamp itself knows of a session: kept under one reserved key of the document, which
//! application code never sees and which express-session carries along untouched.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::object::{Object, write_member};
use crate::{Fingerprint, SessionId, Timestamp};

/// Our own facts of a session. Names that we don't know, of a later version, are kept.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    /// When the session began.
    pub created: Option<Timestamp>,
    /// When the document was last written; the store's remaining lifetime often tells more.
    pub seen: Option<Timestamp>,
    /// When a client that keeps its credential was last given one: from then on it counts the days itself.
    pub sent: Option<Timestamp>,
    /// The absolute deadline.
    pub until: Option<Timestamp>,
    /// The idle time that this session was given, if it is not the configured one.
    pub idle: Option<Duration>,
    pub owner: Option<Arc<str>>,
    pub device: Option<Device>,
    /// This session has been rotated: here is where it went.
    pub successor: Option<Box<Successor>>,
    /// This session is a rotated one: here is where it came from. Until the old id is retired, both
    /// records stand, and whoever counts sessions has to know that they are one.
    pub from: Option<Fingerprint>,
    /// What a later version of handstamp has noted.
    pub others: Object,
}

/// The browser and the place that a session is used from, as the application tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// What the client says of itself: the `User-Agent` header.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// Where it connects from: an address, a place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
}

/// What stands under an id that has been replaced, for the grace time.
#[derive(Clone, Debug)]
pub(crate) struct Successor {
    pub id: SessionId,
    /// The end of the grace time. The store's lifetime of the stub may be longer: an Express
    /// application that shares the store could have touched it.
    pub until: Timestamp,
    /// Whether whoever still holds the old id reaches the new session. After a login they don't: the
    /// old id may have been planted (session fixation). What they write is kept all the same.
    pub open: bool,
}

/// The names of the facts that are known here.
const NAMES: [&str; 10] =
    ["created", "seen", "sent", "until", "idle", "owner", "device", "successor", "open", "from"];

impl Facts {
    /// Reads the facts, which are this part of the source. A fact of another type than expected counts
    /// as absent.
    pub(crate) fn read(source: &Arc<[u8]>, part: Range<usize>) -> Self {
        let Some((others, known)) = Object::parse_part(source, part, NAMES) else {
            return Self::default();
        };
        let [created, seen, sent, until, idle, owner, device, successor, open, from] =
            known.map(|range| range.map(|range| &source[range]));
        let mut facts = Self {
            created: created.and_then(moment),
            seen: seen.and_then(moment),
            sent: sent.and_then(moment),
            until: until.and_then(moment),
            idle: idle.and_then(moment).map(|idle| idle.remaining(Timestamp::default())),
            owner: owner.and_then(value::<String>).map(Arc::from),
            device: device.and_then(value),
            successor: None,
            from: from.and_then(value::<String>).and_then(|from| Fingerprint::parse(&from)),
            others,
        };
        if let Some(id) = successor.and_then(value::<String>).and_then(|id| SessionId::parse(&id)) {
            let open = open.and_then(value).unwrap_or(false);
            let until = facts.until.unwrap_or_default();
            facts.successor = Some(Box::new(Successor { id, until, open }));
        }
        facts
    }

    /// How many bytes of text they hold.
    pub(crate) fn size(&self) -> usize {
        let device = self.device.as_ref().map(|device| device.agent.len() + device.address.len());
        self.owner.as_ref().map_or(0, |owner| owner.len()) + device.unwrap_or_default()
    }

    /// The facts as JSON.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Writes the facts as JSON.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        self.others.write_members(out);
        let moments = [
            (&b"\"created\""[..], self.created),
            (b"\"seen\"", self.seen),
            (b"\"sent\"", self.sent),
            (b"\"until\"", self.until),
        ];
        for (name, moment) in moments {
            moment.into_iter().for_each(|moment| member(out, name, &moment.as_millis()));
        }
        if let Some(idle) = self.idle {
            member(out, b"\"idle\"", &idle.as_millis());
        }
        if let Some(owner) = &self.owner {
            member(out, b"\"owner\"", &**owner);
        }
        if let Some(device) = &self.device {
            member(out, b"\"device\"", device);
        }
        if let Some(successor) = &self.successor {
            member(out, b"\"successor\"", successor.id.as_str());
            member(out, b"\"open\"", &successor.open);
        }
        if let Some(from) = self.from {
            member(out, b"\"from\"", &from.to_string());
        }
        out.push(b'}');
    }
}

fn member(out: &mut Vec<u8>, name: &[u8], value: &(impl Serialize + ?Sized)) {
    write_member(out, name, b"");
    // Writing into a vector can't fail.
    let _ = serde_json::to_writer(out, value);
}

fn value<T: for<'de> Deserialize<'de>>(json: &[u8]) -> Option<T> {
    serde_json::from_slice(json).ok()
}

/// A moment, or a duration, in milliseconds.
fn moment(json: &[u8]) -> Option<Timestamp> {
    // What we write ourselves are plain digits, at most 16.
    if json.len() <= 16
        && let Some(number) = digits(json)
    {
        return Some(Timestamp::from_millis(number));
    }
    value(json).map(millis)
}

fn digits(json: &[u8]) -> Option<u64> {
    json.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
    })
}

/// JavaScript's numbers are floating; negative and huge ones are brought into range.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, which is what is wanted"
)]
fn millis(number: f64) -> Timestamp {
    Timestamp::from_millis(number as u64)
}
