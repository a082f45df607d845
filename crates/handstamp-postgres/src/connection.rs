//! One open connection: it takes many statements at once, and answers them in their order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, Statement};

use crate::parameters::{Hidden, Parameters};
use crate::statements::{Call, Statements};
use crate::target::Target;

/// A connection, for as long as it lasts.
pub(crate) struct Connection {
    client: Client,
    statements: Arc<Statements>,
    /// Each statement when it was first used. `None`: behind a pooler there is nobody to keep them.
    prepared: Option<Mutex<Prepared>>,
    debts: Mutex<Debts>,
}

type Prepared = [Option<Statement>; Call::ALL.len()];

/// What the server owes.
#[derive(Default)]
struct Debts {
    /// How many callers wait.
    waiting: usize,
    /// Since when the server has answered nothing although it had to.
    silent_since: Option<Instant>,
}

impl Connection {
    pub(crate) fn new(client: Client, target: &Target, statements: Arc<Statements>) -> Self {
        let prepared = (!target.pooled).then(Mutex::default);
        Self { client, statements, prepared, debts: Mutex::default() }
    }

    /// Runs a statement. If the future is dropped, the statement may still run, and the connection is as
    /// good as before.
    pub(crate) async fn run(
        &self,
        call: Call,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Error> {
        let hidden: Vec<_> = parameters.iter().map(|parameter| Hidden(*parameter)).collect();
        let parameters: Vec<_> = hidden.iter().map(|parameter| parameter as _).collect();
        let waiting = Waiting::begin(&self.debts);
        let answer = self.send(call, &parameters).await;
        waiting.answered();
        answer
    }

    async fn send(&self, call: Call, parameters: Parameters<'_>) -> Result<Vec<Row>, Error> {
        let statement = self.statements.of(call);
        let Some(prepared) = &self.prepared else {
            let typed: Vec<(&(dyn ToSql + Sync), Type)> =
                parameters.iter().copied().zip(statement.types.iter().cloned()).collect();
            return self.client.query_typed(&statement.sql, &typed).await;
        };
        let known = lock(prepared)[call as usize].clone();
        let statement = match known {
            Some(known) => known,
            None => {
                let new = self.client.prepare_typed(&statement.sql, &statement.types).await?;
                // Others may have prepared it meanwhile. Either is good, and the other one goes.
                lock(prepared)[call as usize] = Some(new.clone());
                new
            }
        };
        self.client.query(&statement, parameters).await
    }

    /// Has a statement prepared anew when it is used next. `false`: it never was.
    pub(crate) fn forget(&self, call: Call) -> bool {
        let prepared = self.prepared.as_ref();
        prepared.is_some_and(|prepared| lock(prepared)[call as usize].take().is_some())
    }

    /// The client, for what is no [`Call`].
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// How many callers wait for it.
    pub(crate) fn waiting(&self) -> usize {
        self.debts().waiting
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// For how long the server has answered nothing although it had to.
    pub(crate) fn silence(&self) -> Duration {
        self.debts().silent_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Waits until the server has answered all that was sent before.
    pub(crate) async fn catch_up(&self) -> Result<(), Error> {
        self.client.batch_execute("SELECT").await?;
        let mut debts = self.debts();
        // Who waits now may have come later.
        let others = debts.waiting;
        debts.answered(others);
        Ok(())
    }

    fn debts(&self) -> MutexGuard<'_, Debts> {
        lock(&self.debts)
    }
}

impl Debts {
    /// `others`: how many still wait.
    fn answered(&mut self, others: usize) {
        self.silent_since = (others > 0).then(Instant::now);
    }
}

/// One caller that waits. One that gave up has not been answered: the debt stays.
struct Waiting<'a>(&'a Mutex<Debts>);

impl<'a> Waiting<'a> {
    fn begin(debts: &'a Mutex<Debts>) -> Self {
        let mut guard = lock(debts);
        guard.waiting += 1;
        guard.silent_since.get_or_insert_with(Instant::now);
        drop(guard);
        Self(debts)
    }

    fn answered(self) {
        let mut debts = lock(self.0);
        let others = debts.waiting - 1;
        debts.answered(others);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(self.0).waiting -= 1;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
