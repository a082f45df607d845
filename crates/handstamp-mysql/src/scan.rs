//! The walk through all sessions, their number, and the end of all.

use handstamp::store::{BoxFuture, Cursor, Page, SessionScan, StoreError, StoreErrorKind};
use mysql_async::Value;

use crate::MySqlStore;
use crate::statements::{BATCH, Statements};
use crate::values::number;

/// Tells our cursors from those of other stores.
const CURSOR: &str = "mysql-";

/// The most sessions on one page, whatever is wished for: a document may have megabytes.
const LARGEST_PAGE: usize = 1000;

impl SessionScan for MySqlStore {
    fn page<'a>(
        &'a self,
        from: Option<&'a Cursor>,
        most: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move {
            // Every id comes after the empty text.
            let from = from.map_or(Some(String::new()), id_behind).ok_or_else(|| {
                let advice = "the cursor is not one of this store's; a walk begins without one";
                self.refusal(StoreErrorKind::Refused, advice)
            })?;
            let most = most.clamp(1, LARGEST_PAGE);
            let values = [Value::from(from), Value::from(most)];
            let rows = self.run(&self.statements().page, &values).await?.rows;
            let next = match rows.last() {
                Some(last) if rows.len() == most => {
                    let id: String = self.value(last.clone(), 0)?;
                    Some(Cursor::behind(CURSOR, id.as_bytes()))
                }
                _ => None,
            };
            Ok(Page { sessions: self.sessions(rows)?, next })
        })
    }

    fn total<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(self.number(&self.statements().total, &[]))
    }

    /// First in batches, so that nobody waits for long. The last statement ends what was created meanwhile,
    /// and keeps the whole table until it is done: at this moment no session lives.
    fn clear<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async {
            let Statements { further, clear_some, forget_some, clear_all, .. } = self.statements();
            let mut ended = 0;
            let mut from = Value::from("");
            while let Some(row) =
                self.run(further, &[from.clone(), (BATCH - 1).into()]).await?.rows.pop()
            {
                let to = Value::from(self.value::<String>(row, 0)?);
                let range = [from, to.clone()];
                ended += self.run(clear_some, &range).await?.matched;
                self.run(forget_some, &range).await?;
                from = to;
            }
            ended += self.run_range(clear_all, &[]).await?.matched;
            Ok(number(ended))
        })
    }
}

/// The id behind which to go on. `None`: it is no cursor of this kind of store.
fn id_behind(cursor: &Cursor) -> Option<String> {
    String::from_utf8(cursor.key(CURSOR)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_holds_an_id_whatever_is_in_it_if_that_is_text() {
        for id in ["", "session-1", "\0'`", "世界"] {
            let cursor = Cursor::behind(CURSOR, id.as_bytes());
            assert_eq!(id_behind(&cursor).as_deref(), Some(id));
        }
        for text in ["mysql-ff", "postgres-61", "61"] {
            assert!(id_behind(&Cursor(text.into())).is_none(), "{text}");
        }
    }
}
