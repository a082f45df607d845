//! Moves what nobody asks for, page by page, no faster than it may.

use std::future::pending;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::MovingStore;
use super::scan::scan_of;
use crate::SessionId;
use crate::deadline::within;
use crate::store::{Cursor, StoreError, StoreErrorKind};

/// How many sessions are moved between two reports.
const PAGE: usize = 100;

/// How long one session may take. No request waits for it, so it may be long; but nothing hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// Moves all sessions that are still in the old store. [`MovingStore::bulk`] makes it.
///
/// It does nothing by itself: each [`step`](Self::step) moves about a hundred sessions. Run it in a task of
/// its own, in one process.
///
/// ```
/// # async fn example(store: handstamp::MovingStore) -> Result<(), handstamp::store::StoreError> {
/// let mut bulk = store.bulk()?.with_rate(500.try_into().unwrap());
/// while let Some(progress) = bulk.step().await? {
///     println!("{} of {} sessions moved", progress.moved, progress.met);
/// }
/// # Ok(())
/// # }
/// ```
///
/// It can be repeated and resumed at will: a session moves once, and what has moved is not written again.
#[derive(Debug)]
pub struct BulkMove {
    store: MovingStore,
    rate: Option<NonZeroU32>,
    progress: MoveProgress,
    is_done: bool,
    /// When the next page may begin.
    not_before: Instant,
}

/// How far a [`BulkMove`] is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MoveProgress {
    /// How many sessions it has met in the old store.
    pub met: u64,
    /// How many of them are in the new store now, whoever moved them. The others have ended or expired.
    pub moved: u64,
    /// How many of them one of the stores finds too large. They stay where they are.
    pub too_large: u64,
    /// Where another [`BulkMove`] may [go on](BulkMove::resume_at), tomorrow or in another process. `None`:
    /// at the beginning, or this one has come to the end.
    pub next: Option<Cursor>,
}

impl MovingStore {
    /// Moves what nobody asks for. The first step ends the [waiting](Self::waiting), here and then elsewhere.
    ///
    /// # Errors
    /// The old store can't be walked through: it has no [scan](crate::SessionStore::scan).
    pub fn bulk(&self) -> Result<BulkMove, StoreError> {
        scan_of(&self.from)?;
        Ok(BulkMove {
            store: self.clone(),
            rate: None,
            progress: MoveProgress::default(),
            is_done: false,
            not_before: Instant::now(),
        })
    }
}

impl BulkMove {
    /// Moves at most so many sessions per second, on average; without it, as fast as the stores can.
    #[must_use]
    pub fn with_rate(mut self, sessions_per_second: NonZeroU32) -> Self {
        self.rate = Some(sessions_per_second);
        self
    }

    /// Goes on where another has written down that it was. Counts begin anew.
    #[must_use]
    pub fn resume_at(mut self, next: Cursor) -> Self {
        self.progress.next = Some(next);
        self
    }

    /// Moves some sessions, after it has waited as long as the rate wants it, and tells how far it is.
    /// `None`: it had come to the end. What lived from its beginning to here has moved or ended.
    ///
    /// If the future is dropped, the next step begins at the same place.
    ///
    /// # Errors
    /// A store failed, or a session took longer than half a minute. The next step tries again at the same
    /// place, and counts again what was met there.
    pub async fn step(&mut self) -> Result<Option<MoveProgress>, StoreError> {
        if self.is_done {
            return Ok(None);
        }
        self.store.begin();
        pause(self.not_before.saturating_duration_since(Instant::now())).await;
        let scan = scan_of(&self.store.from)?;
        let page = within(LIMIT, scan.page(self.progress.next.as_ref(), PAGE)).await?;
        let begun = Instant::now();
        let mut progress = self.progress.clone();
        for (id, _) in &page.sessions {
            progress.met += 1;
            match self.store.bring(id).await {
                Ok(true) => progress.moved += 1,
                Ok(false) => {}
                Err(error) if error.kind() == StoreErrorKind::TooLarge => progress.too_large += 1,
                Err(error) => return Err(error),
            }
        }
        self.is_done = page.next.is_none();
        progress.next = page.next;
        self.not_before = begun + self.time_for(page.sessions.len());
        self.progress = progress;
        Ok(Some(self.progress.clone()))
    }

    /// How long so many sessions take at least.
    fn time_for(&self, sessions: usize) -> Duration {
        let sessions = u32::try_from(sessions).unwrap_or(u32::MAX);
        self.rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) * sessions / rate.get())
    }
}

impl MovingStore {
    /// Moves a session and leaves nothing of it. Whether it lives now in the new store.
    async fn bring(&self, id: &SessionId) -> Result<bool, StoreError> {
        let lives = within(LIMIT, self.find(id)).await?.is_some();
        if lives {
            within(LIMIT, self.sweep(id)).await?;
        }
        Ok(lives)
    }
}

/// Waits without a runtime: by the deadline of something that never comes.
async fn pause(time: Duration) {
    if !time.is_zero() {
        let _ = within(time, pending::<Result<(), StoreError>>()).await;
    }
}
