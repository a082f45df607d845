//! One call on its way through a thread: what is to be done, and where the answer goes.

use std::sync::Arc;

use futures_channel::oneshot::Sender;
use handstamp::Timestamp;
use rusqlite::Error;

use crate::statements::Statements;

/// A call that waits for its turn.
///
/// What fails is shared: a transaction that can't be committed fails all that are in it.
pub(crate) trait Task: Send {
    /// Does what is to be done and keeps the outcome. Nothing is done if nobody waits for it.
    fn run(&mut self, statements: &mut Statements<'_>, now: Timestamp) -> Result<(), Arc<Error>>;

    /// Hands the outcome over, or the reason why it did not come to stay.
    fn answer(self: Box<Self>, kept: Result<(), Arc<Error>>);
}

/// Makes a task of a closure and of the place where its outcome goes.
///
/// The closure is called again if the transaction that it was part of had to be rolled back.
pub(crate) fn task<T, F>(operation: F, reply: Sender<Result<T, Arc<Error>>>) -> Box<dyn Task>
where
    T: Send + 'static,
    F: FnMut(&mut Statements<'_>, Timestamp) -> Result<T, Error> + Send + 'static,
{
    Box::new(Call { operation, outcome: None, reply })
}

struct Call<T, F> {
    operation: F,
    outcome: Option<Result<T, Arc<Error>>>,
    reply: Sender<Result<T, Arc<Error>>>,
}

impl<T, F> Task for Call<T, F>
where
    T: Send,
    F: FnMut(&mut Statements<'_>, Timestamp) -> Result<T, Error> + Send,
{
    fn run(&mut self, statements: &mut Statements<'_>, now: Timestamp) -> Result<(), Arc<Error>> {
        if self.reply.is_canceled() {
            return Ok(());
        }
        let outcome = (self.operation)(statements, now).map_err(Arc::new);
        let ran = outcome.as_ref().map(drop).map_err(Arc::clone);
        self.outcome = Some(outcome);
        ran
    }

    fn answer(self: Box<Self>, kept: Result<(), Arc<Error>>) {
        let outcome = match kept {
            Ok(()) => self.outcome,
            Err(error) => Some(Err(error)),
        };
        if let Some(outcome) = outcome {
            // Whoever does not wait any more needs no answer.
            drop(self.reply.send(outcome));
        }
    }
}
