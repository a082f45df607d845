//! One open connection: it takes many statements at once, and answers them in their order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, Statement};

use crate::error::is_stale;
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

type Prepared = [Option<Arc<Statement>>; Call::ALL.len()];

/// What the server owes. It answers in the order in which it was asked.
#[derive(Default)]
struct Debts {
    /// How many calls there have been: the number of the last.
    calls: u64,
    /// How many callers wait.
    waiting: usize,
    /// The calls whose callers have given up. They may still run.
    abandoned: Vec<u64>,
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
        let Some(prepared) = &self.prepared else {
            let statement = self.statements.of(call);
            let typed: Vec<(&(dyn ToSql + Sync), Type)> =
                parameters.iter().copied().zip(statement.types.iter().cloned()).collect();
            return self.client.query_typed(&statement.sql, &typed).await;
        };
        let statement = self.prepare(prepared, call).await?;
        match self.client.query(&*statement, parameters).await {
            Err(error) if is_stale(&error) => {}
            outcome => return outcome,
        }
        // Once: the server may mean something else by it, which lasts.
        forget(prepared, call, &statement);
        let statement = self.prepare(prepared, call).await?;
        self.client.query(&*statement, parameters).await
    }

    /// The prepared statement of a call.
    async fn prepare(
        &self,
        prepared: &Mutex<Prepared>,
        call: Call,
    ) -> Result<Arc<Statement>, Error> {
        let known = lock(prepared)[call as usize].clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let statement = self.statements.of(call);
        let new = self.client.prepare_typed(&statement.sql, &statement.types).await?;
        let new = Arc::new(new);
        // Others may have prepared it meanwhile. Either is good, and the other one goes.
        lock(prepared)[call as usize] = Some(new.clone());
        Ok(new)
    }

    /// The client, for what is no [`Call`].
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// How many answers the server owes.
    pub(crate) fn owed(&self) -> usize {
        self.debts().owed()
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
        let number = self.debts().next();
        self.client.batch_execute("SELECT").await?;
        self.debts().settle(number);
        Ok(())
    }

    fn debts(&self) -> MutexGuard<'_, Debts> {
        lock(&self.debts)
    }
}

impl Debts {
    /// The number of another call.
    fn next(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    fn owed(&self) -> usize {
        self.waiting + self.abandoned.len()
    }

    /// The server has answered this call, so it has answered those before.
    fn settle(&mut self, number: u64) {
        self.abandoned.retain(|other| *other > number);
        self.silent_since = (self.owed() > 0).then(Instant::now);
    }
}

/// One caller that waits. One that gives up has not been answered: the debt stays.
struct Waiting<'a> {
    debts: &'a Mutex<Debts>,
    number: u64,
    is_answered: bool,
}

impl<'a> Waiting<'a> {
    fn begin(debts: &'a Mutex<Debts>) -> Self {
        let mut guard = lock(debts);
        guard.waiting += 1;
        guard.silent_since.get_or_insert_with(Instant::now);
        let number = guard.next();
        drop(guard);
        Self { debts, number, is_answered: false }
    }

    fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut debts = lock(self.debts);
        debts.waiting -= 1;
        if self.is_answered {
            debts.settle(self.number);
        } else {
            debts.abandoned.push(self.number);
        }
    }
}

/// Has a statement prepared anew when it is used next, unless somebody has already done so.
fn forget(prepared: &Mutex<Prepared>, call: Call, statement: &Arc<Statement>) {
    let known = &mut lock(prepared)[call as usize];
    known.take_if(|known| Arc::ptr_eq(known, statement));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_who_gave_up_has_asked_is_owed_until_the_next_answer() {
        let debts = Mutex::default();
        let (first, second) = (Waiting::begin(&debts), Waiting::begin(&debts));
        let third = Waiting::begin(&debts);
        drop(second);
        assert_eq!(lock(&debts).owed(), 3);
        first.answered();
        assert_eq!(lock(&debts).owed(), 2);
        third.answered();
        assert_eq!(lock(&debts).owed(), 0);
        assert!(lock(&debts).silent_since.is_none());
    }

    #[test]
    fn what_nobody_waits_for_is_silence_all_the_same() {
        let debts = Mutex::default();
        drop(Waiting::begin(&debts));
        assert!(lock(&debts).silent_since.is_some());
        let question = lock(&debts).next();
        lock(&debts).settle(question);
        assert!(lock(&debts).silent_since.is_none());
    }
}
