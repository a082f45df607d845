//! The table: its SQL as text, and bringing a database up to it.

use crate::connection::Connection;
use crate::error::Failure;
use crate::names::{Names, literal, quoted};

/// How long a migration waits for a lock. While it waits, everybody else waits behind it.
const LOCK_TIMEOUT: &str = "5s";

/// The triggers that tell of changes, and of all of them at once.
pub(crate) const TRIGGERS: [&str; 2] = ["handstamp_changed", "handstamp_truncated"];

/// What a channel's name begins with. The number of the table follows.
pub(crate) const CHANNEL: &str = "handstamp_";

/// The SQL that makes what is missing and leaves alone what is there.
pub(crate) fn schema(names: &Names, change_events: bool) -> String {
    let table = names.table();
    let columns = &names.columns;
    let [sid, sess, expire, owner] =
        [&columns.sid, &columns.sess, &columns.expire, &columns.owner].map(|name| quoted(name));
    let [pkey, by_expire, by_owner] = index_names(names).map(|name| quoted(&name));
    let mut sql = format!(
        "CREATE TABLE IF NOT EXISTS {table} (\n\
        \x20 {sid} varchar NOT NULL COLLATE \"default\",\n\
        \x20 {sess} json NOT NULL,\n\
        \x20 {expire} timestamp(6) NOT NULL,\n\
        \x20 CONSTRAINT {pkey} PRIMARY KEY ({sid}) NOT DEFERRABLE INITIALLY IMMEDIATE\n\
        );\n\
        CREATE INDEX IF NOT EXISTS {by_expire} ON {table} ({expire});\n\
        ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {owner} text;\n\
        CREATE INDEX IF NOT EXISTS {by_owner} ON {table} USING hash ({owner}) WHERE {owner} IS NOT NULL;\n"
    );
    if change_events {
        sql += &triggers(names);
    }
    sql
}

/// Brings the table up to the schema. Touches nothing if nothing is missing: even a statement that finds
/// nothing to do would wait for all who use the table, and have everybody wait behind it.
pub(crate) async fn migrate(
    connection: &Connection,
    names: &Names,
    change_events: bool,
) -> Result<(), Failure> {
    let client = connection.client();
    let complete = client.query_typed(&is_complete(names, change_events), &[]).await?;
    if complete.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
        return Ok(());
    }
    // Sent as one text, it is one transaction. Two at once would fail over each other's names.
    client
        .batch_execute(&format!(
            "SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SELECT pg_advisory_xact_lock(1751215716); {}",
            schema(names, change_events)
        ))
        .await?;
    Ok(())
}

/// SQL that says whether nothing is missing.
fn is_complete(names: &Names, change_events: bool) -> String {
    let table = literal(&names.table());
    let [_, by_expire, by_owner] = index_names(names).map(|name| literal(&names.beside(&name)));
    let owner = literal(&names.columns.owner);
    let mut sql = format!(
        "SELECT to_regclass({by_expire}) IS NOT NULL AND to_regclass({by_owner}) IS NOT NULL \
         AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass({table}) AND attname = {owner})"
    );
    if change_events {
        sql += &format!(" AND {}", has_triggers(names));
    }
    sql
}

/// SQL that says whether the table tells of its changes.
pub(crate) fn has_triggers(names: &Names) -> String {
    let [changed, truncated] = TRIGGERS.map(literal);
    format!(
        "(SELECT count(*) = 2 FROM pg_trigger WHERE tgrelid = to_regclass({}) AND tgenabled <> 'D' \
         AND tgname IN ({changed}, {truncated}))",
        literal(&names.table())
    )
}

/// SQL that gives the channel on which the table tells of its changes, or NULL without a table.
pub(crate) fn channel(names: &Names) -> String {
    format!("{} || to_regclass({})::oid", literal(CHANNEL), literal(&names.table()))
}

/// SQL that makes the triggers. Whoever writes fires them: ours, old writers, psql.
///
/// An id that is longer than any of ours is cut, since a longer text would make the write fail.
fn triggers(names: &Names) -> String {
    let table = names.table();
    let function = names.beside(&names.derived("", "_handstamp_changed"));
    let sid = quoted(&names.columns.sid);
    let channel = format!("{} || TG_RELID", literal(CHANNEL));
    let body = literal(&format!(
        "\nBEGIN\n\
        \x20 IF TG_LEVEL = 'STATEMENT' THEN\n\
        \x20   PERFORM pg_notify({channel}, '');\n\
        \x20 ELSIF TG_OP = 'DELETE' THEN\n\
        \x20   PERFORM pg_notify({channel}, left(OLD.{sid}, 129));\n\
        \x20 ELSE\n\
        \x20   PERFORM pg_notify({channel}, left(NEW.{sid}, 129));\n\
        \x20 END IF;\n\
        \x20 RETURN NULL;\n\
        END\n"
    ));
    let [changed, truncated] = TRIGGERS.map(quoted);
    format!(
        "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {body};\n\
        DROP TRIGGER IF EXISTS {changed} ON {table};\n\
        CREATE TRIGGER {changed} AFTER INSERT OR UPDATE OR DELETE ON {table}\n\
        \x20 FOR EACH ROW EXECUTE FUNCTION {function}();\n\
        DROP TRIGGER IF EXISTS {truncated} ON {table};\n\
        CREATE TRIGGER {truncated} AFTER TRUNCATE ON {table}\n\
        \x20 FOR EACH STATEMENT EXECUTE FUNCTION {function}();\n"
    )
}

/// The primary key's, that of the index by expiry, that of the index by owner. For a table `session` the
/// first two are connect-pg-simple's.
fn index_names(names: &Names) -> [String; 3] {
    [
        names.derived("", "_pkey"),
        names.derived("IDX_", "_expire"),
        names.derived("IDX_", "_handstamp_owner"),
    ]
}
