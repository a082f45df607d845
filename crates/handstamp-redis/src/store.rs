//! The store: the contract's calls as commands and scripts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use handstamp::store::{
    Created, Record, SessionChanges, SessionIndex, SessionScan, StoreError, StoreErrorKind, Stored,
    Updated, Version,
};
use handstamp::{SessionId, SessionStore};
use redis::{Cmd, Value};
use sha1::{Digest, Sha1};

use crate::apart::are_apart;
use crate::changes::{Watch, watched};
use crate::connection::{Connection, Listener, Request, Tracker, Wait};
use crate::error::{answer, nonsense, refusal};
use crate::index::Revocations;
use crate::layout::Layout;
use crate::lifetime::{milliseconds, remaining};
use crate::near::{Changing, Found, Near};
use crate::scripts;
use crate::{NearCache, RedisOptions};

/// Keeps sessions in Redis or Valkey.
///
/// See the [crate's docs](crate) for what it promises. A clone is another handle to the same store. The
/// connections are closed when the last handle is dropped.
#[derive(Clone)]
pub struct RedisStore(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) connection: Connection,
    pub(crate) layout: Layout,
    pub(crate) revocations: Revocations,
    pub(crate) watch: Watch,
    max_document_bytes: usize,
    pub(crate) wait: Option<Wait>,
    near: Option<Arc<Near>>,
    /// Tells the near cache what changes.
    near_tracker: Option<Arc<Tracker>>,
}

impl RedisStore {
    /// Connects to the server that a URL names, with the default settings.
    ///
    /// | | |
    /// |---|---|
    /// | one server | `redis://user:password@host:6379/0` |
    /// | by TLS | `rediss://…` |
    /// | Unix socket | `redis+unix:///path/to.sock?db=0&user=…&pass=…`, or `unix://…` |
    /// | Sentinel | `redis+sentinel://user:password@h1:26379,h2:26379/master/0` |
    /// | Cluster | `redis+cluster://user:password@h1:6379,h2:6379` |
    ///
    /// `valkey` may stand for `redis`. `rediss+sentinel` and `rediss+cluster` speak TLS to all servers.
    /// Sentinels that want a user of their own get it from `?sentinel_user=…&sentinel_pass=…`. Names and
    /// passwords are percent-encoded.
    ///
    /// # Errors
    /// As [`RedisOptions::connect`].
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        RedisOptions::new().connect(url).await
    }

    /// Waits until the first attempt to connect has succeeded or failed.
    ///
    /// # Errors
    /// `Refused`, `Timeout`, `Unavailable`: it has failed. The store goes on trying.
    pub async fn connected(&self) -> Result<(), StoreError> {
        self.0.connection.opened().await
    }

    /// Waits until the near cache, if there is one, is told of all changes.
    pub(crate) async fn watched(&self) -> Result<(), StoreError> {
        match &self.0.near_tracker {
            Some(tracker) => watched(tracker).await,
            None => Ok(()),
        }
    }

    pub(crate) fn over(
        connection: Connection,
        layout: Layout,
        wait: Option<Wait>,
        max_document_bytes: usize,
    ) -> Self {
        Self(Arc::new(Inner {
            connection,
            layout,
            revocations: Revocations::default(),
            watch: Watch::default(),
            max_document_bytes,
            wait,
            near: None,
            near_tracker: None,
        }))
    }

    /// The same with a near cache. `None`: nobody could tell it what changes.
    pub(crate) fn with_near_cache(self, settings: NearCache) -> Option<Self> {
        let mut inner = Arc::into_inner(self.0)?;
        let tracker = inner.tracker()?;
        let near = Arc::new(Near::new(settings, inner.layout.clone()));
        let listener: Arc<dyn Listener> = near.clone();
        tracker.tell(&listener, |watching| near.keep(watching));
        (inner.near, inner.near_tracker) = (Some(near), Some(tracker));
        Some(Self(Arc::new(inner)))
    }
}

impl Inner {
    /// What the keys of lists begin with, for scripts: on a Cluster they can't reach them.
    pub(crate) fn lists(&self) -> &str {
        if self.connection.is_cluster() { "" } else { self.layout.lists() }
    }

    pub(crate) async fn ask(&self, key: &str, request: &Request) -> Result<Value, StoreError> {
        self.connection.ask(key, request).await
    }

    /// Asks for a write that has to last: it waits for replicas, if that was wished.
    pub(crate) async fn ask_to_last(
        &self,
        key: &str,
        request: Request,
    ) -> Result<Value, StoreError> {
        answer(self.try_to_last(key, request).await?)
    }

    /// The same, and the server's refusal is an answer.
    pub(crate) async fn try_to_last(
        &self,
        key: &str,
        request: Request,
    ) -> Result<Value, StoreError> {
        let Some(wait) = self.wait else { return self.attempt(key, &request).await };
        let answers = self.connection.ask_all(key, &request.waiting(wait)).await?;
        let Ok([written, replicas]) = <[Value; 2]>::try_from(answers) else {
            return Err(nonsense());
        };
        if matches!(written, Value::ServerError(_)) {
            return Ok(written);
        }
        match answer(replicas)? {
            Value::Int(replicas) if usize::try_from(replicas).is_ok_and(|n| n >= wait.replicas) => {
                Ok(written)
            }
            Value::Int(replicas) => Err(unconfirmed(replicas, wait)),
            _ => Err(nonsense()),
        }
    }

    /// Asks for one thing, and the server's refusal is an answer.
    pub(crate) async fn attempt(&self, key: &str, request: &Request) -> Result<Value, StoreError> {
        self.connection.ask_all(key, request).await?.pop().ok_or_else(nonsense)
    }

    /// Asks for a write of a session, of which a refusal is an answer. One that ends it, with no lifetime, has to last.
    async fn ask_to_write(
        &self,
        id: &SessionId,
        lifetime: Duration,
        request: Request,
    ) -> Result<Value, StoreError> {
        let key = self.layout.session(id);
        if lifetime.is_zero() {
            self.try_to_last(&key, request.or_apart()).await
        } else {
            self.attempt(&key, &request.or_apart()).await
        }
    }

    fn check_size(&self, record: &Record) -> Result<(), StoreError> {
        let (bytes, most) = (record.document.len(), self.max_document_bytes);
        if bytes <= most {
            return Ok(());
        }
        let advice = format!(
            "a document of {bytes} bytes is larger than the {most} allowed; \
             `RedisOptions::max_document_bytes` sets how large they may be"
        );
        Err(refusal(StoreErrorKind::TooLarge, advice))
    }

    /// What tells of changes.
    pub(crate) fn tracker(&self) -> Option<Arc<Tracker>> {
        self.watch.tracker(|| self.connection.tracker(self.layout.prefix()))
    }

    /// To be held while a session is changed.
    pub(crate) fn changing(&self, id: &SessionId) -> Option<Changing> {
        self.near.as_ref().map(|near| near.changing(id))
    }

    /// Forgets what was kept of all sessions.
    pub(crate) fn forget_all(&self) {
        if let Some(near) = &self.near {
            near.forget_all();
        }
    }

    async fn load_near(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        let Some(near) = &self.near else { return self.load(id).await };
        match near.look(id) {
            Found::Session(stored) => Ok(Some(stored)),
            Found::Off => self.load(id).await,
            Found::Nothing(loading) => {
                let before = self.connection.redirections();
                let stored = self.load(id).await?;
                // Whoever we were redirected to tells us no changes yet.
                let told = self.connection.redirections() == before;
                near.fill(id, loading, stored.as_ref().filter(|_| told));
                Ok(stored)
            }
        }
    }

    pub(crate) async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        let key = self.layout.session(id);
        let answers = self.connection.ask_all(&key, &Request::read(reading(&key))).await?;
        let Ok([document, left]) = <[Value; 2]>::try_from(answers) else { return Err(nonsense()) };
        read(answer(document)?, answer(left)?)
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        self.check_size(record)?;
        let key = self.layout.session(id);
        let lifetime = milliseconds(record.lifetime);
        let done = || Created::Done(version_of(&record.document));
        if lifetime == 0 {
            // It is over at once, so there is nothing to store; but the id may be taken.
            let mut exists = redis::cmd("EXISTS");
            exists.arg(&key);
            let taken = self.ask(&key, &Request::read([exists])).await?;
            return Ok(if taken == Value::Int(1) { Created::Duplicate } else { done() });
        }
        let Some(owner) = &record.owner else {
            let mut set = redis::cmd("SET");
            set.arg(&key).arg(&*record.document).arg("NX").arg("PX").arg(lifetime);
            let set = self.ask(&key, &Request::write([set])).await?;
            return Ok(if set == Value::Nil { Created::Duplicate } else { done() });
        };
        let created = self.create_owned(id, &record.document, lifetime, owner).await?;
        Ok(if created { done() } else { Created::Duplicate })
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        self.check_size(record)?;
        let owner = record.owner.as_deref().filter(|_| !record.lifetime.is_zero());
        let answer = match owner {
            Some(owner) => self.update_owned(id, version, record, owner).await?,
            None => {
                let run = self.updating(id, version, record, "-", false);
                let request = Request::script(&scripts::UPDATE, [run]);
                match self.ask_to_write(id, record.lifetime, request).await? {
                    refused if are_apart(&refused) => {
                        self.update_apart(id, version, record, "-", false).await?
                    }
                    answered => answer(answered)?,
                }
            }
        };
        let items = match answer {
            Value::Nil => return Ok(Updated::Gone),
            Value::Array(items) => items,
            _ => return Err(nonsense()),
        };
        match <[Value; 2]>::try_from(items) {
            // It may have had no time left at that moment.
            Ok([document, left]) => {
                Ok(read(document, left)?.map_or(Updated::Gone, Updated::Conflict))
            }
            Err(before) => {
                if let [before] = &before[..] {
                    self.leave(id, &text(before)?, owner).await;
                }
                Ok(Updated::Done(version_of(&record.document)))
            }
        }
    }

    /// The run of a script that replaces a session. `owner` is what is to stand beside it.
    pub(crate) fn updating(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
        owner: &str,
        must_be_his: bool,
    ) -> Cmd {
        let (key, beside) = (self.layout.session(id), self.layout.owner(id));
        let mut run = scripts::UPDATE.call(&[&key, &beside]);
        run.arg(format!("{:032x}", version.0))
            .arg(&*record.document)
            .arg(milliseconds(record.lifetime))
            .arg(id.as_str())
            .arg(self.lists())
            .arg(owner)
            .arg(i32::from(must_be_his));
        run
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        let (key, beside) = (self.layout.session(id), self.layout.owner(id));
        let mut run = scripts::TOUCH.call(&[&key, &beside]);
        run.arg(milliseconds(lifetime)).arg(id.as_str()).arg(self.lists());
        let request = Request::script(&scripts::TOUCH, [run]);
        let answer = match self.ask_to_write(id, lifetime, request).await? {
            refused if are_apart(&refused) => self.touch_apart(id, milliseconds(lifetime)).await?,
            answered => answer(answered)?,
        };
        match answer {
            Value::Nil => Ok(false),
            Value::Array(owner) => {
                if let [owner] = &owner[..] {
                    self.touched(id, &text(owner)?, lifetime).await;
                }
                Ok(true)
            }
            _ => Err(nonsense()),
        }
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        let (key, beside) = (self.layout.session(id), self.layout.owner(id));
        let mut run = scripts::DELETE.call(&[&key, &beside]);
        run.arg(id.as_str()).arg(self.lists());
        let request = Request::script(&scripts::DELETE, [run]).or_apart();
        let answer = match self.try_to_last(&key, request).await? {
            refused if are_apart(&refused) => self.delete_apart(id).await?,
            answered => answer(answered)?,
        };
        match answer {
            Value::Nil => Ok(None),
            Value::Array(items) => {
                let mut items = items.into_iter();
                let Some(Value::BulkString(document)) = items.next() else {
                    return Err(nonsense());
                };
                if let Some(owner) = items.next() {
                    self.leave(id, &text(&owner)?, None).await;
                }
                Ok(Some(document.into()))
            }
            _ => Err(nonsense()),
        }
    }
}

fn unconfirmed(replicas: i64, wait: Wait) -> StoreError {
    let wanted = wait.replicas;
    let advice = format!(
        "only {replicas} of {wanted} replicas had in time what was written; a failover may lose it"
    );
    refusal(StoreErrorKind::Timeout, advice)
}

/// The commands that read a session: its document and the time it has left.
pub(crate) fn reading(key: &str) -> [Cmd; 2] {
    ["GET", "PTTL"].map(|name| {
        let mut command = redis::cmd(name);
        command.arg(key);
        command
    })
}

/// What `GET` and `PTTL` have answered.
pub(crate) fn read(document: Value, left: Value) -> Result<Option<Stored>, StoreError> {
    let document = match document {
        Value::Nil => return Ok(None),
        Value::BulkString(document) => document,
        _ => return Err(nonsense()),
    };
    let Value::Int(left) = left else { return Err(nonsense()) };
    let Some(remaining) = remaining(left) else { return Ok(None) };
    let version = version_of(&document);
    Ok(Some(Stored { document: document.into(), version, remaining }))
}

/// The version of a document: the first half of its SHA-1 and a little more, which scripts can compute, too.
///
/// Who can make two documents of one version can make his own session lose an update of his own, no more.
pub(crate) fn version_of(document: &[u8]) -> Version {
    let digest = Sha1::digest(document);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Version(u128::from_be_bytes(bytes))
}

pub(crate) fn text(value: &Value) -> Result<String, StoreError> {
    let Value::BulkString(bytes) = value else { return Err(nonsense()) };
    String::from_utf8(bytes.clone()).map_err(|_| nonsense())
}

impl SessionStore for RedisStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        self.0.load_near(id).await
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        let _changing = self.0.changing(id);
        self.0.create(id, record).await
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        let _changing = self.0.changing(id);
        self.0.update(id, version, record).await
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        let _changing = self.0.changing(id);
        self.0.touch(id, lifetime).await
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        let _changing = self.0.changing(id);
        self.0.delete(id).await
    }

    fn index(&self) -> Option<&dyn SessionIndex> {
        Some(self)
    }

    fn scan(&self) -> Option<&dyn SessionScan> {
        Some(self)
    }

    fn changes(&self) -> Option<&dyn SessionChanges> {
        self.0.connection.can_be_tracked().then_some(self)
    }
}

/// Shows the prefix.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.0.layout.prefix())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripts::hexadecimal;

    #[test]
    fn a_version_is_the_beginning_of_the_digest_that_scripts_compute() {
        let digest = hexadecimal(&Sha1::digest(b"abc"));
        assert_eq!(digest, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(format!("{:032x}", version_of(b"abc").0), digest[..32]);
    }
}
