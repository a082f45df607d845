//! The store: the contract in terms of statements.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use handstamp::store::{
    BoxFuture, ChangeFeed, Created, Cursor, Page, Record, SessionChanges, SessionIndex,
    SessionScan, StoreError, StoreErrorKind, Stored, Updated, Version,
};
use handstamp::{SessionId, SessionStore};
use tokio::sync::OnceCell;
use tokio::time::sleep;

use crate::PostgresOptions;
use crate::background::Background;
use crate::changes::Changes;
use crate::error::Failure;
use crate::jitter::jittered;
use crate::names::{Names, literal};
use crate::options::{Observer, Secret};
use crate::reaper::{reap, reap_every};
use crate::rows::{digest, number_at, session, stored_at, version, version_at};
use crate::schema::{migrate, schema};
use crate::server::Server;
use crate::statements::{CLEARED_AT_ONCE, Call, Statements};
use crate::target::Target;
use crate::url::Url;

/// How many times a clear goes through the table in steps until one statement ends what is left. The second
/// walk ends what was created during the first, which may have taken long.
const CLEARING_WALKS: usize = 2;

/// Tells our cursors from those of other stores.
const CURSOR: &str = "postgres-";

/// How many sessions a page has at most.
const LARGEST_PAGE: usize = 1000;

/// How long it is left to others to finish what was in the way.
const BREATH: Duration = Duration::from_millis(10);

/// The longest lifetime that is written, in seconds: a thousand years, to stay among the years that
/// everybody can read.
const ETERNITY: f64 = 1000.0 * 365.25 * 24.0 * 60.0 * 60.0;

/// Sessions in a PostgreSQL table. Clones are handles to the same connections, which close with the last.
///
/// It lives in a tokio runtime, that of [`connect`](Self::connect). See [the crate's docs](crate) for what
/// it promises.
#[derive(Clone)]
pub struct PostgresStore(Arc<Inner>);

struct Inner {
    server: Arc<Server>,
    names: Names,
    max_document_bytes: usize,
    changes: Option<Changes>,
    create_table_if_missing: bool,
    time_zone: Option<String>,
    /// Whether the last two have been seen to.
    prepared: OnceCell<()>,
    /// What goes on while nobody calls.
    _background: Vec<Background>,
}

/// Connects, and makes the table if that is asked for.
pub(crate) async fn connect(url: Url, options: &PostgresOptions) -> Result<PostgresStore, Failure> {
    let (target, statements) = plan(url, options)?;
    let server = Server::connect(target, statements, options.connections).await?;
    let store = PostgresStore::over(server, options)?;
    store.ready().await?;
    Ok(store)
}

/// As [`connect`], but waits for nothing: the first call finds out.
pub(crate) fn connect_lazily(
    url: Url,
    options: &PostgresOptions,
) -> Result<PostgresStore, Failure> {
    let (target, statements) = plan(url, options)?;
    PostgresStore::over(Server::connect_lazily(target, statements, options.connections), options)
}

fn plan(url: Url, options: &PostgresOptions) -> Result<(Target, Statements), Failure> {
    options.names.check()?;
    let ca_file = options.ca_file.as_deref();
    let target = Target::new(url, ca_file, options.timeout, options.pgbouncer)?;
    Ok((target, Statements::new(&options.names, options.time_zone.as_deref())))
}

/// A statement that meets no row would not notice.
async fn check_zone(server: &Server, zone: &str) -> Result<(), Failure> {
    let sql = format!("SELECT now() AT TIME ZONE {}", literal(zone));
    let checked = server.brief().connection().await?.client().batch_execute(&sql).await;
    checked.map_err(|error| {
        Failure::from(error).within(format!("{zone:?} is no time zone that the server knows"))
    })
}

fn changes(target: &Target, options: &PostgresOptions) -> Result<Option<Changes>, Failure> {
    if !options.change_events {
        return Ok(None);
    }
    let target = match &options.change_events_url {
        Some(Secret(url)) => {
            let ca_file = options.ca_file.as_deref();
            Target::new(Url::parse(url)?, ca_file, options.timeout, false)?
        }
        None if options.pgbouncer => {
            let advice = "nobody can listen for changes behind PgBouncer; give the server's own URL \
                by `PostgresOptions::change_events_url`";
            return Err(Failure::new(StoreErrorKind::Refused, advice));
        }
        None => target.clone(),
    };
    Ok(Some(Changes::new(target, options.names.clone())))
}

fn background(server: &Arc<Server>, options: &PostgresOptions) -> Vec<Background> {
    let reaper = options.reap_every.map(|interval| reap_every(server.clone(), interval));
    let observer = options
        .on_connection
        .clone()
        .map(|Observer(observer)| server.brief().clone().tell(move |event| observer(event)));
    reaper.map(Background::spawn).into_iter().chain(observer.map(Background::spawn)).collect()
}

impl PostgresStore {
    /// Connects to the server that a URL names, with the default [options](PostgresOptions).
    ///
    /// The table need not be there yet: [`migrate`](Self::migrate) makes it.
    ///
    /// # Errors
    /// `Refused`: the URL is none, the server does not let this user in, its certificate is not trusted.
    /// `Unavailable`: it can't be reached. No error shows the password.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        PostgresOptions::new().connect(url).await
    }

    /// Makes the table and what belongs to it, as far as it is missing: to the table of a running
    /// connect-pg-simple it adds a column and an index. It may be called each time a program starts.
    ///
    /// To add the index, the table is read once, and who wants to write waits meanwhile: about a second for
    /// a million sessions. Nothing is locked if nothing is missing.
    ///
    /// # Errors
    /// `Refused`: the user may not do that. `Timeout`: others kept the table locked for 5 s.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(self.bring_up().await?)
    }

    /// The SQL that [`migrate`](Self::migrate) runs.
    #[must_use]
    pub fn schema(&self) -> String {
        schema(&self.0.names, self.0.changes.is_some())
    }

    /// Removes what has expired from the table, in small batches, unless another process is at it. Returns
    /// how many rows that were. A store does this by itself unless it is
    /// [told not to](PostgresOptions::without_reaping).
    ///
    /// # Errors
    /// What any call gives. Some batches may have been removed by then.
    pub async fn reap(&self) -> Result<usize, StoreError> {
        Ok(reap(self.server()).await?)
    }

    fn over(server: Server, options: &PostgresOptions) -> Result<Self, Failure> {
        let server = Arc::new(server);
        Ok(Self(Arc::new(Inner {
            names: options.names.clone(),
            max_document_bytes: options.max_document_bytes,
            changes: changes(server.target(), options)?,
            create_table_if_missing: options.create_table_if_missing,
            time_zone: options.time_zone.clone(),
            prepared: OnceCell::new(),
            _background: background(&server, options),
            server,
        })))
    }

    /// The server, once it is known to know the time zone and to have the table, as far as that is asked for.
    async fn ready(&self) -> Result<&Server, Failure> {
        self.0.prepared.get_or_try_init(|| self.prepare()).await?;
        Ok(self.server())
    }

    async fn prepare(&self) -> Result<(), Failure> {
        if let Some(zone) = &self.0.time_zone {
            check_zone(self.server(), zone).await?;
        }
        if self.0.create_table_if_missing {
            self.bring_up().await?;
        }
        Ok(())
    }

    async fn bring_up(&self) -> Result<(), Failure> {
        let connection = self.server().long_connection().await?;
        let changes = self.0.changes.is_some();
        migrate(&connection, &self.0.names, changes).await.map_err(|failure| {
            failure.within(format!("{}: the session table can't be made", self.place()))
        })
    }

    fn server(&self) -> &Server {
        &self.0.server
    }

    fn place(&self) -> &str {
        &self.0.server.target().place
    }

    /// A document as the statements take it.
    fn text<'a>(&self, record: &'a Record) -> Result<&'a str, Failure> {
        let (bytes, most) = (record.document.len(), self.0.max_document_bytes);
        if bytes > most {
            let advice = format!(
                "a document of {bytes} bytes is larger than the {most} allowed; \
                 `PostgresOptions::max_document_bytes` sets how large they may be"
            );
            return Err(Failure::new(StoreErrorKind::TooLarge, advice));
        }
        let refused = |_| {
            let advice = "the document is not UTF-8; the column `sess` takes JSON only";
            Failure::new(StoreErrorKind::Refused, advice)
        };
        str::from_utf8(&record.document).map_err(refused)
    }

    async fn try_load(&self, id: &SessionId) -> Result<Option<Stored>, Failure> {
        let rows = self.ready().await?.run(Call::Load, &[&id.as_str()]).await?;
        Ok(rows.first().map(|row| stored_at(row, 0)).transpose()?.flatten())
    }

    async fn try_create(&self, id: &SessionId, record: &Record) -> Result<Created, Failure> {
        let (id, document) = (id.as_str(), self.text(record)?);
        let (seconds, owner) = (seconds(record.lifetime), record.owner.as_deref());
        let rows =
            self.ready().await?.run(Call::Create, &[&id, &document, &seconds, &owner]).await?;
        let version = rows.first().map(|row| version_at(row, 0)).transpose()?.flatten();
        Ok(version.map_or(Created::Duplicate, Created::Done))
    }

    async fn try_update(
        &self,
        id: &SessionId,
        current: Version,
        record: &Record,
    ) -> Result<Updated, Failure> {
        let begin = Instant::now();
        loop {
            let updated = self.update_once(id, current, record).await?;
            // Another writer was faster, and the snapshot still shows what was there before. The next one
            // shows what the other has written.
            if !matches!(&updated, Updated::Conflict(stored) if stored.version == current) {
                return Ok(updated);
            }
            self.wait_for_others(begin).await?;
        }
    }

    /// Gives others time to finish, unless they have had enough of it since this began.
    async fn wait_for_others(&self, begin: Instant) -> Result<(), Failure> {
        if begin.elapsed() > self.server().target().timeout {
            let advice = "other writers were always faster";
            return Err(Failure::new(StoreErrorKind::Timeout, advice));
        }
        sleep(jittered(BREATH)).await;
        Ok(())
    }

    async fn update_once(
        &self,
        id: &SessionId,
        current: Version,
        record: &Record,
    ) -> Result<Updated, Failure> {
        let (id, current, document) = (id.as_str(), digest(current), self.text(record)?);
        let current = current.as_slice();
        let (seconds, owner) = (seconds(record.lifetime), record.owner.as_deref());
        let ends = record.lifetime.is_zero();
        let rows = if ends {
            // An old writer's touch would bring back a row that has merely expired.
            self.ready().await?.run(Call::End, &[&id, &current]).await?
        } else {
            let parameters = [&id as _, &current as _, &document as _, &seconds as _, &owner as _];
            self.ready().await?.run(Call::Update, &parameters).await?
        };
        let Some(row) = rows.first() else { return Ok(Updated::Gone) };
        if let Some(written) = version_at(row, 0)? {
            return Ok(Updated::Done(if ends { version(&record.document) } else { written }));
        }
        Ok(stored_at(row, 1)?.map_or(Updated::Gone, Updated::Conflict))
    }

    async fn try_touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, Failure> {
        if lifetime.is_zero() {
            return Ok(self.try_delete(id).await?.is_some());
        }
        let parameters = [&id.as_str() as _, &seconds(lifetime) as _];
        Ok(!self.ready().await?.run(Call::Touch, &parameters).await?.is_empty())
    }

    async fn try_delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, Failure> {
        let rows = self.ready().await?.run(Call::Delete, &[&id.as_str()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let document: Option<&str> = row.try_get(0)?;
        Ok(document.map(|document| document.as_bytes().into()))
    }

    async fn try_list(&self, owner: &str) -> Result<Vec<(SessionId, Stored)>, Failure> {
        let rows = self.ready().await?.run(Call::List, &[&owner]).await?;
        let sessions: Result<Vec<_>, _> = rows.iter().map(session).collect();
        Ok(sessions?.into_iter().flatten().collect())
    }

    async fn try_count(&self, call: Call, owner: Option<&str>) -> Result<usize, Failure> {
        let row = match &owner {
            Some(owner) => self.ready().await?.row(call, &[owner]).await?,
            None => self.ready().await?.row(call, &[]).await?,
        };
        Ok(number_at(&row, 0)?)
    }

    async fn try_revoke(&self, owner: &str, except: Option<&SessionId>) -> Result<usize, Failure> {
        let except = except.map(SessionId::as_str);
        let begin = Instant::now();
        loop {
            let row = self.ready().await?.row(Call::Revoke, &[&owner, &except]).await?;
            if number_at(&row, 0)? == number_at(&row, 1)? {
                return Ok(number_at(&row, 2)?);
            }
            // One that it saw is no longer the owner's, so nothing was ended.
            self.wait_for_others(begin).await?;
        }
    }

    async fn try_page(&self, from: Option<&Cursor>, most: usize) -> Result<Page, Failure> {
        // Every id comes after the empty text.
        let from = from.map_or(Some(String::new()), sid_behind).ok_or_else(|| {
            let advice = "the cursor is not one of this store's; a walk begins without one";
            Failure::new(StoreErrorKind::Refused, advice)
        })?;
        let most = i64::try_from(most.clamp(1, LARGEST_PAGE)).unwrap_or(i64::MAX);
        let rows = self.ready().await?.run(Call::Page, &[&from, &most]).await?;
        let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= most);
        let last: Option<&str> = rows.last().map(|row| row.try_get(2)).transpose()?;
        let sessions: Result<Vec<_>, _> = rows.iter().map(session).collect();
        Ok(Page {
            sessions: sessions?.into_iter().flatten().collect(),
            next: last.filter(|_| is_full).map(|sid| Cursor::behind(CURSOR, sid.as_bytes())),
        })
    }

    async fn try_clear(&self) -> Result<usize, Failure> {
        let (mut ended, mut walks, mut from) = (0, 0, String::new());
        loop {
            let server = self.ready().await?;
            let in_steps = walks < CLEARING_WALKS;
            let row = match in_steps {
                true => server.row(Call::ClearSome, &[&from]).await?,
                false => server.row(Call::Clear, &[]).await?,
            };
            let (seen, as_seen) = (number_at(&row, 0)?, number_at(&row, 1)?);
            ended += number_at(&row, 2)?;
            let to_the_end = !in_steps || seen < CLEARED_AT_ONCE;
            // It saw the whole table, and ended all of it as it saw it.
            if from.is_empty() && to_the_end && seen == as_seen {
                return Ok(ended);
            }
            from = row.try_get::<_, Option<String>>(3)?.filter(|_| !to_the_end).unwrap_or_default();
            walks += usize::from(to_the_end);
        }
    }
}

impl SessionStore for PostgresStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        Ok(self.try_load(id).await?)
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        Ok(self.try_create(id, record).await?)
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        Ok(self.try_update(id, version, record).await?)
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        Ok(self.try_touch(id, lifetime).await?)
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        Ok(self.try_delete(id).await?)
    }

    fn index(&self) -> Option<&dyn SessionIndex> {
        Some(self)
    }

    fn scan(&self) -> Option<&dyn SessionScan> {
        Some(self)
    }

    fn changes(&self) -> Option<&dyn SessionChanges> {
        self.0.changes.as_ref().map(|changes| changes as &dyn SessionChanges)
    }
}

impl SessionIndex for PostgresStore {
    fn list<'a>(
        &'a self,
        owner: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(SessionId, Stored)>, StoreError>> {
        Box::pin(async move { Ok(self.try_list(owner).await?) })
    }

    fn count<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move { Ok(self.try_count(Call::Count, Some(owner)).await?) })
    }

    fn revoke<'a>(
        &'a self,
        owner: &'a str,
        except: Option<&'a SessionId>,
    ) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move { Ok(self.try_revoke(owner, except).await?) })
    }
}

impl SessionScan for PostgresStore {
    fn page<'a>(
        &'a self,
        from: Option<&'a Cursor>,
        most: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move { Ok(self.try_page(from, most).await?) })
    }

    fn total<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async { Ok(self.try_count(Call::Total, None).await?) })
    }

    fn clear<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async { Ok(self.try_clear().await?) })
    }
}

impl SessionChanges for Changes {
    fn watch<'a>(&'a self) -> BoxFuture<'a, Result<Box<dyn ChangeFeed>, StoreError>> {
        Box::pin(async {
            let feed = self.begin().await?;
            Ok(Box::new(feed) as Box<dyn ChangeFeed>)
        })
    }
}

/// Shows where the sessions are, and never the password.
impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("place", &self.place())
            .field("table", &self.0.names.table())
            .finish_non_exhaustive()
    }
}

fn seconds(lifetime: Duration) -> f64 {
    lifetime.as_secs_f64().min(ETERNITY)
}

/// The `sid` behind which to go on. `None`: it is no cursor of this kind of store, whose texts hold no NUL.
fn sid_behind(cursor: &Cursor) -> Option<String> {
    String::from_utf8(cursor.key(CURSOR)?).ok().filter(|sid| !sid.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_holds_a_sid_that_a_text_of_postgresql_can_be() {
        for sid in ["", "session-1", "'", "世界"] {
            let cursor = Cursor::behind(CURSOR, sid.as_bytes());
            assert_eq!(sid_behind(&cursor).as_deref(), Some(sid));
        }
        for text in ["postgres-ff", "postgres-00", "sqlite-61", "mysql-61", "61"] {
            assert!(sid_behind(&Cursor(text.into())).is_none(), "{text}");
        }
    }
}
