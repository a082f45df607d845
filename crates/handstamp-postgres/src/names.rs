//! Where the sessions are, in SQL: schema, table and columns, quoted so that any name is only a name.

use handstamp::store::StoreErrorKind;

use crate::error::Failure;

/// The longest name that PostgreSQL takes, in bytes. It cuts longer ones without an error.
const LONGEST: usize = 63;

/// The names of the table's columns. The default ones are connect-pg-simple's, and our own.
///
/// ```
/// use handstamp_postgres::Columns;
///
/// let columns = Columns { sess: "data".into(), ..Columns::default() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The session's id, the primary key. `sid` unless set.
    pub sid: String,
    /// The session's document, of the type `json`. `sess` unless set.
    pub sess: String,
    /// When the session ends, of the type `timestamp` without a time zone. `expire` unless set.
    pub expire: String,
    /// Whose session it is, of the type `text`, or NULL. `handstamp_owner` unless set.
    pub owner: String,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            sid: "sid".into(),
            sess: "sess".into(),
            expire: "expire".into(),
            owner: "handstamp_owner".into(),
        }
    }
}

/// All names, as they were given.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
    pub(crate) columns: Columns,
}

impl Names {
    /// Refuses what can't be a name.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let Columns { sid, sess, expire, owner } = &self.columns;
        let names = [&self.table, sid, sess, expire, owner];
        for name in names.into_iter().chain(&self.schema) {
            if name.is_empty() || name.contains('\0') || name.len() > LONGEST {
                let advice = format!(
                    "{name:?} is no name for a schema, a table or a column; \
                     PostgreSQL takes 1 to {LONGEST} bytes, none of them NUL"
                );
                return Err(Failure::new(StoreErrorKind::Refused, advice));
            }
        }
        Ok(())
    }

    /// The table, with its schema if one was named. Otherwise the connection's `search_path` decides.
    pub(crate) fn table(&self) -> String {
        self.beside(&self.table)
    }

    /// Another name in the table's schema.
    pub(crate) fn beside(&self, name: &str) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(name)),
            None => quoted(name),
        }
    }

    /// A name that is made of the table's: `prefix`, the table's, `suffix`.
    ///
    /// A long table name is cut short rather than the suffix, which tells the names apart.
    pub(crate) fn derived(&self, prefix: &str, suffix: &str) -> String {
        let mut end = self.table.len().min(LONGEST - prefix.len() - suffix.len());
        while !self.table.is_char_boundary(end) {
            end -= 1;
        }
        format!("{prefix}{}{suffix}", &self.table[..end])
    }
}

/// A name as SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL, whatever `standard_conforming_strings` says.
pub(crate) fn literal(text: &str) -> String {
    let text = text.replace('\'', "''");
    if text.contains('\\') {
        return format!("E'{}'", text.replace('\\', "\\\\"));
    }
    format!("'{text}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(schema: Option<&str>, table: &str) -> Names {
        let (schema, table) = (schema.map(str::to_owned), table.to_owned());
        Names { schema, table, columns: Columns::default() }
    }

    #[test]
    fn a_name_stays_one_name_whatever_is_in_it() {
        assert_eq!(names(None, "session").table(), r#""session""#);
        assert_eq!(names(Some("my app"), "a\".b").table(), r#""my app"."a"".b""#);
    }

    #[test]
    fn a_text_stays_one_text_whatever_is_in_it() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"\'"), r"E'\\'''");
    }

    #[test]
    fn what_can_be_no_name_is_refused() {
        let long = "x".repeat(64);
        for table in ["", "a\0b", &long] {
            assert!(names(None, table).check().is_err(), "{table:?}");
            assert!(names(Some(table), "session").check().is_err(), "{table:?}");
        }
        assert!(names(Some("public"), &"x".repeat(63)).check().is_ok());
    }

    #[test]
    fn derived_names_fit_and_differ() {
        let long = names(None, &"é".repeat(31));
        let one = long.derived("IDX_", "_expire");
        let other = long.derived("IDX_", "_handstamp_owner");
        assert!(one.len() <= LONGEST && other.len() <= LONGEST);
        assert_ne!(one, other);
        assert_eq!(names(None, "session").derived("IDX_", "_expire"), "IDX_session_expire");
    }
}
