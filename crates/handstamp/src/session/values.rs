//! Reading and writing values.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::changes::Change;
use crate::document::is_reserved;
use crate::key::KeyFor;
use crate::{ErrorKind, SessionError, flash};

/// Reading and writing values.
impl Session {
    /// The value of a key. `None`: there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Value`]: the stored value is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: impl KeyFor<T>) -> Result<Option<T>, SessionError> {
        decode(key.name(), self.state().claim.document.data.get(key.name()))
    }

    /// Sets a key. If several requests set the same key, the one that is saved last wins; where that
    /// is not enough, there is [`update`](Self::update).
    ///
    /// Writing the value that is there already changes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::ReservedKey`]; [`ErrorKind::Value`]: the value can't be JSON;
    /// [`ErrorKind::ReadOnly`]: see [`FailurePolicy`](crate::FailurePolicy);
    /// [`ErrorKind::Destroyed`]: this request has destroyed the session.
    pub fn insert<T: Serialize>(&self, key: impl KeyFor<T>, value: T) -> Result<(), SessionError> {
        let (name, value) = (writable(key.name())?, encode(key.name(), &value)?);
        self.change(|document| {
            let differs = document.data.get(name) != Some(value.as_bytes());
            Ok(differs.then(|| Change::Set(name.into(), Arc::clone(&value))))
        })
    }

    /// Computes a key's value from its current one and returns it.
    ///
    /// If another request changes the key before this one is saved, the closure runs again on the new
    /// value: no increment is lost. So it should depend on nothing but its argument. What is returned
    /// is the value as of now; after a [`save`](Self::save), `get` tells what was stored.
    ///
    /// # Errors
    /// As [`insert`](Self::insert) and [`get`](Self::get).
    pub fn update<T, F>(&self, key: impl KeyFor<T>, compute: F) -> Result<T, SessionError>
    where
        T: Serialize + DeserializeOwned,
        F: Fn(Option<T>) -> T + Send + Sync + 'static,
    {
        let name: Arc<str> = writable(key.name())?.into();
        let key = Arc::clone(&name);
        let compute = Arc::new(compute);
        let again = Arc::clone(&compute);
        let again =
            move |current: Option<&[u8]>| encode(&key, &again(decode(&key, current)?)).map(Some);
        let change = Change::Update(Arc::clone(&name), Arc::new(again));
        loop {
            // The closure runs without a lock: it may take its time, and it may panic.
            let current = self.state().claim.document.data.get(&name).map(<[u8]>::to_vec);
            let value = compute(decode(&name, current.as_deref())?);
            if self.put_if_unchanged(&name, current.as_deref(), encode(&name, &value)?, &change)? {
                return Ok(value);
            }
        }
    }

    /// Takes a key out and returns what it held. A key that is not there is not an error. If its type
    /// does not matter: `session.remove::<serde::de::IgnoredAny>("key")?`.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); and as [`get`](Self::get), but the key is out all the same.
    pub fn remove<T: DeserializeOwned>(
        &self,
        key: impl KeyFor<T>,
    ) -> Result<Option<T>, SessionError> {
        let name = writable(key.name())?;
        let mut removed: Option<Vec<u8>> = None;
        self.change(|document| {
            removed = document.data.get(name).map(<[u8]>::to_vec);
            Ok(removed.as_ref().map(|_| Change::Remove(name.into())))
        })?;
        decode(name, removed.as_deref())
    }

    /// Whether there is a value under this name, of whatever type.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.state().claim.document.data.get(name).is_some()
    }

    /// The names of all keys, in the order of the document.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.state().claim.document.data.names().map(Cow::into_owned).collect()
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().claim.document.data.is_empty()
    }

    /// Takes all keys out, those included that other requests add before this one is saved. The
    /// session, its id and its owner stay.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn clear(&self) -> Result<(), SessionError> {
        self.change(|_| Ok(Some(Change::Clear)))
    }

    /// Leaves a message for the page that is shown next. `kind` tells messages apart, such as
    /// `"info"` and `"error"`.
    ///
    /// A message waits until [`flashes`](Self::flashes) takes it. The form is connect-flash's: an
    /// Express application that shares the session shows the message too.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn flash<T: Serialize>(&self, kind: &str, message: T) -> Result<(), SessionError> {
        let (kind, message) = (kind.to_owned(), encode(flash::KEY, &message)?);
        let add = move |all: Option<&[u8]>| flash::add(all, &kind, &message);
        self.change(|_| Ok(Some(Change::Update(flash::KEY.into(), Arc::new(add)))))
    }

    /// Takes the messages of this kind, in their order. None is not an error. Two requests that take
    /// them at the same moment both get them.
    ///
    /// # Errors
    /// As [`insert`](Self::insert) and [`get`](Self::get).
    pub fn flashes<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>, SessionError> {
        let kind = kind.to_owned();
        let mut messages = Vec::new();
        self.change(|document| {
            messages = flash::peek(document.data.get(flash::KEY), &kind)?;
            let shown = messages.clone();
            let take = move |all: Option<&[u8]>| flash::take(all, &kind, &shown);
            Ok((!messages.is_empty()).then(|| Change::Update(flash::KEY.into(), Arc::new(take))))
        })?;
        messages.iter().map(|message| parse(flash::KEY, message.get().as_bytes())).collect()
    }

    /// Sets a value that was computed from `current`, and notes how. `false`: another handle of this
    /// request has changed it meanwhile.
    fn put_if_unchanged(
        &self,
        name: &str,
        current: Option<&[u8]>,
        value: Arc<str>,
        change: &Change,
    ) -> Result<bool, SessionError> {
        let mut state = self.state();
        state.check_alive()?;
        let data = &mut state.claim.document.data;
        if data.get(name) != current {
            return Ok(false);
        }
        if current == Some(value.as_bytes()) {
            return Ok(true);
        }
        data.set(name, value);
        let kept = state.saving;
        state.changes.push(change.clone(), kept);
        Ok(true)
    }
}

fn writable(name: &str) -> Result<&str, SessionError> {
    if is_reserved(name) {
        let message =
            format!("the key {name:?} belongs to express-session's own object; use another name");
        return Err(SessionError::new(ErrorKind::ReservedKey, message));
    }
    Ok(name)
}

fn encode<T: Serialize>(name: &str, value: &T) -> Result<Arc<str>, SessionError> {
    serde_json::to_string(value).map(Arc::from).map_err(|_| {
        // serde's own words may quote the value.
        let message = format!("the value for the key {name:?} can't be written as JSON");
        SessionError::new(ErrorKind::Value, message)
    })
}

fn decode<T: DeserializeOwned>(name: &str, json: Option<&[u8]>) -> Result<Option<T>, SessionError> {
    json.map(|json| parse(name, json)).transpose()
}

fn parse<T: DeserializeOwned>(name: &str, json: &[u8]) -> Result<T, SessionError> {
    serde_json::from_slice(json).map_err(|error| {
        // serde's own words may quote the value.
        let kind = std::any::type_name::<T>();
        let message = format!(
            "the key {name:?} does not hold a {kind} ({:?} at column {})",
            error.classify(),
            error.column()
        );
        SessionError::new(ErrorKind::Value, message)
    })
}
