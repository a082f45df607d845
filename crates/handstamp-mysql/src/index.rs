//! The sessions of an owner.

use handstamp::SessionId;
use handstamp::store::{BoxFuture, SessionIndex, StoreError, Stored};
use mysql_async::Value;

use crate::MySqlStore;
use crate::statements::Statements;
use crate::values::{key, number, owner_digest};

impl SessionIndex for MySqlStore {
    fn list<'a>(
        &'a self,
        owner: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(SessionId, Stored)>, StoreError>> {
        Box::pin(async {
            let owner = Value::from(owner_digest(owner));
            self.sessions(self.run(&self.statements().list, &[owner]).await?.rows)
        })
    }

    fn count<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async {
            self.number(&self.statements().count, &[owner_digest(owner).into()]).await
        })
    }

    /// One statement, which keeps the whole range of the owner's sessions until it is done.
    ///
    /// A rotation creates the new session, then makes the old one an ownerless stub. Say the statement goes
    /// through the owner's sessions from A to Z, and this happens meanwhile:
    ///
    /// - The new one is created ahead of it: it is met and ended, as the old one is if it is met.
    /// - The new one would be created behind it: that waits, so the old one is no stub yet, and is met and
    ///   ended. The rotation goes on, finds the old one gone, and takes back the new one.
    ///
    /// If only the rows that are ended were kept, the second rotation would pass: created behind, made
    /// a stub ahead, and the session is met under neither id.
    fn revoke<'a>(
        &'a self,
        owner: &'a str,
        except: Option<&'a SessionId>,
    ) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move {
            let Statements { revoke, revoke_except, .. } = self.statements();
            let owner = Value::from(owner_digest(owner));
            let outcome = match except {
                None => self.run_range(revoke, &[owner]).await?,
                Some(id) => self.run_range(revoke_except, &[owner, key(id)]).await?,
            };
            Ok(number(outcome.matched))
        })
    }
}
