//! Two places, to move sessions from one to the other.

use std::sync::Arc;
use std::time::Duration;

use handstamp::store::{
    AnyStore, Created, Record, SessionChanges, SessionIndex, SessionScan, StoreError, Stored,
    Updated, Version,
};
use handstamp::{MovingStore, SessionId, SessionStore};
use handstamp_testing::FaultyStore;
use tempfile::TempDir;

use crate::places::Place;
use crate::store::open;

/// Two places, of which nobody else uses this part.
pub(crate) struct Pair {
    from: String,
    to: String,
    space: String,
    // Where the file of a place is that is one.
    _folder: TempDir,
}

impl Pair {
    /// `space` names the part of both places.
    pub(crate) fn new(from: Place, to: Place, space: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let space = format!("{space}_{from:?}_{to:?}").to_lowercase();
        Self { from: from.url(folder.path()), to: to.url(folder.path()), space, _folder: folder }
    }

    /// The old store, with connections of its own.
    pub(crate) async fn from(&self) -> AnyStore {
        open(&self.from, &self.space).await
    }

    /// The new store, with connections of its own.
    pub(crate) async fn to(&self) -> AnyStore {
        open(&self.to, &self.space).await
    }

    /// Both as one, as another process opens them.
    pub(crate) async fn process(&self) -> MovingStore {
        MovingStore::new(self.from().await, self.to().await)
    }

    /// Both as one, and each as it is in there, to break it.
    pub(crate) async fn breakable(&self) -> (MovingStore, Breakable, Breakable) {
        let from = FaultyStore::new(Opened(self.from().await));
        let to = FaultyStore::new(Opened(self.to().await));
        (MovingStore::new(from.clone(), to.clone()), from, to)
    }
}

pub(crate) type Breakable = FaultyStore<Opened>;

/// A store of any type as one that can be wrapped.
#[derive(Clone, Debug)]
pub(crate) struct Opened(AnyStore);

impl SessionStore for Opened {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        self.0.load(id).await
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        self.0.create(id, record).await
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        self.0.update(id, version, record).await
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        self.0.touch(id, lifetime).await
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.0.delete(id).await
    }

    fn index(&self) -> Option<&dyn SessionIndex> {
        self.0.index()
    }

    fn scan(&self) -> Option<&dyn SessionScan> {
        self.0.scan()
    }

    fn changes(&self) -> Option<&dyn SessionChanges> {
        self.0.changes()
    }
}
