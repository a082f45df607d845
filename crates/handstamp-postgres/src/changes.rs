//! Who watches the table: one connection listens for all feeds of a store, as long as there is one.
//!
//! Triggers on the table tell what any writer does (see `schema.rs`), and tell it when the writer's
//! transaction is committed: so whoever loads what was told meets the change.

use std::fmt;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use handstamp::SessionId;
use handstamp::store::{BoxFuture, Change, ChangeFeed, StoreErrorKind};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, Client};

use crate::error::Failure;
use crate::jitter::jittered;
use crate::names::{Names, quoted};
use crate::schema::{channel, has_triggers};
use crate::target::{Driver, Target};

/// What a feed may leave unheard. One that lags further behind is told that it may be any session.
const UNHEARD: usize = 4096;

/// How often a silent connection is asked whether it is still there. Nothing else would tell.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// The pauses between two attempts to connect: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The feeds of one store. When it is dropped they end.
pub(crate) struct Changes {
    shared: Arc<Shared>,
    /// The listener ends when nobody holds the other end.
    open: watch::Sender<()>,
}

/// What the listener and those who watch have in common.
struct Shared {
    target: Target,
    names: Names,
    running: Mutex<Option<Running>>,
}

/// A listener at work.
struct Running {
    changes: broadcast::Sender<Change>,
    state: watch::Receiver<State>,
}

/// How the listener is doing.
enum State {
    Connecting,
    Failed(Failure),
    Listening,
}

/// Why a listener has stopped.
enum End {
    Lost(Failure),
    Unwatched,
}

impl Changes {
    pub(crate) fn new(target: Target, names: Names) -> Self {
        let shared = Arc::new(Shared { target, names, running: Mutex::default() });
        Self { shared, open: watch::Sender::new(()) }
    }

    /// Begins to watch, and answers as soon as nothing is missed any more.
    pub(crate) async fn begin(&self) -> Result<Feed, Failure> {
        let (feed, mut state) = self.subscribe();
        let known = async {
            // Why the last attempt failed says nothing of the next.
            let failed = matches!(*state.borrow_and_update(), State::Failed(_));
            if failed && state.changed().await.is_err() {
                return Err(late(&self.shared.target));
            }
            let state = state.wait_for(|state| !matches!(state, State::Connecting)).await;
            match state.as_deref() {
                Ok(State::Listening) => Ok(()),
                Ok(State::Failed(failure)) => Err(failure.clone()),
                _ => Err(late(&self.shared.target)),
            }
        };
        let limit = self.shared.target.timeout * 2;
        timeout(limit, known).await.unwrap_or_else(|_| Err(late(&self.shared.target)))?;
        Ok(feed)
    }

    /// A feed, and the state of the listener behind it, which is started if there is none.
    fn subscribe(&self) -> (Feed, watch::Receiver<State>) {
        let mut running = self.shared.running();
        let running = running.get_or_insert_with(|| {
            let changes = broadcast::Sender::new(UNHEARD);
            let (sender, state) = watch::channel(State::Connecting);
            let listener = Listener {
                shared: self.shared.clone(),
                changes: changes.clone(),
                state: sender,
                store: self.open.subscribe(),
            };
            tokio::spawn(listener.run());
            Running { changes, state }
        });
        (Feed(running.changes.subscribe()), running.state.clone())
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Changes")
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What listens.
struct Listener {
    shared: Arc<Shared>,
    changes: broadcast::Sender<Change>,
    state: watch::Sender<State>,
    store: watch::Receiver<()>,
}

impl Listener {
    /// Listens as long as anybody watches and the store is open.
    async fn run(mut self) {
        let mut store = self.store.clone();
        tokio::select! {
            () = self.listen_on() => {}
            // Nothing is ever sent, so this is the end of the store.
            _ = store.changed() => drop(self.shared.running().take()),
        }
    }

    /// Listens, and connects again when the connection is lost. Resolves when nobody watches.
    async fn listen_on(&mut self) {
        let (mut pause, mut missed) = (FIRST_PAUSE, false);
        while !self.is_over() {
            self.state.send_replace(State::Connecting);
            match self.listen(missed).await {
                Ok(End::Unwatched) => return,
                Ok(End::Lost(failure)) => {
                    pause = FIRST_PAUSE;
                    self.state.send_replace(State::Failed(failure));
                    self.tell_any();
                }
                Err(failure) => {
                    self.state.send_replace(State::Failed(failure));
                    sleep(jittered(pause)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            missed = true;
        }
    }

    /// Whether nobody watches any more. If so, the next to watch starts another listener.
    fn is_over(&self) -> bool {
        let mut running = self.shared.running();
        let over = self.changes.receiver_count() == 0;
        if over {
            *running = None;
        }
        over
    }

    /// Connects and listens until the connection is lost or nobody watches. `missed`: what happened before
    /// may have been missed.
    async fn listen(&self, missed: bool) -> Result<End, Failure> {
        let (client, driver) = self.shared.target.connect().await?;
        let mut driver = pin!(forward(driver, self.changes.clone()));
        let begun = async { timeout(self.shared.target.timeout, self.begin(&client)).await };
        let begun = tokio::select! {
            begun = begun => begun.unwrap_or_else(|_| Err(late(&self.shared.target))),
            () = &mut driver => Err(late(&self.shared.target)),
        };
        begun?;
        if missed {
            self.tell_any();
        }
        self.state.send_replace(State::Listening);
        tokio::select! {
            () = driver => {}
            () = falls_silent(&client, self.shared.target.timeout) => {}
            () = self.unwatched() => return Ok(End::Unwatched),
        }
        let advice = "the connection that listens for changes was lost";
        Ok(End::Lost(Failure::new(StoreErrorKind::Unavailable, advice)))
    }

    /// Resolves when nobody watches, and nobody can begin to any more.
    async fn unwatched(&self) {
        loop {
            self.changes.closed().await;
            // Somebody may have begun in this moment.
            if self.is_over() {
                return;
            }
        }
    }

    async fn begin(&self, client: &Client) -> Result<(), Failure> {
        let names = &self.shared.names;
        let sql = format!("SELECT {}, {}", channel(names), has_triggers(names));
        let row = client.query_one(&sql, &[]).await?;
        let (channel, told): (Option<String>, bool) = (row.try_get(0)?, row.try_get(1)?);
        let Some(channel) = channel.filter(|_| told) else {
            let advice = "the session table tells of no changes; `PostgresStore::migrate` with \
                `PostgresOptions::change_events` makes the triggers that do";
            return Err(Failure::new(StoreErrorKind::Refused, advice));
        };
        client.batch_execute(&format!("LISTEN {}", quoted(&channel))).await?;
        Ok(())
    }

    fn tell_any(&self) {
        // That nobody is there to hear it is no error.
        drop(self.changes.send(Change::Any));
    }
}

/// Carries a connection's messages, and sends on what it tells. Resolves when the connection is lost.
async fn forward(mut driver: Driver, changes: broadcast::Sender<Change>) {
    while let Some(Ok(message)) = poll_fn(|context| driver.poll_message(context)).await {
        let AsyncMessage::Notification(notification) = message else { continue };
        if let Some(change) = change(notification.payload()) {
            // That nobody is there to hear it is no error.
            drop(changes.send(change));
        }
    }
}

/// What a notification tells. `None`: a row whose `sid` is no id.
fn change(payload: &str) -> Option<Change> {
    if payload.is_empty() {
        return Some(Change::Any);
    }
    SessionId::parse(payload).map(Change::One)
}

/// Resolves when the server does not answer in time.
async fn falls_silent(client: &Client, limit: Duration) {
    loop {
        sleep(HEARTBEAT).await;
        match timeout(limit, client.batch_execute("SELECT")).await {
            Ok(Ok(())) => {}
            // Whoever carries the messages has noticed.
            Ok(Err(_)) => pending().await,
            Err(_) => return,
        }
    }
}

fn late(target: &Target) -> Failure {
    let advice = format!("PostgreSQL at {} did not begin to tell of changes in time", target.place);
    Failure::new(StoreErrorKind::Unavailable, advice)
}

/// The changes of one table, for one who watches.
pub(crate) struct Feed(broadcast::Receiver<Change>);

impl ChangeFeed for Feed {
    fn next<'a>(&'a mut self) -> BoxFuture<'a, Option<Change>> {
        Box::pin(async {
            match self.0.recv().await {
                Ok(change) => Some(change),
                Err(RecvError::Lagged(_)) => Some(Change::Any),
                Err(RecvError::Closed) => None,
            }
        })
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed(of a PostgreSQL table)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_an_id_or_tells_of_all() {
        assert_eq!(change(""), Some(Change::Any));
        assert_eq!(change("abc"), SessionId::parse("abc").map(Change::One));
        assert_eq!(change("no id"), None);
        assert_eq!(change(&"x".repeat(129)), None);
    }
}
