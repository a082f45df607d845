//! The store of the demo: the one that the command line names.

use std::fs;
use std::path::Path;

use handstamp::MemoryStore;
use handstamp::store::AnyStore;
use handstamp_mysql::MySqlOptions;
use handstamp_postgres::PostgresOptions;
use handstamp_redis::RedisStore;
use handstamp_sqlite::SqliteStore;

use crate::arguments::Keep;

type Error = Box<dyn std::error::Error>;

/// A handle to the store, beside the one that the session manager has: for the page that shows what
/// lies in it. No other page needs one.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub store: AnyStore,
    /// What it is called on a page, with its article.
    pub name: &'static str,
    /// Whether the sessions are still there when this program has ended.
    pub outlives_us: bool,
}

impl Store {
    pub(crate) async fn open(keep: &Keep) -> Result<Self, Error> {
        if let Some(base) = keep.base() {
            create_folder_of(&base)?;
        }
        Ok(match keep {
            Keep::File(path) => Self {
                store: SqliteStore::open(path)?.into(),
                name: "an SQLite file",
                outlives_us: true,
            },
            Keep::Memory => {
                let store = MemoryStore::new().into();
                Self { store, name: "the server’s memory", outlives_us: false }
            }
            Keep::Server { url, .. } => Self::connect(url).await?,
        })
    }

    async fn connect(url: &str) -> Result<Self, Error> {
        let name =
            kind(url).ok_or("the store’s URL is none of redis://…, postgres://… and mysql://…")?;
        let store = match name {
            "a PostgreSQL" => {
                PostgresOptions::new().create_table_if_missing(true).connect(url).await?.into()
            }
            "a MySQL" => {
                MySqlOptions::new().create_table_if_missing(true).connect(url).await?.into()
            }
            _ => RedisStore::connect(url).await?.into(),
        };
        Ok(Self { store, name, outlives_us: true })
    }
}

/// What kind of server a URL leads to, with its article.
pub(crate) fn kind(url: &str) -> Option<&'static str> {
    let (scheme, _) = url.split_once("://")?;
    match scheme {
        "mysql" => Some("a MySQL"),
        "postgres" | "postgresql" => Some("a PostgreSQL"),
        _ if scheme.starts_with("redis") || scheme.starts_with("valkey") => Some("a Redis"),
        _ => None,
    }
}

fn create_folder_of(path: &Path) -> Result<(), String> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::create_dir_all(folder)
        .map_err(|error| format!("the folder {} can’t be made: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_what_it_leads_to() {
        assert_eq!(kind("redis+cluster://a:1,b:2"), Some("a Redis"));
        assert_eq!(kind("postgresql://a/b"), Some("a PostgreSQL"));
        assert_eq!(kind("mysql://a/b"), Some("a MySQL"));
        assert_eq!(kind("mongodb://a"), None);
    }
}
