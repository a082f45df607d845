//! The settings of a [`SessionManager`](crate::SessionManager), with safe defaults.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::document::cookie_json;
use crate::{CookieConfig, SealingKeys, SessionError, Transport, cookie};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The settings of a session manager. [`strict`](Self::strict) is the default.
///
/// They are checked as a whole by [`SessionManager::with_config`](crate::SessionManager::with_config).
#[derive(Clone, Debug)]
pub struct SessionConfig {
    pub(crate) cookie: CookieConfig,
    /// The `cookie` object of a new document.
    pub(crate) cookie_json: Arc<str>,
    pub(crate) expiry: Expiry,
    pub(crate) rotation_grace: Duration,
    pub(crate) max_document_bytes: usize,
    pub(crate) max_sessions_per_owner: Option<NonZeroUsize>,
    pub(crate) failure_policy: FailurePolicy,
    pub(crate) store_deadline: Duration,
    pub(crate) transports: Vec<Transport>,
    pub(crate) cache_headers: bool,
    pub(crate) sealing: Option<SealingKeys>,
    pub(crate) save_policy: SavePolicy,
}

impl SessionConfig {
    /// For new applications: the cookie of [`CookieConfig::strict`], 24 hours idle, 30 days in all,
    /// nothing stored for visitors of whom nothing is known.
    #[must_use]
    pub fn strict() -> Self {
        let cookie = CookieConfig::strict();
        Self {
            cookie_json: cookie_json(&cookie),
            cookie,
            expiry: Expiry::idle(DAY).with_absolute(MONTH),
            rotation_grace: Duration::from_secs(10),
            max_document_bytes: 1024 * 1024,
            max_sessions_per_owner: None,
            failure_policy: FailurePolicy::FailClosed,
            store_deadline: Duration::from_secs(5),
            transports: vec![Transport::cookie()],
            cache_headers: true,
            sealing: None,
            save_policy: SavePolicy::Smart,
        }
    }

    /// For sharing sessions with an Express application: its cookie, its rules for when a session is
    /// saved and sent (with `resave`, `saveUninitialized` and `rolling` off), its day of life, and no
    /// caching headers.
    #[must_use]
    pub fn express() -> Self {
        Self {
            expiry: Expiry::idle(DAY),
            cache_headers: false,
            save_policy: SavePolicy::Express {
                resave: false,
                rolling: false,
                save_uninitialized: false,
            },
            ..Self::strict()
        }
        .with_cookie(CookieConfig::express())
    }

    /// The name and the attributes of the cookie.
    #[must_use]
    pub fn with_cookie(mut self, cookie: CookieConfig) -> Self {
        self.cookie_json = cookie_json(&cookie);
        self.cookie = cookie;
        self
    }

    /// How long sessions live that were not given an expiry of their own.
    #[must_use]
    pub fn with_expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = expiry;
        self
    }

    /// How long a request that carries the id from before a [`rotate`](crate::Session::rotate) still
    /// reaches the session. 10 seconds by default; zero is none.
    #[must_use]
    pub fn with_rotation_grace(mut self, grace: Duration) -> Self {
        self.rotation_grace = grace;
        self
    }

    /// The largest document that is stored, in bytes of JSON, at least 1024. 1 MiB by default; above it, saving is
    /// an error of the kind [`TooLarge`](crate::ErrorKind::TooLarge).
    #[must_use]
    pub fn with_max_document_bytes(mut self, bytes: usize) -> Self {
        self.max_document_bytes = bytes;
        self
    }

    /// How many sessions one owner may have at a time. A login above it ends the owner's oldest.
    /// Unlimited by default; needs a store with an index.
    #[must_use]
    pub fn with_max_sessions_per_owner(mut self, most: NonZeroUsize) -> Self {
        self.max_sessions_per_owner = Some(most);
        self
    }

    /// What happens to requests while the store fails. Refused, by default.
    #[must_use]
    pub fn with_failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.failure_policy = policy;
        self
    }

    /// How long the store may take for one call. 5 seconds by default; after that the call has
    /// failed.
    #[must_use]
    pub fn with_store_deadline(mut self, deadline: Duration) -> Self {
        self.store_deadline = deadline;
        self
    }

    /// The ways by which the credential comes and goes, in the order in which they are tried. The
    /// cookie alone by default.
    #[must_use]
    pub fn with_transports(mut self, transports: impl IntoIterator<Item = Transport>) -> Self {
        self.transports = transports.into_iter().collect();
        self
    }

    /// Whether answers to requests that used their session say so to caches: `Vary`, and
    /// `Cache-Control: no-store` unless the handler has said `private` or `no-store` itself.
    #[must_use]
    pub fn with_cache_headers(mut self, on: bool) -> Self {
        self.cache_headers = on;
        self
    }

    /// Encrypts documents before they go to the store.
    #[must_use]
    pub fn with_sealing(mut self, keys: SealingKeys) -> Self {
        self.sealing = Some(keys);
        self
    }

    /// When a session is saved and its cookie sent.
    #[must_use]
    pub fn with_save_policy(mut self, policy: SavePolicy) -> Self {
        self.save_policy = policy;
        self
    }

    pub(crate) fn check(&self) -> Result<(), SessionError> {
        self.cookie.check()?;
        self.expiry.check()?;
        if !self.cookie.fits(384) {
            return Err(SessionError::config(
                "the cookie's name leaves no room for the credential within 4096 bytes",
            ));
        }
        if self.transports.is_empty() {
            return Err(SessionError::config(
                "no transport is configured: no session could ever be found again",
            ));
        }
        if self.max_document_bytes < 1024 {
            return Err(SessionError::config(
                "a limit of less than 1024 bytes leaves no room for what a session needs itself",
            ));
        }
        if self.store_deadline.is_zero() {
            return Err(SessionError::config(
                "a store deadline of zero fails every call; use a second or more",
            ));
        }
        let taken =
            ["cookie", "set-cookie", "authorization", "session-token", "content-length", "host"];
        let bad = |transport: &Transport| {
            let name = transport.request_header();
            !cookie::is_token(name)
                || (transport == &Transport::header(name) && taken.contains(&name))
        };
        if self.transports.iter().any(bad) {
            return Err(SessionError::config(
                "a header for the credential must have a valid name that HTTP does not use otherwise",
            ));
        }
        Ok(())
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self::strict()
    }
}

/// How long a session lives. Both limits are enforced on the server; what the browser does with its
/// cookie decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    pub(crate) idle: Duration,
    pub(crate) absolute: Option<Duration>,
    pub(crate) persistent: bool,
}

impl Expiry {
    /// The session ends when it was not used for this long (to within a twentieth of it).
    #[must_use]
    pub const fn idle(idle: Duration) -> Self {
        Self { idle, absolute: None, persistent: false }
    }

    /// The session also ends this long after it began, or after the last login, used or not.
    #[must_use]
    pub const fn with_absolute(mut self, absolute: Duration) -> Self {
        self.absolute = Some(absolute);
        self
    }

    /// The browser keeps the cookie when it closes: «keep me signed in».
    #[must_use]
    pub const fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// How long the session may be idle.
    #[must_use]
    pub const fn idle_limit(&self) -> Duration {
        self.idle
    }

    /// How long the session may live in all; `None` is without limit.
    #[must_use]
    pub const fn absolute_limit(&self) -> Option<Duration> {
        self.absolute
    }

    /// Whether the browser keeps the cookie when it closes.
    #[must_use]
    pub const fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// NIST SP 800-63B-4, AAL1: 30 days, no idle limit of its own.
    #[must_use]
    pub const fn aal1() -> Self {
        Self::idle(MONTH).with_absolute(MONTH)
    }

    /// NIST SP 800-63B-4, AAL2: 24 hours, 1 hour idle.
    #[must_use]
    pub const fn aal2() -> Self {
        Self::idle(HOUR).with_absolute(DAY)
    }

    /// NIST SP 800-63B-4, AAL3: 12 hours, 15 minutes idle.
    #[must_use]
    pub const fn aal3() -> Self {
        Self::idle(Duration::from_secs(15 * 60)).with_absolute(Duration::from_secs(12 * 60 * 60))
    }

    pub(crate) fn check(&self) -> Result<(), SessionError> {
        let none = |limit: Duration| limit.as_millis() == 0;
        if none(self.idle) || self.absolute.is_some_and(none) {
            return Err(SessionError::config(
                "a lifetime of less than a millisecond ends every session at once; use Session::destroy to end one",
            ));
        }
        Ok(())
    }
}

/// What happens to requests while the store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailurePolicy {
    /// The visitor is taken for a stranger: the session is empty and read-only, writing to it is an
    /// error, nothing is stored and no cookie sent. For sites that are mostly read.
    Anonymous,
    /// Requests that ask for their session are refused (503).
    FailClosed,
}

/// When a session is saved and its cookie sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SavePolicy {
    /// express-session's rules, by its own three options.
    Express {
        /// Saves sessions that were not changed too.
        resave: bool,
        /// Sends the cookie with every answer.
        rolling: bool,
        /// Stores new sessions that hold nothing.
        save_uninitialized: bool,
    },
    /// What changed is saved; the cookie goes out when the session is new, and again, if it is
    /// persistent, when its life is extended.
    Smart,
}
