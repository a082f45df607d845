//! The SQL: each operation of the contract is one statement. Revoking and clearing run theirs again
//! when others were in the way.
//!
//! All times are the server's. `clock_timestamp()` moves on while a statement waits for a row's lock,
//! `now()` does not: who has waited shall not find alive what has expired meanwhile.
//!
//! # Revoking and clearing
//! At READ COMMITTED a statement sees what was committed when it began (its snapshot), and a row that
//! it waits for as it is afterwards. So one `DELETE` misses a session that rotates. The engine creates
//! B, then turns A into a stub, and ends B again if A is gone by then. `S` is the snapshot of a DELETE:
//!
//! | order of events | what happens |
//! |---|---|
//! | S, DELETE of A, create B, stub A | the rotation finds A gone and ends B: right |
//! | S, create B, DELETE of A, stub A | the same |
//! | create B, S, … | S has both A and B. B is deleted, whatever becomes of A: right |
//! | S, create B, stub A, DELETE of A | S has A only. A is no owner's any more (a revocation leaves it) or is ended as a stub (by a clear), and **B escapes** |
//!
//! So both look at what has become of the rows that S saw, with their locks held, and are run again if the
//! last case is possible, with a new snapshot, which has B:
//! - A revocation ends nothing unless all that S saw are still the owner's. So it is done wholly or not at
//!   all, and a mere touch does not keep it from being done.
//! - A clear ends all that S saw. It tells how many rows that were, and how many it ended as S saw them, by
//!   their physical place (`ctid`), which every write changes.
//!
//! A clear goes through the table in small steps, so that nobody waits behind it for long. What is created
//! meanwhile where it has been is ended by a second walk, which has little to do, and the rest by one
//! statement that ends all: a step from the beginning that meets the end is one, too.
//!
//! Rows are locked in the order of their ids, so that two of these statements never wait for each other.

use std::fmt;

use tokio_postgres::types::Type;

use crate::names::{Names, literal, quoted};

/// What is asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Clear,
    ClearSome,
    Count,
    Create,
    Delete,
    End,
    List,
    Load,
    Page,
    Reap,
    Revoke,
    Total,
    Touch,
    Update,
}

/// How many sessions [`Call::ClearSome`] ends at most.
pub(crate) const CLEARED_AT_ONCE: usize = 500;

impl Call {
    pub(crate) const ALL: [Self; 14] = [
        Self::Clear,
        Self::ClearSome,
        Self::Count,
        Self::Create,
        Self::Delete,
        Self::End,
        Self::List,
        Self::Load,
        Self::Page,
        Self::Reap,
        Self::Revoke,
        Self::Total,
        Self::Touch,
        Self::Update,
    ];

    /// Whether it may take its time, so that nobody should have to wait behind it.
    pub(crate) fn may_take_long(self) -> bool {
        matches!(self, Self::Clear | Self::ClearSome | Self::Page | Self::Reap | Self::Total)
    }

    /// Whether it may be done twice as well as once.
    pub(crate) fn only_reads(self) -> bool {
        matches!(self, Self::Count | Self::List | Self::Load | Self::Page | Self::Total)
    }
}

/// A statement and the types of its parameters.
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) types: Vec<Type>,
}

/// The statement of each call, for one table.
pub(crate) struct Statements([Statement; Call::ALL.len()]);

impl Statements {
    /// `zone` is the time zone of the column `expire`; `None`: that of the connection, as for old writers.
    pub(crate) fn new(names: &Names, zone: Option<&str>) -> Self {
        let words = Words::new(names, zone);
        Self(Call::ALL.map(|call| words.statement(call)))
    }

    pub(crate) fn of(&self, call: Call) -> &Statement {
        &self.0[call as usize]
    }
}

impl fmt::Debug for Statements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Statements")
    }
}

/// What the statements are made of. `s` is the row.
struct Words {
    table: String,
    sid: String,
    sess: String,
    expire: String,
    owner: String,
    zone: Option<String>,
    /// The end of the session, as a point in time.
    end: String,
    living: String,
    /// How many seconds are left.
    remaining: String,
    /// What tells one writing of a session from the other.
    version: String,
}

impl Words {
    fn new(names: &Names, zone: Option<&str>) -> Self {
        let columns = &names.columns;
        let (sess, expire) = (quoted(&columns.sess), quoted(&columns.expire));
        let zone = zone.map(literal);
        let end = match &zone {
            Some(zone) => format!("(s.{expire} AT TIME ZONE {zone})"),
            None => format!("s.{expire}::timestamptz"),
        };
        Self {
            table: names.table(),
            sid: quoted(&columns.sid),
            living: format!("{end} > clock_timestamp()"),
            // Not the difference of two times: one of them may be infinite.
            remaining: format!("date_part('epoch', {end}) - date_part('epoch', clock_timestamp())"),
            version: format!("substring(sha256(convert_to(s.{sess}::text, 'UTF8')) FOR 16)"),
            sess,
            expire,
            owner: quoted(&columns.owner),
            zone,
            end,
        }
    }

    /// A point in time as it stands in the table.
    fn local(&self, time: &str) -> String {
        match &self.zone {
            Some(zone) => format!("({time} AT TIME ZONE {zone})"),
            None => format!("({time})::timestamp"),
        }
    }

    /// When a session ends that lives from now for as many seconds as this parameter says.
    fn expiry(&self, parameter: &str) -> String {
        self.local(&format!("(clock_timestamp() + make_interval(secs => {parameter}))"))
    }

    fn statement(&self, call: Call) -> Statement {
        let (text, bytes, seconds, number) = (Type::TEXT, Type::BYTEA, Type::FLOAT8, Type::INT8);
        let (sql, types) = match call {
            Call::Clear => (self.clear(""), vec![]),
            Call::ClearSome => (self.clear_some(), vec![text]),
            Call::Count => (self.count(), vec![text]),
            Call::Create => (self.create(), vec![text.clone(), text.clone(), seconds, text]),
            Call::Delete => (self.delete(), vec![text]),
            Call::End => (self.end(), vec![text, bytes]),
            Call::List => (self.list(), vec![text]),
            Call::Load => (self.load(), vec![text]),
            Call::Page => (self.page(), vec![text, number]),
            Call::Reap => (self.reap(), vec![number]),
            Call::Revoke => (self.revoke(), vec![text.clone(), text]),
            Call::Total => (self.total(), vec![]),
            Call::Touch => (self.touch(), vec![text, seconds]),
            Call::Update => (self.update(), vec![text.clone(), bytes, text.clone(), seconds, text]),
        };
        Statement { sql, types }
    }

    /// `sid` → document, seconds left.
    fn load(&self) -> String {
        let Self { table, sid, sess, living, remaining, .. } = self;
        format!(
            "SELECT s.{sess}::text, {remaining} FROM {table} AS s WHERE s.{sid} = $1 AND {living}"
        )
    }

    /// `sid`, document, seconds, owner → the version; no row: a living one is there.
    ///
    /// What has expired is missing, so it may be written over.
    fn create(&self) -> String {
        let Self { table, sid, sess, expire, owner, living, version, .. } = self;
        let expiry = self.expiry("$3");
        format!(
            "INSERT INTO {table} AS s ({sid}, {sess}, {expire}, {owner}) \
             VALUES ($1, $2::json, {expiry}, $4) \
             ON CONFLICT ({sid}) DO UPDATE SET {sess} = excluded.{sess}, \
             {expire} = excluded.{expire}, {owner} = excluded.{owner} \
             WHERE NOT ({living}) RETURNING {version}"
        )
    }

    /// `sid`, version, document, seconds, owner → the new version, or what stands there (document,
    /// seconds left); no row: there is none.
    fn update(&self) -> String {
        let Self { table, sess, expire, owner, version, .. } = self;
        let expiry = self.expiry("$4");
        self.if_unchanged(&format!(
            "UPDATE {table} AS s SET {sess} = $3::json, {expire} = {expiry}, {owner} = $5 \
             WHERE {} RETURNING {version} AS version",
            self.unchanged()
        ))
    }

    /// `sid`, version → as for an update; the version is the one that was ended.
    fn end(&self) -> String {
        let Self { table, version, .. } = self;
        self.if_unchanged(&format!(
            "DELETE FROM {table} AS s WHERE {} RETURNING {version} AS version",
            self.unchanged()
        ))
    }

    fn unchanged(&self) -> String {
        let Self { sid, version, living, .. } = self;
        format!("s.{sid} = $1 AND {version} = $2 AND {living}")
    }

    /// Does this, or tells what stands in its way.
    fn if_unchanged(&self, write: &str) -> String {
        let Self { table, sid, sess, living, remaining, .. } = self;
        format!(
            "WITH done AS ({write}) SELECT version, NULL::text, NULL::float8 FROM done \
             UNION ALL SELECT NULL::bytea, s.{sess}::text, {remaining} FROM {table} AS s \
             WHERE s.{sid} = $1 AND {living} AND NOT EXISTS (SELECT FROM done)"
        )
    }

    /// `sid`, seconds → a row if it lives.
    fn touch(&self) -> String {
        let Self { table, sid, expire, living, .. } = self;
        let expiry = self.expiry("$2");
        format!(
            "UPDATE {table} AS s SET {expire} = {expiry} WHERE s.{sid} = $1 AND {living} RETURNING true"
        )
    }

    /// `sid` → the document, or NULL if it had expired.
    fn delete(&self) -> String {
        let Self { table, sid, sess, living, .. } = self;
        format!(
            "DELETE FROM {table} AS s WHERE s.{sid} = $1 \
             RETURNING CASE WHEN {living} THEN s.{sess}::text END"
        )
    }

    /// owner → document, seconds left, `sid`.
    fn list(&self) -> String {
        let Self { table, sid, sess, owner, living, remaining, .. } = self;
        format!(
            "SELECT s.{sess}::text, {remaining}, s.{sid}::text FROM {table} AS s \
             WHERE s.{owner} = $1 AND {living}"
        )
    }

    /// owner → a number.
    fn count(&self) -> String {
        let Self { table, owner, living, .. } = self;
        format!("SELECT count(*) FROM {table} AS s WHERE s.{owner} = $1 AND {living}")
    }

    /// owner, `sid` to be spared or NULL → how many sessions there were, how many were ended, and how many
    /// of these lived. The module docs tell why none may be ended.
    fn revoke(&self) -> String {
        let Self { table, sid, owner, .. } = self;
        let condition = format!("s.{owner} = $1 AND s.{sid} IS DISTINCT FROM $2");
        let seen = format!("SELECT s.{sid} AS sid FROM {table} AS s WHERE {condition}");
        let all_are_left = "(SELECT count(*) FROM seen) = (SELECT count(*) FROM mine)";
        format!(
            "{} SELECT (SELECT count(*) FROM seen), (SELECT count(*) FROM ended), \
             (SELECT count(*) FROM ended WHERE lived)",
            self.end_seen(&seen, &condition, all_are_left)
        )
    }

    /// `sid` where to begin → see [`Self::clear`].
    fn clear_some(&self) -> String {
        let Self { sid, .. } = self;
        // The limit is no parameter, so that each plan is one for few rows.
        self.clear(&format!("WHERE s.{sid} >= $1 ORDER BY s.{sid} LIMIT {CLEARED_AT_ONCE}"))
    }

    /// → how many rows there were, how many of these were ended as they were found, how many living
    /// sessions were ended, and the last `sid`.
    fn clear(&self, which: &str) -> String {
        let Self { table, sid, .. } = self;
        let seen = format!("SELECT s.{sid} AS sid, s.ctid AS place FROM {table} AS s {which}");
        format!(
            "{} SELECT (SELECT count(*) FROM seen), \
             (SELECT count(*) FROM ended JOIN seen USING (sid, place)), \
             (SELECT count(*) FROM ended WHERE lived), (SELECT max(sid)::text FROM seen)",
            self.end_seen(&seen, "true", "true")
        )
    }

    /// Locks the rows of `seen` that meet the condition, and ends them if then `all` holds. Gives `ended`.
    ///
    /// Arrays are looked up in the index. For a join, the whole table may be read.
    fn end_seen(&self, seen: &str, condition: &str, all: &str) -> String {
        let Self { table, sid, living, .. } = self;
        format!(
            "WITH seen AS MATERIALIZED ({seen}), \
             mine AS MATERIALIZED (SELECT s.{sid} AS sid FROM {table} AS s \
             WHERE s.{sid} = ANY (ARRAY(SELECT sid FROM seen)) AND {condition} \
             ORDER BY s.{sid} FOR UPDATE), \
             ended AS (DELETE FROM {table} AS s \
             WHERE s.{sid} = ANY (ARRAY(SELECT sid FROM mine)) AND {condition} AND {all} \
             RETURNING s.{sid} AS sid, s.ctid AS place, {living} AS lived)"
        )
    }

    /// `sid` behind which to go on, how many → document or NULL if expired, seconds left, `sid`.
    ///
    /// What has expired counts against the limit, so that no page takes long to find.
    fn page(&self) -> String {
        let Self { table, sid, sess, living, remaining, .. } = self;
        format!(
            "SELECT CASE WHEN {living} THEN s.{sess}::text END, {remaining}, s.{sid}::text \
             FROM {table} AS s WHERE s.{sid} > $1 ORDER BY s.{sid} LIMIT $2"
        )
    }

    /// → a number.
    fn total(&self) -> String {
        let Self { table, living, .. } = self;
        format!("SELECT count(*) FROM {table} AS s WHERE {living}")
    }

    /// how many rows at most → whether it is our turn, and how many were removed.
    ///
    /// The first condition on the time finds the rows by the index. The second holds them back in the
    /// hour that comes twice a year, where the first alone would be an hour early.
    fn reap(&self) -> String {
        let Self { table, sid, expire, end, .. } = self;
        let (lock, now) = (lock_key(table), self.local("now()"));
        format!(
            "WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock({lock}) AS ours), \
             due AS MATERIALIZED (SELECT s.{sid} AS sid FROM {table} AS s \
             WHERE (SELECT ours FROM turn) AND s.{expire} < {now} AND {end} < now() \
             ORDER BY s.{expire} LIMIT $1 FOR UPDATE SKIP LOCKED), \
             reaped AS (DELETE FROM {table} AS s USING due WHERE s.{sid} = due.sid RETURNING 1) \
             SELECT (SELECT ours FROM turn), (SELECT count(*) FROM reaped)"
        )
    }
}

/// The key of an advisory lock that is this table's: ours in the upper half, the table's number below.
pub(crate) fn lock_key(table: &str) -> String {
    // "hand" in ASCII.
    format!("(1751215716::bigint << 32) | {}::regclass::oid::bigint", literal(table))
}
