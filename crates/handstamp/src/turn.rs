//! One at a time: whoever else wants to go waits for its turn, without holding a lock.
//!
//! No lock guard crosses an await here: the turn is a flag, and the waiting leave their wakers.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

#[derive(Debug, Default)]
pub(crate) struct Turn {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    taken: bool,
    waiting: Vec<Waker>,
}

impl Turn {
    /// Waits until nobody else has the turn, and takes it.
    pub(crate) async fn take(&self) -> Taken<'_> {
        poll_fn(|context| {
            let mut queue = self.lock();
            if !queue.taken {
                queue.taken = true;
                return Poll::Ready(Taken(self));
            }
            if !queue.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                queue.waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn. Dropping it passes it on.
#[derive(Debug)]
pub(crate) struct Taken<'a>(&'a Turn);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.taken = false;
        // All are woken, not one: that one might have been dropped meanwhile, and the rest would wait
        // for ever.
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        waiting.into_iter().for_each(Waker::wake);
    }
}
