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

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Context;

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn only_one_has_the_turn_and_all_get_it() {
        let (turn, inside, done) = (
            Arc::new(Turn::default()),
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicUsize::new(0)),
        );
        let mut tasks = JoinSet::new();
        for _ in 0..100 {
            let (turn, inside, done) = (Arc::clone(&turn), Arc::clone(&inside), Arc::clone(&done));
            tasks.spawn(async move {
                for _ in 0..20 {
                    let taken = turn.take().await;
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                    drop(taken);
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(done.load(Ordering::SeqCst), 2000);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_keeps_nobody_else_waiting() {
        let turn = Turn::default();
        let taken = turn.take().await;
        let mut context = Context::from_waker(Waker::noop());
        {
            let mut given_up = pin!(turn.take());
            assert!(given_up.as_mut().poll(&mut context).is_pending());
        }
        let mut patient = pin!(turn.take());
        assert!(patient.as_mut().poll(&mut context).is_pending());
        drop(taken);
        assert!(patient.as_mut().poll(&mut context).is_ready());
    }
}
