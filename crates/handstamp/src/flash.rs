//! Flash messages: values for the page that is shown next, in the form that connect-flash gives them.
//!
//! One key holds them all: `{"info":["Saved."],"error":[…]}`. Each step runs again on a fresh value when
//! another request was faster, so no message is lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::{ErrorKind, SessionError};

/// connect-flash's key.
pub(crate) const KEY: &str = "flash";

type Messages = BTreeMap<String, Vec<Box<RawValue>>>;

/// Adds a message, which is JSON.
pub(crate) fn add(
    all: Option<&[u8]>,
    kind: &str,
    message: &str,
) -> Result<Option<Arc<str>>, SessionError> {
    let mut all = read(all)?;
    let message = RawValue::from_string(message.to_owned()).map_err(not_flashes)?;
    all.entry(kind.to_owned()).or_default().push(message);
    write(&all)
}

/// The messages of a kind, as JSON.
pub(crate) fn peek(all: Option<&[u8]>, kind: &str) -> Result<Vec<Box<RawValue>>, SessionError> {
    Ok(read(all)?.remove(kind).unwrap_or_default())
}

/// Takes out the messages that are being shown, and no others that came meanwhile.
pub(crate) fn take(
    all: Option<&[u8]>,
    kind: &str,
    shown: &[Box<RawValue>],
) -> Result<Option<Arc<str>>, SessionError> {
    let mut all = read(all)?;
    if let Some(messages) = all.get_mut(kind) {
        for message in shown {
            if let Some(at) = messages.iter().position(|known| known.get() == message.get()) {
                messages.remove(at);
            }
        }
    }
    all.retain(|_, messages| !messages.is_empty());
    if all.is_empty() { Ok(None) } else { write(&all) }
}

fn read(all: Option<&[u8]>) -> Result<Messages, SessionError> {
    all.map_or_else(|| Ok(Messages::new()), |all| serde_json::from_slice(all).map_err(not_flashes))
}

fn write(all: &Messages) -> Result<Option<Arc<str>>, SessionError> {
    serde_json::to_string(all).map(|json| Some(json.into())).map_err(not_flashes)
}

fn not_flashes(_quotes_the_value: serde_json::Error) -> SessionError {
    let message = format!(
        "the key {KEY:?} does not hold lists of messages; flash and an application's own use of it don't go together"
    );
    SessionError::new(ErrorKind::Value, message)
}
