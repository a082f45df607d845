//! Stores by their URLs, as applications open them.

use handstamp::store::AnyStore;
use handstamp_mysql::MySqlOptions;
use handstamp_postgres::PostgresOptions;
use handstamp_redis::{NearCache, RedisOptions};
use handstamp_sqlite::SqliteStore;

/// Opens a store with connections of its own. `space` names where it keeps its sessions: nobody else's are
/// there, though tests share servers. `pgbouncer://…` is PostgreSQL behind PgBouncer, `near+redis://…` and its
/// like are Redis with a near cache.
pub(crate) async fn open(url: &str, space: &str) -> AnyStore {
    let (scheme, rest) = url.split_once("://").unwrap();
    match scheme {
        "mysql" => {
            let options = MySqlOptions::new().table_name(space).create_table_if_missing(true);
            options.connect(url).await.unwrap().into()
        }
        "pgbouncer" | "postgres" => {
            let options = PostgresOptions::new().table_name(space).create_table_if_missing(true);
            let options = options.pgbouncer(scheme == "pgbouncer");
            options.connect(&format!("postgres://{rest}")).await.unwrap().into()
        }
        "sqlite" => SqliteStore::open(rest).unwrap().into(),
        _ => {
            let options = RedisOptions::new().prefix(format!("{space}:"));
            let (options, url) = match url.strip_prefix("near+") {
                Some(url) => (options.near_cache(NearCache::new()), url),
                None => (options, url),
            };
            options.connect(url).await.unwrap().into()
        }
    }
}
