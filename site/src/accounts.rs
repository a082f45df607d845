//! The users' accounts: names and argon2 hashes of passwords, in an SQLite file of their own.
//!
//! Sessions know users by an opaque text only; what an account is, is the application's business.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use rusqlite::{Connection, OptionalExtension as _};
use tokio::sync::Semaphore;

use crate::arguments::Keep;
use crate::files::{beside, create_private};

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY,   -- the name in lower case
    name TEXT NOT NULL,    -- as its owner wrote it
    password TEXT NOT NULL -- argon2id, in the PHC string format
) STRICT";

/// One hash takes 19 MiB and a core for a moment: more at a time would only make a flood of them worse.
const HASHES_AT_A_TIME: usize = 2;

#[derive(Clone)]
pub(crate) struct Accounts {
    database: Arc<Mutex<Connection>>,
    hashing: Arc<Semaphore>,
}

/// A user who has just proved to be one.
#[derive(Debug, PartialEq)]
pub(crate) struct Account {
    pub id: String,
    pub name: String,
    pub is_new: bool,
}

impl Accounts {
    /// Opens the accounts beside the sessions.
    pub(crate) fn open(keep: &Keep) -> Result<Self, Box<dyn std::error::Error>> {
        let database = match keep.base() {
            Some(base) => open_file(&beside(&base, "accounts"))?,
            None => Connection::open_in_memory()?,
        };
        database.execute_batch(SCHEMA)?;
        Ok(Self {
            database: Arc::new(Mutex::new(database)),
            hashing: Arc::new(Semaphore::new(HASHES_AT_A_TIME)),
        })
    }

    /// Finds the account of this name, or makes it if nobody has the name yet. `None`: the name is
    /// taken and the password is not its owner's.
    pub(crate) async fn enter(
        &self,
        name: String,
        password: String,
    ) -> Result<Option<Account>, AccountsError> {
        // The semaphore is never closed; without a permit the work is done all the same.
        let _permit = self.hashing.acquire().await;
        let accounts = self.clone();
        // Hashing takes a while and the file may be slow: neither may hold up other requests.
        let entering = tokio::task::spawn_blocking(move || accounts.enter_now(name, &password));
        entering.await.map_err(AccountsError::Interrupted)?
    }

    fn enter_now(&self, name: String, password: &str) -> Result<Option<Account>, AccountsError> {
        let id = name.to_lowercase();
        if let Some(known) = self.find(&id)? {
            return known.admit(id, password);
        }
        let hash = Argon2::default().hash_password(password.as_bytes())?.to_string();
        if self.add(&id, &name, &hash)? {
            return Ok(Some(Account { id, name, is_new: true }));
        }
        // Somebody else took the name while we were hashing.
        self.find(&id)?.map_or(Ok(None), |known| known.admit(id, password))
    }

    fn find(&self, id: &str) -> Result<Option<Known>, rusqlite::Error> {
        let select = "SELECT name, password FROM accounts WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok(Known { name: row.get(0)?, hash: row.get(1)? });
        self.database().query_row(select, [id], read).optional()
    }

    /// `false`: the name is taken.
    fn add(&self, id: &str, name: &str, hash: &str) -> Result<bool, rusqlite::Error> {
        let insert = "INSERT INTO accounts (id, name, password) VALUES (?1, ?2, ?3)
                      ON CONFLICT DO NOTHING";
        Ok(self.database().execute(insert, [id, name, hash])? > 0)
    }

    fn database(&self) -> MutexGuard<'_, Connection> {
        // A panic while it was held leaves SQLite's connection as sound as before.
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An account as it is stored.
struct Known {
    name: String,
    hash: String,
}

impl Known {
    fn admit(self, id: String, password: &str) -> Result<Option<Account>, AccountsError> {
        let hash = PasswordHash::new(&self.hash).map_err(|_| AccountsError::Damaged)?;
        Ok(match Argon2::default().verify_password(password.as_bytes(), &hash) {
            Ok(()) => Some(Account { id, name: self.name, is_new: false }),
            Err(password_hash::Error::PasswordInvalid) => None,
            Err(error) => return Err(error.into()),
        })
    }
}

fn open_file(path: &Path) -> Result<Connection, Box<dyn std::error::Error>> {
    let naming = |error: &dyn fmt::Display| format!("the accounts in {}: {error}", path.display());
    match create_private(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(naming(&error).into()),
        _ => Ok(Connection::open(path).map_err(|error| naming(&error))?),
    }
}

/// Why an account could not be looked up or made.
#[derive(Debug)]
pub(crate) enum AccountsError {
    Damaged,
    Database(rusqlite::Error),
    Hashing(password_hash::Error),
    Interrupted(tokio::task::JoinError),
}

impl fmt::Display for AccountsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => f.write_str("an account holds something that is no password hash"),
            Self::Database(error) => write!(f, "the accounts’ database: {error}"),
            Self::Hashing(error) => write!(f, "hashing a password: {error}"),
            Self::Interrupted(error) => write!(f, "looking up an account: {error}"),
        }
    }
}

impl std::error::Error for AccountsError {}

impl From<password_hash::Error> for AccountsError {
    fn from(error: password_hash::Error) -> Self {
        Self::Hashing(error)
    }
}

impl From<rusqlite::Error> for AccountsError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Shows no account.
impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn enter(accounts: &Accounts, name: &str, password: &str) -> Option<(String, bool)> {
        let account = accounts.enter(name.into(), password.into()).await.unwrap();
        account.map(|account| (account.name, account.is_new))
    }

    #[tokio::test]
    async fn a_free_name_is_taken_and_then_asks_for_its_password() {
        let accounts = Accounts::open(&Keep::Memory).unwrap();
        assert_eq!(enter(&accounts, "Ada", "correct horse").await, Some(("Ada".into(), true)));
        assert_eq!(enter(&accounts, "ADA", "correct horse").await, Some(("Ada".into(), false)));
        assert_eq!(enter(&accounts, "ada", "wrong horse").await, None);
    }

    #[tokio::test]
    async fn of_two_who_want_a_name_at_once_one_gets_it() {
        let accounts = Accounts::open(&Keep::Memory).unwrap();
        let (first, second) = tokio::join!(
            enter(&accounts, "ada", "the first"),
            enter(&accounts, "ada", "the second")
        );
        assert_eq!([&first, &second].iter().filter(|entered| entered.is_some()).count(), 1);
    }

    #[tokio::test]
    async fn accounts_in_a_file_outlive_the_server_and_hold_no_password() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::File(folder.path().join("sessions.db"));
        enter(&Accounts::open(&keep).unwrap(), "Ada", "correct horse").await;
        let again = Accounts::open(&keep).unwrap();
        assert_eq!(enter(&again, "Ada", "correct horse").await, Some(("Ada".into(), false)));
        let bytes = std::fs::read(folder.path().join("sessions.db.accounts")).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("$argon2id$") && !text.contains("correct horse"));
    }
}
