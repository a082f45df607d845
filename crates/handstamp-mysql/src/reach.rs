//! Whether the server can be reached, and who is told when that changes.
//!
//! A call knows little of it: it may have failed on an old connection, or end after another that began
//! later. So calls only raise doubts. One task looks for itself, and tells what it sees in the order in which
//! it sees it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use handstamp::store::ConnectionEvent;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::connections::varied;
use crate::options::Listener;

const UNKNOWN: u8 = 0;
const MADE: u8 = 1;
const LOST: u8 = 2;

/// The first pause before a server that is away is looked for again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// What a look at the server shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It takes connections.
    There,
    /// It answers, but has no room for a connection now. Those that it has may work.
    Full,
    /// It takes none, and why.
    Away(String),
}

/// What was last seen.
pub(crate) struct Reach {
    state: AtomicU8,
    doubt: Notify,
    listener: Option<Listener>,
}

impl Reach {
    pub(crate) fn told_to(listener: Option<Listener>) -> Self {
        Self { state: AtomicU8::new(UNKNOWN), doubt: Notify::new(), listener }
    }

    /// Whether there is anybody to be told.
    pub(crate) fn has_listener(&self) -> bool {
        self.listener.is_some()
    }

    /// A call was answered, or it could not reach the server.
    pub(crate) fn heard(&self, answered: bool) {
        let expected = if answered { MADE } else { LOST };
        if self.state.load(Ordering::SeqCst) != expected {
            self.doubt.notify_one();
        }
    }

    /// Something was seen, by whoever is the only one to look.
    pub(crate) fn saw(&self, sight: Sight) {
        let (state, event) = match sight {
            Sight::There => (MADE, ConnectionEvent::Made),
            Sight::Full => return,
            Sight::Away(why) => (LOST, ConnectionEvent::Lost(why)),
        };
        if self.state.swap(state, Ordering::SeqCst) == state {
            return;
        }
        if let Some(Listener(tell)) = &self.listener {
            tell(event);
        }
    }

    /// Looks when there is doubt, and all the time while the server is away. Never ends.
    pub(crate) async fn watch<F: Future<Output = Sight>>(&self, look: impl Fn() -> F) {
        let (mut pause, longest) = PAUSES;
        if self.is_made() {
            self.doubt.notified().await;
        }
        loop {
            let sight = look().await;
            let there = sight == Sight::There;
            self.saw(sight);
            if there {
                pause = PAUSES.0;
                self.doubt.notified().await;
            } else {
                // A call that is answered ends the pause.
                let _ = timeout(varied(pause), self.doubt.notified()).await;
                pause = (pause * 2).min(longest);
            }
        }
    }

    fn is_made(&self) -> bool {
        self.state.load(Ordering::SeqCst) == MADE
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::future::ready;
    use std::sync::{Arc, Mutex};

    use tokio::sync::Semaphore;

    use super::*;
    use crate::background::Background;

    /// A server that shows what it is told to, one look after the other.
    struct Stage {
        reach: Arc<Reach>,
        told: Arc<Mutex<Vec<ConnectionEvent>>>,
        sights: Arc<Mutex<VecDeque<Sight>>>,
        looks: Arc<Semaphore>,
    }

    impl Stage {
        fn new(sights: impl IntoIterator<Item = Sight>) -> Self {
            let told = Arc::new(Mutex::new(Vec::new()));
            let list = told.clone();
            let listener = Listener(Arc::new(move |event| list.lock().unwrap().push(event)));
            Self {
                reach: Arc::new(Reach::told_to(Some(listener))),
                told,
                sights: Arc::new(Mutex::new(sights.into_iter().collect())),
                looks: Arc::new(Semaphore::new(0)),
            }
        }

        fn watch(&self) -> Background {
            let (reach, sights, looks) =
                (self.reach.clone(), self.sights.clone(), self.looks.clone());
            Background::spawn(async move {
                let look = || {
                    let sight = sights.lock().unwrap().pop_front().unwrap();
                    looks.add_permits(1);
                    ready(sight)
                };
                reach.watch(look).await;
            })
        }

        /// Waits until so many more looks are over.
        async fn looked(&self, times: u32) {
            self.looks.acquire_many(times).await.unwrap().forget();
        }

        fn told(&self) -> Vec<ConnectionEvent> {
            self.told.lock().unwrap().clone()
        }
    }

    fn away(why: &str) -> Sight {
        Sight::Away(why.into())
    }

    fn lost(why: &str) -> ConnectionEvent {
        ConnectionEvent::Lost(why.into())
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_looked_for_without_a_call_and_each_change_is_told_once() {
        let stage = Stage::new([away("gone"), away("still gone"), Sight::There]);
        let _watch = stage.watch();
        stage.looked(3).await;
        assert_eq!(stage.told(), [lost("gone"), ConnectionEvent::Made]);
    }

    #[tokio::test]
    async fn a_call_that_fails_on_an_old_connection_tells_nothing() {
        let stage = Stage::new([Sight::There, Sight::There, away("gone"), Sight::There]);
        let _watch = stage.watch();
        stage.looked(1).await;
        stage.reach.heard(false);
        stage.looked(1).await;
        assert_eq!(stage.told(), [ConnectionEvent::Made]);
        stage.reach.heard(true);
        stage.reach.heard(false);
        stage.looked(2).await;
        assert_eq!(stage.told(), [ConnectionEvent::Made, lost("gone"), ConnectionEvent::Made]);
    }

    #[tokio::test]
    async fn a_server_without_room_is_neither_lost_nor_made() {
        let stage = Stage::new([Sight::There, Sight::Full, Sight::Full, Sight::There]);
        let _watch = stage.watch();
        stage.looked(1).await;
        stage.reach.heard(false);
        stage.looked(3).await;
        assert_eq!(stage.told(), [ConnectionEvent::Made]);
    }
}
