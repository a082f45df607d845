//! What a request did to its session, in order, so that it can be done again on a fresh document
//! when another request was faster: the merge.
//!
//! Keys that only the others changed stay as the others left them. A key that both changed goes to
//! the later writer, unless it was written by `update`: then its closure runs again.

use std::fmt;
use std::sync::Arc;

use crate::config::Expiry;
use crate::document::Document;
use crate::facts::Device;
use crate::object::Object;
use crate::{SessionConfig, SessionError, Timestamp};

/// One step of a handler.
#[derive(Clone)]
pub(crate) enum Change {
    /// Everything of the application goes, what others wrote meanwhile included.
    Clear,
    Device(Device),
    Expiry(Expiry),
    /// The session belongs to this owner. Another owner's data don't stay.
    Login(Arc<str>),
    Remove(Arc<str>),
    Set(Arc<str>, Arc<str>),
    Update(Arc<str>, Arc<Compute>),
}

/// Computes a key's new value from its current one; both are JSON, `None` is no value.
pub(crate) type Compute =
    dyn Fn(Option<&str>) -> Result<Option<Arc<str>>, SessionError> + Send + Sync;

/// The steps of a request since its session was last read or saved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes(Vec<Change>);

impl Changes {
    /// Notes a step. `kept`: so many steps are being saved at this moment and must stay as they are.
    pub(crate) fn push(&mut self, change: Change, kept: usize) {
        if let Change::Set(key, _) | Change::Remove(key) = &change {
            self.forget(&key.clone(), kept);
        }
        self.0.push(change);
    }

    /// Does all steps on this document.
    pub(crate) fn apply(
        &self,
        document: &mut Document,
        config: &SessionConfig,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        self.0.iter().try_for_each(|change| change.apply(document, config, now))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Drops the steps that have been saved.
    pub(crate) fn saved(&mut self, count: usize) {
        self.0.drain(..count.min(self.0.len()));
    }

    /// Whether the session was given an expiry.
    pub(crate) fn set_expiry(&self) -> bool {
        self.0.iter().any(|change| matches!(change, Change::Expiry(_)))
    }

    /// Drops earlier steps on a key that is written over: a loop over one key must not grow a list.
    fn forget(&mut self, key: &str, kept: usize) {
        let kept = kept.min(self.0.len());
        let later = self.0.split_off(kept);
        self.0.extend(later.into_iter().filter(|change| change.key() != Some(key)));
    }
}

impl Change {
    pub(crate) fn apply(
        &self,
        document: &mut Document,
        config: &SessionConfig,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        match self {
            Self::Clear => document.data = Object::default(),
            Self::Device(device) => document.facts.device = Some(device.clone()),
            Self::Expiry(expiry) => document.set_expiry(*expiry, config, now),
            Self::Login(owner) => login(document, owner, config, now),
            Self::Remove(key) => document.data.remove(key),
            Self::Set(key, value) => document.data.set(key, Arc::clone(value)),
            Self::Update(key, compute) => match compute(document.data.get(key))? {
                Some(value) => document.data.set(key, value),
                None => document.data.remove(key),
            },
        }
        Ok(())
    }

    fn key(&self) -> Option<&str> {
        match self {
            Self::Remove(key) | Self::Set(key, _) | Self::Update(key, _) => Some(key),
            Self::Clear | Self::Device(_) | Self::Expiry(_) | Self::Login(_) => None,
        }
    }
}

/// Shows the kind of step and its key, never a value.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear => f.write_str("Clear"),
            Self::Device(_) => f.write_str("Device"),
            Self::Expiry(expiry) => write!(f, "{expiry:?}"),
            Self::Login(_) => f.write_str("Login"),
            Self::Remove(key) => write!(f, "Remove({key})"),
            Self::Set(key, _) => write!(f, "Set({key})"),
            Self::Update(key, _) => write!(f, "Update({key})"),
        }
    }
}

/// Authentication starts the session's time anew (NIST SP 800-63B-4, section 5.2).
fn login(document: &mut Document, owner: &Arc<str>, config: &SessionConfig, now: Timestamp) {
    if document.facts.owner.as_ref().is_some_and(|before| before != owner) {
        document.data = Object::default();
        document.facts.device = None;
    }
    document.facts.owner = Some(Arc::clone(owner));
    document.facts.created = Some(now);
    document.facts.until = config.expiry.absolute.map(|absolute| now.after(absolute));
}
