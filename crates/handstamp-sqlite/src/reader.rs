//! A thread that reads. It never waits for a writer: the write-ahead log keeps what it looks at.

use std::sync::Arc;

use handstamp::Clock;
use rusqlite::Connection;

use crate::crew::Tasks;
use crate::statements::Statements;

/// How many calls one reader takes at once, so that others share a rush.
const MOST: usize = 32;

/// Answers calls until the queue is closed.
pub(crate) fn read(connection: &Connection, clock: &Arc<dyn Clock>, tasks: &Tasks) {
    // They have been prepared before, when the store was opened; if that fails now, the file has been
    // changed under us, and the end of this thread is the answer.
    let Ok(mut statements) = Statements::prepare(connection) else { return };
    let Ok(mut begin) = connection.prepare("BEGIN") else { return };
    let Ok(mut end) = connection.prepare("COMMIT") else { return };
    let mut taken = Vec::new();
    while tasks.take(&mut taken, MOST, None) {
        // To look at the file, SQLite locks and unlocks it, which costs as much as finding a session.
        // Calls that wait together look at it together.
        let together = taken.len() > 1 && begin.execute([]).is_ok();
        let now = clock.now();
        for mut task in taken.drain(..) {
            // A call that fails says so in its answer.
            drop(task.run(&mut statements, now));
            task.answer(Ok(()));
        }
        if together && end.execute([]).is_err() {
            // Else the next calls would see the past.
            drop(connection.execute_batch("ROLLBACK"));
        }
    }
}
