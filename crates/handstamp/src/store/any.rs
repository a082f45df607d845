//! A store of any type.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{
    BoxFuture, Created, Record, SessionChanges, SessionIndex, SessionScan, SessionStore,
    StoreError, Stored, Updated, Version,
};
use crate::SessionId;

/// Any store, whatever its type: for who opens the store that a configuration names.
///
/// ```
/// use handstamp::store::AnyStore;
/// use handstamp::{Keys, MemoryStore, SessionManager};
///
/// let store = AnyStore::from(MemoryStore::new()); // or another one, as the configuration says
/// let sessions = SessionManager::new(store, Keys::new("a secret of at least thirty-two bytes")?);
/// # Ok::<(), handstamp::SessionError>(())
/// ```
///
/// It has the operations of a [`SessionStore`], and its clones are handles to the same sessions.
#[derive(Clone)]
pub struct AnyStore(Arc<dyn DynStore>);

impl<S: SessionStore> From<S> for AnyStore {
    fn from(store: S) -> Self {
        Self(Arc::new(store))
    }
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl AnyStore {
    /// See [`SessionStore::load`].
    ///
    /// # Errors
    /// What the store's own operation gives; so it is with the others.
    pub fn load<'a>(
        &'a self,
        id: &'a SessionId,
    ) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        self.0.load(id)
    }

    /// See [`SessionStore::create`].
    pub fn create<'a>(
        &'a self,
        id: &'a SessionId,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Created, StoreError>> {
        self.0.create(id, record)
    }

    /// See [`SessionStore::update`].
    pub fn update<'a>(
        &'a self,
        id: &'a SessionId,
        version: Version,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Updated, StoreError>> {
        self.0.update(id, version, record)
    }

    /// See [`SessionStore::touch`].
    pub fn touch<'a>(
        &'a self,
        id: &'a SessionId,
        lifetime: Duration,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.0.touch(id, lifetime)
    }

    /// See [`SessionStore::delete`].
    pub fn delete<'a>(
        &'a self,
        id: &'a SessionId,
    ) -> BoxFuture<'a, Result<Option<Arc<[u8]>>, StoreError>> {
        self.0.delete(id)
    }

    /// See [`SessionStore::index`].
    #[must_use]
    pub fn index(&self) -> Option<&dyn SessionIndex> {
        self.0.index()
    }

    /// See [`SessionStore::scan`].
    #[must_use]
    pub fn scan(&self) -> Option<&dyn SessionScan> {
        self.0.scan()
    }

    /// See [`SessionStore::changes`].
    #[must_use]
    pub fn changes(&self) -> Option<&dyn SessionChanges> {
        self.0.changes()
    }
}

/// [`SessionStore`] behind a pointer.
trait DynStore: fmt::Debug + Send + Sync {
    fn load<'a>(&'a self, id: &'a SessionId) -> BoxFuture<'a, Result<Option<Stored>, StoreError>>;
    fn create<'a>(
        &'a self,
        id: &'a SessionId,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Created, StoreError>>;
    fn update<'a>(
        &'a self,
        id: &'a SessionId,
        version: Version,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Updated, StoreError>>;
    fn touch<'a>(
        &'a self,
        id: &'a SessionId,
        lifetime: Duration,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;
    fn delete<'a>(
        &'a self,
        id: &'a SessionId,
    ) -> BoxFuture<'a, Result<Option<Arc<[u8]>>, StoreError>>;
    fn index(&self) -> Option<&dyn SessionIndex>;
    fn scan(&self) -> Option<&dyn SessionScan>;
    fn changes(&self) -> Option<&dyn SessionChanges>;
}

impl<S: SessionStore> DynStore for S {
    fn load<'a>(&'a self, id: &'a SessionId) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(SessionStore::load(self, id))
    }

    fn create<'a>(
        &'a self,
        id: &'a SessionId,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Created, StoreError>> {
        Box::pin(SessionStore::create(self, id, record))
    }

    fn update<'a>(
        &'a self,
        id: &'a SessionId,
        version: Version,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Updated, StoreError>> {
        Box::pin(SessionStore::update(self, id, version, record))
    }

    fn touch<'a>(
        &'a self,
        id: &'a SessionId,
        lifetime: Duration,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(SessionStore::touch(self, id, lifetime))
    }

    fn delete<'a>(
        &'a self,
        id: &'a SessionId,
    ) -> BoxFuture<'a, Result<Option<Arc<[u8]>>, StoreError>> {
        Box::pin(SessionStore::delete(self, id))
    }

    fn index(&self) -> Option<&dyn SessionIndex> {
        SessionStore::index(self)
    }

    fn scan(&self) -> Option<&dyn SessionScan> {
        SessionStore::scan(self)
    }

    fn changes(&self) -> Option<&dyn SessionChanges> {
        SessionStore::changes(self)
    }
}
