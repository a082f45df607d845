//! Where tasks wait for a thread: first come, first served, and taken many at a time.
//!
//! Waking a thread costs more than reading a session. So a thread is woken only if one sleeps that
//! nobody has woken yet; a busy thread finds what has come in the meantime by itself.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
}

struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
    /// Threads that sleep.
    asleep: usize,
    /// Those of them that have been woken, but have not run yet.
    woken: usize,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        let state = State { waiting: VecDeque::new(), closed: false, asleep: 0, woken: 0 };
        Self { state: Mutex::new(state), ready: Condvar::new() }
    }

    /// Adds a task, or drops it if the queue is closed.
    pub(crate) fn push(&self, task: T) {
        let mut state = self.lock();
        if state.closed {
            // Not while the lock is held: a task's end may run a stranger's code.
            drop(state);
            return drop(task);
        }
        state.waiting.push_back(task);
        let wake = state.asleep > state.woken;
        state.woken += usize::from(wake);
        drop(state);
        if wake {
            self.ready.notify_one();
        }
    }

    /// Waits for tasks, at most until then, and moves up to `most` of them into `taken`.
    ///
    /// `false`: the queue is closed and nothing is left in it.
    pub(crate) fn take(&self, taken: &mut Vec<T>, most: usize, until: Option<Instant>) -> bool {
        let mut state = self.lock();
        while state.waiting.is_empty() && !state.closed {
            let patience = until.map(|until| until.saturating_duration_since(Instant::now()));
            if patience.is_some_and(|patience| patience.is_zero()) {
                return true;
            }
            state.asleep += 1;
            state = match patience {
                None => self.ready.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    self.ready
                        .wait_timeout(state, patience)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
            state.asleep -= 1;
            state.woken = state.woken.saturating_sub(1);
        }
        let open = !state.closed || !state.waiting.is_empty();
        state.move_to(taken, most);
        open
    }

    /// Adds to `taken` what has come in the meantime.
    pub(crate) fn take_waiting(&self, taken: &mut Vec<T>) {
        self.lock().move_to(taken, usize::MAX);
    }

    /// Takes no more tasks. Those that wait are still given out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    /// Closes the queue and drops what waits in it, when the guard is dropped: a thread that ends,
    /// by a panic too, leaves nobody waiting.
    pub(crate) fn end_with(&self) -> End<'_, T> {
        End(self)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing panics while the lock is held, and each change of the state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn move_to(&mut self, taken: &mut Vec<T>, most: usize) {
        taken.extend(self.waiting.drain(..self.waiting.len().min(most)));
    }
}

/// See [`Queue::end_with`].
pub(crate) struct End<'a, T>(&'a Queue<T>);

impl<T> Drop for End<'_, T> {
    fn drop(&mut self) {
        self.0.close();
        let mut left = Vec::new();
        self.0.take_waiting(&mut left);
    }
}
