use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use handstamp::store::StoreErrorKind;
use handstamp::{Clock, SessionStore, SystemClock, Timestamp};
use handstamp_sqlite::SqliteOptions;

#[cfg(target_os = "linux")]
use crate::support::process;
use crate::support::{Folder, failed, id, living, put, record, until};

/// A task that is dropped as soon as it is woken, as by a runtime that has been shut down.
struct DroppedWhenWoken(Mutex<Option<Call>>);

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Wake for DroppedWhenWoken {
    fn wake(self: Arc<Self>) {
        drop(self.0.lock().unwrap().take());
    }
}

#[test]
fn the_last_handle_may_be_dropped_by_an_answer() {
    let folder = Folder::new();
    for write in [false, true] {
        let store = folder.open();
        let mut call: Call = Box::pin(async move {
            if write {
                store.delete(&id("a")).await.unwrap();
            } else {
                store.load(&id("a")).await.unwrap();
            }
        });
        let task = Arc::new(DroppedWhenWoken(Mutex::new(None)));
        let waker = Waker::from(task.clone());
        let mut slot = task.0.lock().unwrap();
        if call.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            continue; // It was answered at once, so there was nothing to wake.
        }
        *slot = Some(call);
        drop(slot);
        drop(waker);
        // The thread that answers holds the task until the file is closed.
        until(|| Arc::strong_count(&task) == 1);
        assert!(task.0.lock().unwrap().is_none());
    }
}

/// A clock that breaks, and every thread that looks at it.
#[derive(Debug, Default)]
struct BrokenClock(AtomicBool);

impl Clock for BrokenClock {
    fn now(&self) -> Timestamp {
        assert!(!self.0.load(Ordering::SeqCst), "the clock is broken, as this test wants it");
        SystemClock.now()
    }
}

#[tokio::test]
async fn a_thread_that_dies_makes_errors_and_leaves_no_lock() {
    let folder = Folder::new();
    let clock = Arc::new(BrokenClock::default());
    let store = SqliteOptions::new().clock(clock.clone()).open(folder.database()).unwrap();
    put(&store, &id("a"), &record("{}")).await;

    clock.0.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let text = failed(store.delete(&id("a")).await, StoreErrorKind::Unavailable);
        assert!(text.contains("thread"), "{text}");
        failed(store.load(&id("a")).await, StoreErrorKind::Unavailable);
    }

    let other = folder.open();
    living(&other, &id("a")).await;
    put(&other, &id("b"), &record("{}")).await;
}

/// A process of its own, since the other tests of this one have threads, too.
#[test]
#[cfg(target_os = "linux")]
fn the_last_handle_ends_the_threads() {
    let folder = Folder::new();
    let output = process("counts-threads", &folder.database()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
