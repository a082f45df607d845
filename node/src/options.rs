//! Settings, as JavaScript gives them: numbers are floating and may be anything.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use handstamp::{Expiry, MemoryStore, SavePolicy, SessionConfig};
use handstamp_sqlite::{SqliteOptions, Synchronous};
use napi_derive::napi;

use crate::clock::ProcessClock;
use crate::error::Failure;

/// More milliseconds than anybody waits: 30,000 years. `Infinity` is as good.
const LONGEST: f64 = 1e15;

/// The largest whole number that JavaScript counts exactly (`Number.MAX_SAFE_INTEGER`).
const MOST: f64 = 9_007_199_254_740_991.0;

/// The settings of an engine. Times are milliseconds.
#[derive(Debug)]
#[napi(object, object_to_js = false)]
pub struct EngineOptions {
    /// Idle time of sessions whose cookie has no `maxAge`. A day unless set.
    pub ttl: Option<f64>,
    /// How long a session lives in all. Without limit unless set.
    pub absolute_timeout: Option<f64>,
    /// How long a request with the id from before a rotation still reaches the session. 10 s unless set.
    pub rotation_grace: Option<f64>,
    /// How long the store may take for one call. 5 s unless set.
    pub store_deadline: Option<f64>,
    /// The largest document that is written. 1 MiB unless set.
    pub max_document_bytes: Option<f64>,
    /// How many sessions one user may have at a time. Without limit unless set.
    pub max_sessions_per_user: Option<f64>,
}

/// The settings of a memory store.
#[derive(Debug)]
#[napi(object, object_to_js = false)]
pub struct MemoryOptions {
    /// The name under which all threads of the process share the store. It is set up by who opens it
    /// first.
    pub shared: Option<String>,
    /// How many sessions are kept. A million unless set.
    pub max_sessions: Option<f64>,
    /// How many bytes of documents are kept. 256 MiB unless set.
    pub max_bytes: Option<f64>,
}

/// The settings of a store in a file.
#[derive(Debug)]
#[napi(object, object_to_js = false)]
pub struct FileOptions {
    /// Where the file is or shall be.
    pub path: String,
    /// How long to wait while another process holds the lock.
    pub busy_timeout: Option<f64>,
    /// How many threads read at the same time.
    pub readers: Option<f64>,
    /// How often expired sessions are removed from the file.
    pub reap_every: Option<f64>,
    /// What an answered write survives: `full`, the loss of power; `normal`, the end of the process.
    pub synchronous: Option<String>,
    /// The largest document that is written.
    pub max_document_bytes: Option<f64>,
}

impl TryFrom<EngineOptions> for SessionConfig {
    type Error = Failure;

    fn try_from(options: EngineOptions) -> Result<Self, Failure> {
        // JavaScript decides whether a session is worth storing, so the engine stores what it is given.
        let policy =
            SavePolicy::Express { resave: false, rolling: false, save_uninitialized: true };
        let mut config = Self::express().with_save_policy(policy);
        if let Some(expiry) = expiry(&options)? {
            config = config.with_expiry(expiry);
        }
        if let Some(grace) = duration("rotationGrace", options.rotation_grace)? {
            config = config.with_rotation_grace(grace);
        }
        if let Some(deadline) = duration("storeDeadline", options.store_deadline)? {
            config = config.with_store_deadline(deadline);
        }
        if let Some(bytes) = count("maxDocumentBytes", options.max_document_bytes)? {
            config = config.with_max_document_bytes(bytes);
        }
        if let Some(most) = count("maxSessionsPerUser", options.max_sessions_per_user)? {
            let zero = || Failure::config("maxSessionsPerUser must be at least 1");
            config = config.with_max_sessions_per_owner(NonZeroUsize::new(most).ok_or_else(zero)?);
        }
        Ok(config)
    }
}

impl TryFrom<&MemoryOptions> for MemoryStore {
    type Error = Failure;

    fn try_from(options: &MemoryOptions) -> Result<Self, Failure> {
        let mut store = Self::new().with_clock(Arc::new(ProcessClock));
        if let Some(sessions) = count("maxSessions", options.max_sessions)? {
            store = store.with_max_sessions(sessions);
        }
        if let Some(bytes) = count("maxBytes", options.max_bytes)? {
            store = store.with_max_bytes(bytes);
        }
        Ok(store)
    }
}

impl TryFrom<&FileOptions> for SqliteOptions {
    type Error = Failure;

    fn try_from(options: &FileOptions) -> Result<Self, Failure> {
        let mut settings = Self::new().clock(Arc::new(ProcessClock));
        if let Some(timeout) = duration("busyTimeout", options.busy_timeout)? {
            settings = settings.busy_timeout(timeout);
        }
        if let Some(readers) = count("readers", options.readers)? {
            settings = settings.readers(readers);
        }
        if let Some(interval) = duration("reapEvery", options.reap_every)? {
            settings = settings.reap_every(interval);
        }
        if let Some(bytes) = count("maxDocumentBytes", options.max_document_bytes)? {
            settings = settings.max_document_bytes(bytes);
        }
        Ok(match options.synchronous.as_deref() {
            None => settings,
            Some("full") => settings.synchronous(Synchronous::Full),
            Some("normal") => settings.synchronous(Synchronous::Normal),
            Some(_) => return Err(Failure::config("synchronous must be \"full\" or \"normal\"")),
        })
    }
}

fn expiry(options: &EngineOptions) -> Result<Option<Expiry>, Failure> {
    let idle = duration("ttl", options.ttl)?;
    let absolute = duration("absoluteTimeout", options.absolute_timeout)?;
    if idle.is_none() && absolute.is_none() {
        return Ok(None);
    }
    let expiry = Expiry::idle(idle.unwrap_or(Duration::from_secs(24 * 60 * 60)));
    Ok(Some(absolute.map_or(expiry, |absolute| expiry.with_absolute(absolute))))
}

/// Milliseconds, at least none.
pub(crate) fn duration(name: &str, millis: Option<f64>) -> Result<Option<Duration>, Failure> {
    let Some(millis) = millis else { return Ok(None) };
    if millis.is_nan() || millis < 0.0 {
        return Err(Failure::config(format!("{name} must be a number of milliseconds")));
    }
    Ok(Some(Duration::from_secs_f64(millis.min(LONGEST) / 1000.0)))
}

/// A whole number, at least zero.
pub(crate) fn count(name: &str, number: Option<f64>) -> Result<Option<usize>, Failure> {
    let Some(number) = number else { return Ok(None) };
    if number.is_nan() || number < 0.0 {
        return Err(Failure::config(format!("{name} must be a number that is not negative")));
    }
    Ok(Some(number.min(MOST) as usize))
}
