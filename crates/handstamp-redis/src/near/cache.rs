//! The cache itself: a table that is told what to do, and knows no server.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use handstamp::SessionId;
use handstamp::store::Stored;

use super::NearCache;

/// What a session takes beside its document, in bytes: its id, twice, and what is known of it.
const OVERHEAD: usize = 1024;

/// A placeholder, as who has put it down knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(u64);

/// Sessions and placeholders, the oldest of which go first when there is no room. None lasts longer than the
/// staleness anyway, so who was used last does not matter.
#[derive(Debug)]
pub(crate) struct Cache {
    settings: NearCache,
    keeps: bool,
    slots: HashMap<SessionId, Slot>,
    /// In which order they were put down. Those that were taken away since are still in here.
    order: VecDeque<(SessionId, Token)>,
    bytes: usize,
    last: u64,
}

#[derive(Debug)]
struct Slot {
    token: Token,
    /// `None`: a placeholder.
    session: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    stored: Stored,
    /// Up to when it is told.
    fresh_until: Instant,
    /// When it was asked for: from then on it has had `stored.remaining` left, or more.
    since: Instant,
}

impl Slot {
    fn bytes(&self) -> usize {
        let document = self.session.as_ref().map_or(0, |kept| kept.stored.document.len());
        OVERHEAD + document
    }
}

impl Cache {
    /// One that keeps nothing yet.
    pub(crate) fn new(settings: NearCache) -> Self {
        let (slots, order) = (HashMap::new(), VecDeque::new());
        Self { settings, keeps: false, slots, order, bytes: 0, last: 0 }
    }

    /// The session, if it may be told at this moment, with the time that it has left then.
    pub(crate) fn look(&self, id: &SessionId, now: Instant) -> Option<Stored> {
        let kept = self.slots.get(id)?.session.as_ref()?;
        if now >= kept.fresh_until {
            return None;
        }
        let remaining = kept.stored.remaining.checked_sub(now.duration_since(kept.since))?;
        (!remaining.is_zero()).then(|| Stored { remaining, ..kept.stored.clone() })
    }

    /// Puts a placeholder down. `None`: nothing may be kept.
    pub(crate) fn expect(&mut self, id: &SessionId) -> Option<Token> {
        if !self.keeps {
            return None;
        }
        self.forget(id);
        self.last += 1;
        let slot = Slot { token: Token(self.last), session: None };
        self.bytes += slot.bytes();
        self.slots.insert(*id, slot);
        self.order.push_back((*id, Token(self.last)));
        self.make_room();
        Some(Token(self.last))
    }

    /// Puts a session in the place of its placeholder, if that is still there. A missing one leaves nothing.
    pub(crate) fn fill(
        &mut self,
        id: &SessionId,
        token: Token,
        sent: Instant,
        stored: Option<&Stored>,
    ) {
        let Some(slot) = self.slots.get_mut(id).filter(|slot| slot.token == token) else { return };
        let (Some(stored), Some(fresh_until)) = (stored, sent.checked_add(self.settings.staleness))
        else {
            return self.forget(id);
        };
        slot.session = Some(Kept { stored: stored.clone(), fresh_until, since: sent });
        self.bytes += stored.document.len();
        self.make_room();
    }

    pub(crate) fn forget(&mut self, id: &SessionId) {
        if let Some(slot) = self.slots.remove(id) {
            self.bytes -= slot.bytes();
        }
    }

    pub(crate) fn forget_all(&mut self) {
        self.slots.clear();
        self.order.clear();
        self.bytes = 0;
    }

    /// Whether to keep anything from now on. What was kept before is taken away in either case.
    pub(crate) fn keep(&mut self, keeps: bool) {
        self.forget_all();
        self.keeps = keeps;
    }

    fn make_room(&mut self) {
        while self.slots.len() > self.settings.sessions || self.bytes > self.settings.bytes {
            let Some((id, token)) = self.order.pop_front() else { return };
            if self.slots.get(&id).is_some_and(|slot| slot.token == token) {
                self.forget(&id);
            }
        }
        // Those that were taken away must not pile up in the order.
        if self.order.len() > 2 * self.slots.len() + 64 {
            let slots = &self.slots;
            self.order.retain(|(id, token)| slots.get(id).is_some_and(|slot| slot.token == *token));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use handstamp::store::Version;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn cache(settings: NearCache) -> Cache {
        let mut cache = Cache::new(settings);
        cache.keep(true);
        cache
    }

    fn id(n: usize) -> SessionId {
        SessionId::parse(&format!("session-{n}")).expect("it is an id")
    }

    fn stored(bytes: usize, remaining: Duration) -> Stored {
        Stored { document: vec![b'x'; bytes].into(), version: Version(1), remaining }
    }

    /// Loads a session that lives for an hour.
    fn load(cache: &mut Cache, n: usize, bytes: usize, now: Instant) {
        let token = cache.expect(&id(n)).expect("it keeps what is loaded");
        cache.fill(&id(n), token, now, Some(&stored(bytes, 3600 * SECOND)));
    }

    #[test]
    fn what_was_loaded_is_told_until_it_is_stale() {
        let now = Instant::now();
        let mut cache = cache(NearCache::new().staleness(5 * SECOND));
        load(&mut cache, 1, 10, now);
        assert!(cache.look(&id(1), now).is_some());
        assert!(cache.look(&id(1), now + 4 * SECOND).is_some());
        assert!(cache.look(&id(1), now + 5 * SECOND).is_none());
        assert!(cache.look(&id(2), now).is_none());
    }

    #[test]
    fn staleness_counts_from_when_the_load_was_sent() {
        let now = Instant::now();
        let mut cache = cache(NearCache::new().staleness(5 * SECOND));
        let token = cache.expect(&id(1)).expect("it keeps what is loaded");
        // Its answer took four seconds.
        cache.fill(&id(1), token, now - 4 * SECOND, Some(&stored(1, 3600 * SECOND)));
        assert!(cache.look(&id(1), now).is_some());
        assert!(cache.look(&id(1), now + SECOND).is_none());
    }

    #[test]
    fn the_time_that_is_left_counts_down() {
        let now = Instant::now();
        let mut cache = cache(NearCache::new().staleness(60 * SECOND));
        let token = cache.expect(&id(1)).expect("it keeps what is loaded");
        cache.fill(&id(1), token, now, Some(&stored(1, 10 * SECOND)));
        let left = |now| cache.look(&id(1), now).map(|stored| stored.remaining);
        assert_eq!(left(now + 3 * SECOND), Some(7 * SECOND));
        assert_eq!(left(now + 10 * SECOND), None);
        assert_eq!(left(now + 11 * SECOND), None);
    }

    #[test]
    fn a_load_whose_placeholder_is_gone_keeps_nothing() {
        let now = Instant::now();
        for gone in [
            (|cache| cache.forget(&id(1))) as fn(&mut Cache),
            |cache| cache.forget_all(),
            |cache| {
                cache.keep(false);
                cache.keep(true);
            },
            // Another load has begun after the change.
            |cache| {
                cache.forget(&id(1));
                cache.expect(&id(1));
            },
        ] {
            let mut cache = cache(NearCache::new());
            let token = cache.expect(&id(1)).expect("it keeps what is loaded");
            gone(&mut cache);
            cache.fill(&id(1), token, now, Some(&stored(1, SECOND)));
            assert!(cache.look(&id(1), now).is_none());
        }
    }

    #[test]
    fn nothing_is_kept_while_changes_may_be_missed() {
        let now = Instant::now();
        let mut cache = cache(NearCache::new());
        load(&mut cache, 1, 1, now);
        cache.keep(false);
        assert!(cache.look(&id(1), now).is_none());
        assert!(cache.expect(&id(1)).is_none());
        assert!(Cache::new(NearCache::new()).expect(&id(1)).is_none());
    }

    #[test]
    fn a_missing_session_leaves_nothing() {
        let mut cache = cache(NearCache::new());
        let token = cache.expect(&id(1)).expect("it keeps what is loaded");
        cache.fill(&id(1), token, Instant::now(), None);
        assert_eq!((cache.slots.len(), cache.bytes), (0, 0));
    }

    #[test]
    fn it_holds_no_more_sessions_and_bytes_than_it_may() {
        let now = Instant::now();
        let mut cache = cache(NearCache::new().sessions(10));
        for n in 0..100 {
            load(&mut cache, n, 1, now);
        }
        assert_eq!(cache.slots.len(), 10);
        assert!(cache.look(&id(89), now).is_none() && cache.look(&id(90), now).is_some());

        let mut cache = self::cache(NearCache::new().bytes(10_000));
        for n in 0..100 {
            load(&mut cache, n, 1000, now);
            assert!(cache.bytes <= 10_000);
        }
        assert!(cache.look(&id(99), now).is_some());
        load(&mut cache, 100, 20_000, now);
        assert!(cache.look(&id(100), now).is_none(), "it is larger than all there is");
    }

    #[test]
    fn forgetting_leaves_no_bytes_and_no_ever_growing_order() {
        let now = Instant::now();
        let mut cache = cache(NearCache::new());
        for n in 0..10_000 {
            load(&mut cache, n, 100, now);
            cache.forget(&id(n));
        }
        assert_eq!((cache.slots.len(), cache.bytes), (0, 0));
        assert!(cache.order.len() < 200, "{}", cache.order.len());
    }
}
