//! The thread that writes: all that waits goes into one transaction, so that all share one wait for
//! the lock and one for the disk.

use std::slice;
use std::sync::Arc;
use std::time::Duration;

use handstamp::Clock;
use rusqlite::{Connection, Error, Statement};

use crate::crew::Tasks;
use crate::database::patiently;
use crate::statements::Statements;
use crate::task::Task;
use crate::upkeep::Upkeep;

/// What the thread is told.
pub(crate) struct Orders {
    pub(crate) clock: Arc<dyn Clock>,
    /// How long to wait for another process's transaction.
    pub(crate) patience: Duration,
    pub(crate) reap_every: Duration,
}

/// Answers calls until the queue is closed.
pub(crate) fn write(connection: &Connection, orders: Orders, tasks: &Tasks) {
    // As for readers: this has succeeded before.
    let Ok(mut upkeep) = Upkeep::prepare(connection, orders.reap_every) else { return };
    let Ok(mut writer) = Writer::prepare(connection, &orders) else { return };
    let mut group = Vec::new();
    while tasks.take(&mut group, usize::MAX, Some(upkeep.due())) {
        if !group.is_empty() {
            writer.write(&mut group, tasks);
        }
        upkeep.tend(orders.clock.now());
    }
}

struct Writer<'c> {
    connection: &'c Connection,
    statements: Statements<'c>,
    begin: Statement<'c>,
    commit: Statement<'c>,
    orders: &'c Orders,
}

impl<'c> Writer<'c> {
    fn prepare(connection: &'c Connection, orders: &'c Orders) -> Result<Self, Error> {
        Ok(Self {
            connection,
            statements: Statements::prepare(connection)?,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            orders,
        })
    }

    /// Does what the group asks for, answers, and leaves the group empty.
    fn write(&mut self, group: &mut Vec<Box<dyn Task>>, tasks: &Tasks) {
        if let Err(error) = self.begin() {
            return answer(group, Err(error));
        }
        // Who came while we waited for the lock rides along.
        tasks.take_waiting(group);
        match self.finish(group) {
            Err(_) if group.len() > 1 => self.write_singly(group),
            done => answer(group, done),
        }
    }

    /// Gives each call a transaction of its own: one that can't be done, for want of space say, shall
    /// fail alone.
    fn write_singly(&mut self, group: &mut Vec<Box<dyn Task>>) {
        let mut rest = group.drain(..);
        for mut task in rest.by_ref() {
            if let Err(error) = self.begin() {
                task.answer(Err(error.clone()));
                return rest.for_each(|task| task.answer(Err(error.clone())));
            }
            let done = self.finish(slice::from_mut(&mut task));
            task.answer(done);
        }
    }

    fn begin(&mut self) -> Result<(), Arc<Error>> {
        patiently(self.orders.patience, || self.begin.execute([]).map(drop)).map_err(Arc::new)
    }

    /// Applies a group and commits it. After an error nothing of it has happened.
    fn finish(&mut self, group: &mut [Box<dyn Task>]) -> Result<(), Arc<Error>> {
        let applied = self.apply(group).and_then(|()| self.commit.execute([]).map_err(Arc::new));
        if applied.is_err() && !self.connection.is_autocommit() {
            // If this fails too, the next `begin` says so.
            drop(self.connection.execute_batch("ROLLBACK"));
        }
        applied.map(drop)
    }

    fn apply(&mut self, group: &mut [Box<dyn Task>]) -> Result<(), Arc<Error>> {
        let now = self.orders.clock.now();
        for task in group {
            let ran = task.run(&mut self.statements, now);
            // Most errors concern one call. After some, as when the disk is full, SQLite has rolled
            // the transaction back.
            if self.connection.is_autocommit() {
                ran?;
            }
        }
        Ok(())
    }
}

fn answer(group: &mut Vec<Box<dyn Task>>, done: Result<(), Arc<Error>>) {
    for task in group.drain(..) {
        task.answer(done.clone());
    }
}
