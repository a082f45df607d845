//! A deadline for every call to a store, with no async runtime at hand: nothing hangs.
//!
//! A call that is answered at its first poll costs nothing here. For one that has to wait, its waker
//! is noted, and one thread for the whole process wakes whatever has waited too long. All calls wait
//! about equally long, so new ones go behind old ones and the thread is rarely disturbed.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::store::{StoreError, StoreErrorKind};

/// Gives up on a call after so long. Its future is dropped then; what it did may be done or not.
pub(crate) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let mut call = pin!(call);
    let mut alarm: Option<Alarm> = None;
    poll_fn(|context| {
        if let Poll::Ready(answer) = call.as_mut().poll(context) {
            return Poll::Ready(answer);
        }
        match &alarm {
            Some(alarm) if alarm.is_due() => {
                Poll::Ready(Err(StoreError::new(StoreErrorKind::Timeout, Late(limit))))
            }
            Some(alarm) => {
                alarm.rouse(context.waker());
                Poll::Pending
            }
            None => {
                alarm = Some(ALARMS.set(Instant::now() + limit.min(YEAR), context.waker()));
                Poll::Pending
            }
        }
    })
    .await
}

/// As good as for ever; a moment much further away can't be represented.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[derive(Debug)]
struct Late(Duration);

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer within {:?}; see SessionConfig::with_store_deadline", self.0)
    }
}

impl std::error::Error for Late {}

static ALARMS: LazyLock<Alarms> = LazyLock::new(Alarms::start);

/// Who is to be woken when. A number tells apart what is due at the same moment.
struct Alarms {
    pending: Mutex<Pending>,
    sooner: Condvar,
}

#[derive(Default)]
struct Pending {
    wakers: BTreeMap<(Instant, u64), Waker>,
    next: u64,
    /// When the thread looks again; `None`: when it is told to.
    looks_at: Option<Instant>,
}

/// How long the thread stays up with nothing to wait for: traffic is seldom one call alone, and
/// telling a sleeping thread costs more than the call.
const LINGER: Duration = Duration::from_secs(1);

impl Alarms {
    fn start() -> Self {
        // Without this thread a deadline is noticed only when something else wakes the call; there is
        // nothing better to do in a process that can't start a thread.
        let _ = thread::Builder::new().name("handstamp-deadline".into()).spawn(|| ALARMS.run());
        Self { pending: Mutex::default(), sooner: Condvar::new() }
    }

    fn run(&self) {
        let mut pending = self.lock();
        let mut idle = false;
        loop {
            let now = Instant::now();
            let due: Vec<Waker> = pending.take_due(now);
            if !due.is_empty() {
                drop(pending);
                due.into_iter().for_each(Waker::wake);
                pending = self.lock();
                continue;
            }
            let soonest = pending.wakers.keys().next().map(|(at, _)| *at);
            pending.looks_at = soonest.or((!idle).then(|| now + LINGER));
            idle = soonest.is_none();
            pending = match pending.looks_at {
                Some(at) => {
                    self.sooner
                        .wait_timeout(pending, at - now)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self.sooner.wait(pending).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn set(&self, at: Instant, waker: &Waker) -> Alarm {
        let mut pending = self.lock();
        let key = (at, pending.next);
        pending.next += 1;
        pending.wakers.insert(key, waker.clone());
        let disturb = pending.looks_at.is_none_or(|looks_at| at < looks_at);
        drop(pending);
        if disturb {
            self.sooner.notify_one();
        }
        Alarm(key)
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn take_due(&mut self, now: Instant) -> Vec<Waker> {
        let mut due = Vec::new();
        while let Some(first) = self.wakers.first_entry().filter(|first| first.key().0 <= now) {
            due.push(first.remove());
        }
        due
    }
}

/// A call's place among those that wait. Dropping it gives the place up.
struct Alarm((Instant, u64));

impl Alarm {
    fn is_due(&self) -> bool {
        self.0.0 <= Instant::now()
    }

    /// The call has moved to another task.
    fn rouse(&self, waker: &Waker) {
        if let Some(known) = ALARMS.lock().wakers.get_mut(&self.0) {
            known.clone_from(waker);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        ALARMS.lock().wakers.remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::task::{JoinSet, yield_now};

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn what_answers_is_handed_on_at_once_or_later() {
        assert_eq!(within(SHORT, ready(Ok(1))).await.unwrap(), 1);
        let later = async {
            yield_now().await;
            Ok(2)
        };
        assert_eq!(within(Duration::from_secs(60), later).await.unwrap(), 2);
        let error = StoreError::new(StoreErrorKind::Refused, "no");
        assert_eq!(
            within::<()>(SHORT, ready(Err(error))).await.unwrap_err().kind(),
            StoreErrorKind::Refused
        );
    }

    #[tokio::test]
    async fn what_never_answers_ends_at_the_deadline() {
        let start = Instant::now();
        let error = within::<()>(SHORT, pending()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Timeout);
        assert!(start.elapsed() >= SHORT);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn deadlines_of_all_lengths_run_side_by_side_and_none_stays_behind() {
        let mut calls = JoinSet::new();
        for millis in [80, 10, 40, 1, 20].into_iter().cycle().take(200) {
            calls.spawn(async move {
                let limit = Duration::from_millis(millis);
                let start = Instant::now();
                within::<()>(limit, pending()).await.unwrap_err();
                start.elapsed() >= limit
            });
        }
        assert!(calls.join_all().await.into_iter().all(|waited| waited));
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_leaves_nothing_to_wake() {
        let mut call = Box::pin(within::<()>(Duration::from_secs(3600), pending()));
        let before = far_off();
        assert!(poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await);
        assert_eq!(far_off(), before + 1);
        drop(call);
        assert_eq!(far_off(), before);
    }

    /// How many alarms are set for more than half an hour from now.
    fn far_off() -> usize {
        let far = Instant::now() + Duration::from_secs(1800);
        ALARMS.lock().wakers.keys().filter(|(at, _)| *at > far).count()
    }
}
