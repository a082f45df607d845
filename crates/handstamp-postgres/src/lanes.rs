//! A few connections that are kept open, each shared by all callers at once.
//!
//! PostgreSQL answers the statements of a connection one after the other, but takes the next ones while it
//! is at it. So nobody has to wait until a connection is free, and a few are enough: one would do but for
//! statements that wait for a row's lock, and for the server's other processors.
//!
//! Each connection has a task that opens it, watches over it, and opens it again. The tasks end when
//! nobody holds the lanes any more.

use std::fmt;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use handstamp::store::{ConnectionEvent, StoreErrorKind};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_postgres::{Client, Row};

use crate::connection::Connection;
use crate::error::{Failure, is_lost, is_rolled_back};
use crate::jitter::jittered;
use crate::parameters::Parameters;
use crate::statements::{Call, Statements};
use crate::target::{Driver, Target};

/// The pauses between two attempts to connect: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How often a connection is looked at, and for how long one may be silent that is as good as the others.
const LOOK: Duration = Duration::from_millis(250);

/// How long it is left to others to finish what was in the way of a statement.
const BREATH: Duration = Duration::from_millis(10);

/// Some connections to one server. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Lanes {
    lanes: watch::Receiver<Vec<Lane>>,
    turn: Arc<AtomicUsize>,
    timeout: Duration,
    place: Arc<str>,
}

/// The state of one connection.
enum Lane {
    /// It is not there. Why, if an attempt has failed.
    Away(Option<Failure>),
    Open(Arc<Connection>),
}

/// How one connection is kept.
struct Keeper {
    number: usize,
    lanes: watch::Sender<Vec<Lane>>,
    target: Target,
    statements: Arc<Statements>,
    patience: Patience,
}

/// How long a server may be silent.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// How long it may owe answers until it is asked whether it is there.
    pub(crate) silence: Duration,
    /// How long it may take to say so.
    pub(crate) reply: Duration,
}

impl Patience {
    fn total(self) -> Duration {
        self.silence + self.reply
    }
}

impl Lanes {
    /// Opens the first connection, and starts to open the others.
    pub(crate) async fn open(
        target: &Target,
        statements: &Arc<Statements>,
        number: usize,
        patience: Patience,
    ) -> Result<Self, Failure> {
        let (client, driver) = target.connect().await?;
        let first = (Connection::new(client, target, statements.clone()), driver);
        Ok(Self::begin(target, statements, number, patience, Some(first)))
    }

    /// Starts to open the connections, all but the first if that is given.
    pub(crate) fn begin(
        target: &Target,
        statements: &Arc<Statements>,
        number: usize,
        patience: Patience,
        mut first: Option<(Connection, Driver)>,
    ) -> Self {
        let (sender, lanes) = watch::channel((0..number).map(|_| Lane::Away(None)).collect());
        for number in 0..number {
            let keeper = Keeper {
                number,
                lanes: sender.clone(),
                target: target.clone(),
                statements: statements.clone(),
                patience,
            };
            tokio::spawn(keeper.keep(first.take()));
        }
        let turn = Arc::default();
        Self { lanes, turn, timeout: target.timeout, place: target.place.clone() }
    }

    /// Runs a statement on the connection that owes the fewest answers.
    ///
    /// One that has certainly not happened is tried again, and so is one that only reads.
    pub(crate) async fn run(
        &self,
        call: Call,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Failure> {
        let deadline = Instant::now() + self.timeout;
        loop {
            let connection = self.connection_until(deadline).await?;
            let error = match connection.run(call, parameters).await {
                Ok(rows) => return Ok(rows),
                Err(error) => error,
            };
            let again = (is_lost(&error) && call.only_reads()) || is_rolled_back(&error);
            if !again || Instant::now() >= deadline {
                let advice = format!("PostgreSQL at {} could not do it", self.place);
                return Err(Failure::from(error).within(advice));
            }
            sleep(jittered(BREATH)).await;
        }
    }

    /// A connection that is open. Waits for one if there is none.
    pub(crate) async fn connection(&self) -> Result<Arc<Connection>, Failure> {
        self.connection_until(Instant::now() + self.timeout).await
    }

    async fn connection_until(&self, deadline: Instant) -> Result<Arc<Connection>, Failure> {
        if let Some(connection) = self.least_busy() {
            return Ok(connection);
        }
        let mut lanes = self.lanes.clone();
        // Not the value it resolves to, which is a lock.
        let waited = async { lanes.wait_for(any_open).await.is_ok() };
        match timeout_at(deadline, waited).await {
            Ok(true) => self.least_busy().ok_or_else(|| self.why_away()),
            _ => Err(self.why_away()),
        }
    }

    /// The open connection that owes the fewest answers, if possible one that does not keep its callers
    /// waiting; among equals, each has its turn.
    fn least_busy(&self) -> Option<Arc<Connection>> {
        let lanes = self.lanes.borrow();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % lanes.len();
        let (before, from) = lanes.split_at(turn);
        from.iter()
            .chain(before)
            .filter_map(Lane::open)
            .min_by_key(|connection| (connection.silence() >= LOOK, connection.owed()))
            .cloned()
    }

    /// Tells when the first connection is there, and when none is left, until it is dropped. At the beginning
    /// an attempt that has failed is told, too.
    pub(crate) async fn tell(self, observer: impl Fn(ConnectionEvent)) {
        let mut lanes = self.lanes.clone();
        let known = lanes.wait_for(|lanes| any_open(lanes) || any_failed(lanes)).await;
        let Ok(mut is_open) = known.map(|lanes| any_open(&lanes)) else { return };
        loop {
            observer(if is_open {
                ConnectionEvent::Made
            } else {
                ConnectionEvent::Lost(self.why_away().to_string())
            });
            is_open = !is_open;
            if lanes.wait_for(|lanes| any_open(lanes) == is_open).await.is_err() {
                return;
            }
        }
    }

    fn why_away(&self) -> Failure {
        let lanes = self.lanes.borrow();
        let known = lanes.iter().find_map(|lane| match lane {
            Lane::Away(why) => why.clone(),
            Lane::Open(_) => None,
        });
        let advice = format!("PostgreSQL at {} can't be reached", self.place);
        let Some(why) = known else { return Failure::new(StoreErrorKind::Unavailable, advice) };
        let mut failure = why.within(advice);
        failure.kind = StoreErrorKind::Unavailable;
        failure
    }
}

/// It takes what a channel has for its conditions.
#[expect(clippy::ptr_arg, reason = "the channel gives a reference to its value, which is a vector")]
fn any_open(lanes: &Vec<Lane>) -> bool {
    lanes.iter().any(|lane| lane.open().is_some())
}

#[expect(clippy::ptr_arg, reason = "as above")]
fn any_failed(lanes: &Vec<Lane>) -> bool {
    lanes.iter().any(|lane| matches!(lane, Lane::Away(Some(_))))
}

impl Lane {
    fn open(&self) -> Option<&Arc<Connection>> {
        match self {
            Self::Open(connection) if !connection.is_closed() => Some(connection),
            _ => None,
        }
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.open().is_some() { "Open" } else { "Away" })
    }
}

impl Keeper {
    /// Keeps a connection open until nobody wants it.
    async fn keep(self, first: Option<(Connection, Driver)>) {
        if let Some((connection, driver)) = first {
            self.serve(connection, driver).await;
        }
        while let Some((client, driver)) = self.connect().await {
            let connection = Connection::new(client, &self.target, self.statements.clone());
            self.serve(connection, driver).await;
        }
    }

    /// Tries to connect until it succeeds. `None`: nobody wants it any more.
    async fn connect(&self) -> Option<(Client, Driver)> {
        let mut pause = FIRST_PAUSE;
        loop {
            let attempt = async {
                let failure = match self.target.connect().await {
                    Ok(connected) => return Some(connected),
                    Err(failure) => failure,
                };
                self.set(Lane::Away(Some(failure)));
                sleep(jittered(pause)).await;
                None
            };
            tokio::select! {
                connected = attempt => if connected.is_some() { return connected },
                () = self.lanes.closed() => return None,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Offers a connection until it is lost, or nobody wants it.
    async fn serve(&self, connection: Connection, driver: Driver) {
        let connection = Arc::new(connection);
        let mut driver = tokio::spawn(driver);
        self.set(Lane::Open(connection.clone()));
        let why = tokio::select! {
            end = &mut driver => end.ok().and_then(Result::err).map(Failure::from),
            () = self.falls_silent(&connection) => {
                driver.abort();
                let token = connection.client().cancel_token();
                let target = self.target.clone();
                tokio::spawn(async move { target.cancel(token).await });
                let advice = "the server did not answer, so the connection was given up";
                Some(Failure::new(StoreErrorKind::Unavailable, advice))
            }
            // The driver ends by itself when the last caller has its answer.
            () = self.lanes.closed() => None,
        };
        self.set(Lane::Away(why));
    }

    /// Resolves when the server owes answers, and owes them for too long.
    async fn falls_silent(&self, connection: &Connection) {
        loop {
            sleep(LOOK).await;
            if connection.silence() < self.patience.silence {
                continue;
            }
            let mut question = pin!(connection.catch_up());
            loop {
                match timeout(self.patience.reply, &mut question).await {
                    Ok(Ok(())) => break,
                    // The driver has noticed.
                    Ok(Err(_)) => pending().await,
                    Err(_) if connection.silence() >= self.patience.total() => return,
                    // It answers what was sent before.
                    Err(_) => {}
                }
            }
        }
    }

    fn set(&self, lane: Lane) {
        self.lanes.send_modify(|lanes| lanes[self.number] = lane);
    }
}
