//! What a save is to do, as JavaScript says it.

use handstamp::Session;
use napi_derive::napi;

use crate::error::Failure;

/// What a save is to do.
#[derive(Debug)]
#[napi(object, object_to_js = false)]
pub struct Changes {
    /// The whole `cookie` object, if it is to be written.
    pub cookie: Option<String>,
    /// The whole data, if they may have changed.
    pub data: Option<String>,
    /// Values that were computed: a key, the JSON it was computed from or null, its JSON or null; one
    /// after another.
    pub computed: Option<Vec<Option<String>>>,
    /// Whether to write even if nothing has changed: only that shows whether the id is still the
    /// session's.
    pub force: Option<bool>,
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

impl Changes {
    /// Does all this with a session, to be saved.
    ///
    /// The login comes first: it drops the data of another owner, and what JavaScript wants to be
    /// there comes in their place.
    pub(crate) fn make(self, session: &Session) -> Result<(), Failure> {
        match self.intent.as_deref() {
            None => {}
            Some("login") => {
                let nobody = || Failure::value("a login needs an owner");
                session.login(self.owner.ok_or_else(nobody)?)?;
            }
            Some("rotate") => session.rotate()?,
            Some(_) => return Err(Failure::value("the intent must be \"login\" or \"rotate\"")),
        }
        if let Some(cookie) = self.cookie {
            session.assign_cookie(&cookie)?;
        }
        if let Some(data) = self.data {
            session.assign(&data)?;
        }
        compute(session, &self.computed.unwrap_or_default())?;
        if let Some(device) = self.device {
            session.set_device(device.into())?;
        }
        if self.force == Some(true) {
            session.rewrite()?;
        }
        Ok(())
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
