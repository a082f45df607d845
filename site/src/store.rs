//! The store of the demo: the one that the command line names.

use std::fs;
use std::path::Path;

use handstamp::store::{StoreError, Stored};
use handstamp::{Keys, MemoryStore, SessionId, SessionManager, SessionStore as _};
use handstamp_sqlite::SqliteStore;

use crate::arguments::Keep;

/// A handle to the store, beside the one that the session manager has: for the page that shows what
/// lies in it. No other page needs one.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    Memory(MemoryStore),
    Sqlite(SqliteStore),
}

impl Store {
    pub(crate) fn open(keep: &Keep) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(match keep {
            Keep::File(path) => {
                create_folder_of(path)?;
                Self::Sqlite(SqliteStore::open(path)?)
            }
            Keep::Memory => Self::Memory(MemoryStore::new()),
        })
    }

    pub(crate) fn sessions(&self, keys: Keys) -> SessionManager {
        match self {
            Self::Memory(store) => SessionManager::new(store.clone(), keys),
            Self::Sqlite(store) => SessionManager::new(store.clone(), keys),
        }
    }

    /// What the store is called on a page.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Memory(_) => "the server’s memory",
            Self::Sqlite(_) => "an SQLite file",
        }
    }

    pub(crate) async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        match self {
            Self::Memory(store) => store.load(id).await,
            Self::Sqlite(store) => store.load(id).await,
        }
    }
}

fn create_folder_of(path: &Path) -> Result<(), String> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::create_dir_all(folder)
        .map_err(|error| format!("the folder {} can’t be made: {error}", folder.display()))
}
