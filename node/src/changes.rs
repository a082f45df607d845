//! What a save is to do, as JavaScript says it.

use handstamp::Session;
use napi_derive::napi;

use crate::error::Failure;

/// What a save is to do beside writing data and cookie: seldom anything.
#[derive(Debug, Default)]
#[napi(object, object_to_js = false)]
pub struct Changes {
    /// Values that were computed: a key, the JSON it was computed from or null, its JSON or null; one
    /// after another.
    pub computed: Option<Vec<Option<String>>>,
    /// Whether the client is given a credential with this answer.
    pub sent: Option<bool>,
    /// What becomes of the id: `rotate` or `login`.
    pub intent: Option<String>,
    /// The id for the intent.
    pub next_id: Option<String>,
    /// Who signs in.
    pub owner: Option<String>,
    /// The device, for the owner's list of sessions.
    pub device: Option<Device>,
}

/// The browser and the place that a session is used from.
#[derive(Debug)]
#[napi(object, object_to_js = false)]
pub struct Device {
    /// What the client says of itself.
    pub agent: Option<String>,
    /// Where it connects from.
    pub address: Option<String>,
}

/// Does all this with a session, to be saved.
///
/// The login comes first: it drops the data of another owner, and what JavaScript wants to be there
/// comes in their place.
pub(crate) fn make(
    session: &Session,
    data: Option<&str>,
    cookie: Option<String>,
    changes: Option<Changes>,
) -> Result<(), Failure> {
    let mut changes = changes.unwrap_or_default();
    rename(session, changes.intent.as_deref(), changes.owner.take())?;
    if let Some(cookie) = cookie {
        session.assign_cookie(&cookie)?;
    }
    if let Some(data) = data {
        session.assign(data)?;
    }
    compute(session, &changes.computed.unwrap_or_default())?;
    if let Some(device) = changes.device {
        session.set_device(device.into())?;
    }
    if changes.sent == Some(true) {
        session.note_sent()?;
    }
    Ok(session.rewrite()?)
}

/// Sets and takes out members: names and JSON, one after another.
pub(crate) fn amend(session: &Session, steps: Option<&str>) -> Result<(), Failure> {
    let Some(steps) = steps else { return Ok(()) };
    let mut parts = steps.split('\0');
    while let Some(name) = parts.next() {
        let json =
            parts.next().ok_or_else(|| Failure::value("a step is a name and a JSON text"))?;
        session.assign_member(name, (!json.is_empty()).then_some(json))?;
    }
    Ok(())
}

fn rename(session: &Session, intent: Option<&str>, owner: Option<String>) -> Result<(), Failure> {
    match intent {
        None => Ok(()),
        Some("login") => {
            let nobody = || Failure::value("a login needs an owner");
            Ok(session.login(owner.ok_or_else(nobody)?)?)
        }
        Some("rotate") => Ok(session.rotate()?),
        Some(_) => Err(Failure::value("the intent must be \"login\" or \"rotate\"")),
    }
}

impl From<Device> for handstamp::Device {
    fn from(device: Device) -> Self {
        Self {
            agent: device.agent.unwrap_or_default(),
            address: device.address.unwrap_or_default(),
        }
    }
}

fn compute(session: &Session, computed: &[Option<String>]) -> Result<(), Failure> {
    for step in computed.chunks(3) {
        let [Some(key), from, value] = step else {
            return Err(Failure::value("a computed value is a key and two JSON texts"));
        };
        session.set_computed(key, from.as_deref(), value.as_deref())?;
    }
    Ok(())
}
