//! The addon's stores, and how they are opened and closed.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use handstamp::store::{AnyStore, SessionScan};
use handstamp::{Keys, MemoryStore, SessionManager};
use handstamp_sqlite::SqliteOptions;
use napi_derive::napi;

use crate::answer::{Begin, at_once};
use crate::clock::ProcessClock;
use crate::error::{Failure, Thrown};
use crate::options::{FileOptions, MemoryOptions};

/// The memory stores that threads share. A worker thread loads the addon anew, but there is one of
/// this in the process. A store stays here when all have closed it, and so do its sessions.
static SHARED: LazyLock<Mutex<HashMap<String, MemoryStore>>> = LazyLock::new(Mutex::default);

/// A store, whatever keeps the sessions.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub place: Place,
    pub store: AnyStore,
}

/// Where a store keeps the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    File,
    /// So it answers at once.
    Memory,
    Server,
    /// A server, and what was read of late in memory.
    ServerAndMemory,
}

impl Place {
    /// Where looking for a session is begun.
    pub(crate) fn begin_look(self) -> Begin {
        match self {
            Self::ServerAndMemory => Begin::HereWithRuntime,
            Self::File | Self::Memory | Self::Server => self.begin(),
        }
    }

    /// Where other work on the store is begun.
    pub(crate) fn begin(self) -> Begin {
        match self {
            Self::File | Self::Memory => Begin::Here,
            Self::Server | Self::ServerAndMemory => Begin::InRuntime,
        }
    }
}

impl Store {
    /// A manager over this store.
    pub(crate) fn manager(&self, keys: Keys) -> SessionManager {
        SessionManager::new(self.store.clone(), keys).with_clock(Arc::new(ProcessClock))
    }

    /// All sessions of this store.
    pub(crate) fn scan(&self) -> Option<&dyn SessionScan> {
        self.store.scan()
    }
}

/// What an engine works with.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub manager: SessionManager,
    pub store: Store,
}

/// Where an engine finds its tools; `None` when the store has been closed.
pub(crate) type Desk = Mutex<Option<Tools>>;

/// A store that JavaScript has opened.
#[derive(Debug)]
#[napi]
pub struct NativeHandle {
    store: Mutex<Option<Store>>,
    /// The engines that use it, to be told when it is closed.
    desks: Mutex<Vec<Weak<Desk>>>,
}

#[napi]
impl NativeHandle {
    /// Closes the store for all engines that use it: from now on their calls are errors. Calls that are
    /// under way come to their end first, and then a file is closed.
    #[napi]
    pub fn close(&self) {
        let desks = std::mem::take(&mut *lock(&self.desks));
        for desk in desks.iter().filter_map(Weak::upgrade) {
            let tools = lock(&desk).take();
            drop(tools);
        }
        let store = lock(&self.store).take();
        drop(store);
    }
}

impl NativeHandle {
    pub(crate) fn new(store: impl Into<AnyStore>, place: Place) -> Self {
        let store = Store { place, store: store.into() };
        Self { store: Mutex::new(Some(store)), desks: Mutex::default() }
    }

    pub(crate) fn store(&self) -> Result<Store, Failure> {
        lock(&self.store).clone().ok_or_else(Failure::closed)
    }

    /// A desk for these tools, which [`close`](Self::close) clears.
    pub(crate) fn desk(&self, tools: Tools) -> Arc<Desk> {
        let desk = Arc::new(Mutex::new(Some(tools)));
        let mut desks = lock(&self.desks);
        desks.retain(|desk| desk.strong_count() > 0);
        desks.push(Arc::downgrade(&desk));
        desk
    }
}

/// Opens a store in the memory of the process.
///
/// # Errors
/// A setting is wrong.
#[napi]
pub fn open_memory(options: MemoryOptions) -> Result<NativeHandle, Thrown> {
    at_once(|| {
        let store = MemoryStore::try_from(&options)?;
        let store = match options.shared {
            Some(name) => lock(&SHARED).entry(name).or_insert(store).clone(),
            None => store,
        };
        Ok(NativeHandle::new(store, Place::Memory))
    })
}

/// Opens a store in a file.
///
/// # Errors
/// A setting is wrong; and as [`SqliteStore::open`](handstamp_sqlite::SqliteStore::open).
#[napi]
pub fn open_sqlite(options: FileOptions) -> Result<NativeHandle, Thrown> {
    at_once(|| {
        let store = SqliteOptions::try_from(&options)?.open(&options.path)?;
        Ok(NativeHandle::new(store, Place::File))
    })
}

/// Nothing that is done while one of these locks is held can leave something half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
