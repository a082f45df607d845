//! The table: what it and its columns are called, and how it is made.
//!
//! It is express-mysql-session's, with one column more. That one may be null, so a writer that has never
//! heard of it goes on writing: its `INSERT … ON DUPLICATE KEY UPDATE` leaves the column as it is.

/// The names of the table's columns. The default ones are express-mysql-session's, and our own.
///
/// ```
/// use handstamp_mysql::Columns;
///
/// let columns = Columns { data: "sess".into(), ..Columns::default() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The session's id, the primary key: text that tells small letters from capital ones. `session_id`
    /// unless set.
    pub session_id: String,
    /// When the session ends, in seconds since 1970. `expires` unless set.
    pub expires: String,
    /// The session's document: text of any length, or JSON. `data` unless set.
    pub data: String,
    /// Whose session it is: the SHA-256 of the owner's name as `binary(32)`, or NULL.
    /// `handstamp_owner` unless set.
    ///
    /// Owners are any text of any length, and an index takes short texts only, padded and folded as the
    /// column's collation likes. A digest is short, and equal only where the names are. To find a user's
    /// sessions by hand: `WHERE handstamp_owner = UNHEX(SHA2('alice', 256))`.
    pub owner: String,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            session_id: "session_id".into(),
            expires: "expires".into(),
            data: "data".into(),
            owner: "handstamp_owner".into(),
        }
    }
}

/// All names, as they were given.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The database that the table is in. `None`: the one that the connection is to.
    pub(crate) database: Option<String>,
    pub(crate) table: String,
    pub(crate) columns: Columns,
}

impl Default for Layout {
    fn default() -> Self {
        Self { database: None, table: "sessions".into(), columns: Columns::default() }
    }
}

impl Layout {
    /// The names as they stand in a statement.
    pub(crate) fn quoted(&self) -> Quoted {
        let table = quoted(&self.table);
        Quoted {
            table: match &self.database {
                Some(database) => format!("{}.{table}", quoted(database)),
                None => table,
            },
            id: quoted(&self.columns.session_id),
            expires: quoted(&self.columns.expires),
            data: quoted(&self.columns.data),
            owner: quoted(&self.columns.owner),
        }
    }

    /// Makes the table if there is none.
    pub(crate) fn create_table(&self) -> String {
        let Quoted { table, id, expires, data, owner } = self.quoted();
        format!(
            "CREATE TABLE IF NOT EXISTS {table} (
  {id} varchar(128) COLLATE utf8mb4_bin NOT NULL,
  {expires} int unsigned NOT NULL,
  {data} mediumtext COLLATE utf8mb4_bin,
  {owner} binary(32) DEFAULT NULL,
  PRIMARY KEY ({id}),
  KEY handstamp_expires ({expires}),
  KEY handstamp_owner ({owner})
) ENGINE=InnoDB"
        )
    }

    /// All of this as SQL to be read and run by hand. What is for a table that is there already is in comments,
    /// so that the whole can be run where there is none.
    pub(crate) fn schema(&self) -> String {
        let additions = self.additions().map(|addition| format!("{};\n", addition.sql)).concat();
        let mut text = format!("{};\n\n", self.create_table());
        text += "-- To a table that express-mysql-session has made, add:\n";
        for line in additions.lines() {
            text += &format!("-- {line}\n");
        }
        text
    }

    /// What a table that express-mysql-session has made lacks.
    pub(crate) fn additions(&self) -> [Addition; 3] {
        let Quoted { table, expires, owner, .. } = self.quoted();
        [
            Addition {
                column: self.columns.owner.clone(),
                place: "columns",
                sql: format!("ALTER TABLE {table} ADD COLUMN {owner} binary(32) DEFAULT NULL"),
            },
            Addition {
                column: self.columns.owner.clone(),
                place: "statistics",
                sql: format!("ALTER TABLE {table} ADD INDEX handstamp_owner ({owner})"),
            },
            Addition {
                column: self.columns.expires.clone(),
                place: "statistics",
                sql: format!("ALTER TABLE {table} ADD INDEX handstamp_expires ({expires})"),
            },
        ]
    }
}

/// Finds the table. To be told the database, or null, and the table.
pub(crate) const FIND_TABLE: &str = "SELECT 1 FROM information_schema.tables \
     WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?";

/// A column or an index to be added, unless it is there.
pub(crate) struct Addition {
    /// The column that is added, or that the index begins with.
    pub(crate) column: String,
    place: &'static str,
    pub(crate) sql: String,
}

impl Addition {
    /// Finds it. To be told the database, or null, the table and the column.
    pub(crate) fn find(&self) -> String {
        let first = if self.place == "statistics" { " AND seq_in_index = 1" } else { "" };
        format!(
            "SELECT 1 FROM information_schema.{} WHERE table_schema = COALESCE(?, DATABASE()) \
             AND table_name = ? AND column_name = ?{first} LIMIT 1",
            self.place
        )
    }
}

/// The names of a [`Layout`] in backticks.
pub(crate) struct Quoted {
    /// With its database, if it has one of its own.
    pub(crate) table: String,
    pub(crate) id: String,
    pub(crate) expires: String,
    pub(crate) data: String,
    pub(crate) owner: String,
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_a_name_whatever_is_in_it() {
        assert_eq!(quoted("sessions"), "`sessions`");
        assert_eq!(quoted("a`; DROP TABLE b; --"), "`a``; DROP TABLE b; --`");
        assert_eq!(quoted("a.b"), "`a.b`");
    }

    #[test]
    fn no_part_of_a_name_leaves_the_comments_of_the_schema() {
        let layout = Layout { table: "a\nDROP TABLE b;".into(), ..Layout::default() };
        let schema = layout.schema();
        let (_, comments) = schema.split_once("-- To a table").unwrap();
        assert!(comments.lines().skip(1).all(|line| line.starts_with("-- ")), "{schema}");
    }

    #[test]
    fn the_database_stands_before_the_table_if_there_is_one() {
        let own = Layout { database: Some("web".into()), ..Layout::default() };
        assert_eq!(own.quoted().table, "`web`.`sessions`");
        assert_eq!(Layout::default().quoted().table, "`sessions`");
    }
}
