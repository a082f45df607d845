//! The table: its SQL as text, and bringing a database up to it.

use crate::connection::Connection;
use crate::error::Failure;
use crate::names::{Columns, Names, literal, quoted};

/// How long a migration waits for a lock. While it waits, everybody else waits behind it.
const LOCK_TIMEOUT: &str = "5s";

/// The triggers that tell of changes, and of all of them at once.
pub(crate) const TRIGGERS: [&str; 2] = ["handstamp_changed", "handstamp_truncated"];

/// What a channel's name begins with. The number of the table follows.
pub(crate) const CHANNEL: &str = "handstamp_";

/// One thing that the table needs.
struct Part {
    /// SQL that makes it if it is missing.
    sql: String,
    /// SQL that says whether it is there.
    is_there: String,
}

/// The SQL that makes what is missing and leaves alone what is there.
pub(crate) fn schema(names: &Names, change_events: bool) -> String {
    parts(names, change_events).into_iter().map(|part| part.sql).collect()
}

/// Brings the table up to the schema. Touches nothing that is there: even a statement that finds nothing to
/// do would wait for all who use the table, and have everybody wait behind it.
///
/// Each part is a transaction of its own. The column takes a lock that keeps everybody out, for a moment;
/// nobody shall be kept out while the indexes are built.
pub(crate) async fn migrate(
    connection: &Connection,
    names: &Names,
    change_events: bool,
) -> Result<(), Failure> {
    let client = connection.client();
    let parts = parts(names, change_events);
    let questions: Vec<_> = parts.iter().map(|part| part.is_there.as_str()).collect();
    let answers = client.query_typed(&format!("SELECT {}", questions.join(", ")), &[]).await?;
    for (n, part) in parts.iter().enumerate() {
        let is_there = answers.first().map(|row| row.try_get(n)).transpose()?;
        if is_there != Some(true) {
            client.batch_execute(&alone(&part.sql)).await?;
        }
    }
    Ok(())
}

/// SQL that does this while nobody else does it: two at once would fail over each other's names. Sent as one
/// text, it is one transaction.
///
/// It may take its time, and so may the others. Only locks that others wait behind are not waited for long.
fn alone(sql: &str) -> String {
    format!(
        "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
         SELECT pg_advisory_xact_lock(1751215716); SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; {sql}"
    )
}

fn parts(names: &Names, change_events: bool) -> Vec<Part> {
    let table = names.table();
    let Columns { sid, sess, expire, owner } = &names.columns;
    let [pkey, by_expire, by_owner] = index_names(names).map(|name| quoted(&name));
    let columns = Part {
        sql: format!(
            "CREATE TABLE IF NOT EXISTS {table} (\n\
            \x20 {} varchar NOT NULL COLLATE \"default\",\n\
            \x20 {} json NOT NULL,\n\
            \x20 {} timestamp(6) NOT NULL,\n\
            \x20 CONSTRAINT {pkey} PRIMARY KEY ({0}) NOT DEFERRABLE INITIALLY IMMEDIATE\n\
            );\n\
            ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {} text;\n",
            quoted(sid),
            quoted(sess),
            quoted(expire),
            quoted(owner),
        ),
        is_there: has_column(names, owner),
    };
    let expire_index = Part {
        sql: format!("CREATE INDEX IF NOT EXISTS {by_expire} ON {table} ({});\n", quoted(expire)),
        is_there: has_index(names, expire),
    };
    let owner_index = Part {
        sql: format!(
            "CREATE INDEX IF NOT EXISTS {by_owner} ON {table} USING hash ({0}) WHERE {0} IS NOT NULL;\n",
            quoted(owner)
        ),
        is_there: has_index(names, owner),
    };
    let triggers =
        change_events.then(|| Part { sql: triggers(names), is_there: has_triggers(names) });
    [columns, expire_index, owner_index].into_iter().chain(triggers).collect()
}

/// SQL that says whether the table has this column.
fn has_column(names: &Names, column: &str) -> String {
    format!(
        "EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass({}) AND attname = {})",
        literal(&names.table()),
        literal(column)
    )
}

/// SQL that says whether the table has an index by this column, whatever it is called: connect-pg-simple
/// calls that of each table by the same name.
fn has_index(names: &Names, column: &str) -> String {
    format!(
        "EXISTS (SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] \
         WHERE indrelid = to_regclass({}) AND indisvalid AND attname = {})",
        literal(&names.table()),
        literal(column)
    )
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
