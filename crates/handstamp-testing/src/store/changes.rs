//! Feeds of changes: what any handle does is told to everybody who watches.
//!
//! A feed may say [`Change::Any`] at any time, since a connection may be lost at any time. It says
//! nothing of one session then, so the tests go on waiting for the one they have changed.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use handstamp::SessionId;
use handstamp::store::{Change, ChangeFeed};
use tokio::time::timeout;

use super::StoreHarness;
use super::toolbox::{Caller, Trial, cut, forever, id, nth_id, owned, record};

/// How long a change may be on its way, on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(10);

pub async fn a_created_session_is_told<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let (other, mut feed) = watched(&t).await;
    other.put(&id("a"), &forever::<H>("{}")).await;
    told(&mut *feed, &id("a")).await;
}

pub async fn an_updated_session_is_told<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    let (other, mut feed) = watched(&t).await;
    other.replace(&id("a"), version, &forever::<H>(r#"{"n":2}"#)).await;
    told(&mut *feed, &id("a")).await;
}

pub async fn a_touched_session_is_told<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &forever::<H>("{}")).await;
    let (other, mut feed) = watched(&t).await;
    assert!(other.touch(&id("a"), H::UNIT).await);
    told(&mut *feed, &id("a")).await;
}

pub async fn a_deleted_session_is_told<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &forever::<H>("{}")).await;
    let (other, mut feed) = watched(&t).await;
    other.delete(&id("a")).await;
    told(&mut *feed, &id("a")).await;
}

/// So the engine ends sessions.
pub async fn a_session_that_is_given_no_time_is_told<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &owned(forever::<H>("{}"), "alice")).await;
    let (other, mut feed) = watched(&t).await;
    other.replace(&id("a"), version, &record("{}", Duration::ZERO)).await;
    told(&mut *feed, &id("a")).await;
}

pub async fn revoked_sessions_are_told<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..3 {
        t.store.put(&nth_id(n), &owned(forever::<H>("{}"), "alice")).await;
    }
    let (other, mut feed) = watched(&t).await;
    assert_eq!(other.revoke("alice", None).await, 3);
    told_of_all_or_any(&mut *feed, (0..3).map(nth_id).collect()).await;
}

pub async fn cleared_sessions_are_told<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..3 {
        t.store.put(&nth_id(n), &forever::<H>("{}")).await;
    }
    let (other, mut feed) = watched(&t).await;
    assert_eq!(other.clear().await, 3);
    told_of_all_or_any(&mut *feed, (0..3).map(nth_id).collect()).await;
}

pub async fn what_the_watching_handle_changes_is_told<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let mut feed = watch(&t.store).await;
    t.store.put(&id("a"), &forever::<H>("{}")).await;
    told(&mut *feed, &id("a")).await;
}

pub async fn a_change_right_after_watch_has_answered_is_told<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let other = t.caller();
    for round in 0..H::ROUNDS.min(50) {
        let mut feed = watch(&t.store).await;
        other.put(&nth_id(round), &forever::<H>("{}")).await;
        told(&mut *feed, &nth_id(round)).await;
    }
}

/// Whoever loads what he was told of meets the change, or will be told again.
pub async fn what_is_told_can_be_loaded<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let (other, mut feed) = watched(&t).await;
    for round in 0..H::ROUNDS.min(50) {
        let (id, record) = (nth_id(round), forever::<H>("{}"));
        tokio::join!(other.put(&id, &record), async {
            while t.store.load(&id).await.is_none() {
                told(&mut *feed, &id).await;
            }
        });
        tokio::join!(other.delete(&id), async {
            while t.store.load(&id).await.is_some() {
                told(&mut *feed, &id).await;
            }
        });
    }
}

pub async fn a_dropped_next_loses_no_change<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let (other, mut feed) = watched(&t).await;
    let ids: BTreeSet<SessionId> = (0..50).map(nth_id).collect();
    let writes = ids.clone();
    let writer = tokio::spawn(async move {
        for id in &writes {
            other.put(id, &forever::<H>("{}")).await;
        }
    });
    let mut missing = ids;
    soon("every session that was created is told", async {
        while !missing.is_empty() {
            // One poll, and dropped: now with a change in it, now without.
            match cut(1, feed.next()).await {
                Some(Some(Change::One(id))) => drop(missing.remove(&id)),
                Some(Some(Change::Any)) => {}
                Some(None) => panic!("the feed has ended, but the store is open"),
                None => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    writer.await.unwrap();
}

pub async fn everybody_who_watches_is_told<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let (other, mut first) = watched(&t).await;
    let mut second = watch(&t.store).await;
    let mut third = watch(&other).await;
    other.put(&id("a"), &forever::<H>("{}")).await;
    for feed in [&mut first, &mut second, &mut third] {
        told(&mut **feed, &id("a")).await;
    }
}

/// A feed that is dropped takes nothing from the others.
pub async fn who_watches_on_is_told_when_another_has_stopped<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let (other, mut stays) = watched(&t).await;
    let goes = watch(&t.store).await;
    drop(goes);
    other.put(&id("a"), &forever::<H>("{}")).await;
    told(&mut *stays, &id("a")).await;
}

/// A feed that nobody reads for a while tells each change afterwards, or that there were too many.
pub async fn a_thousand_changes_that_nobody_reads_are_told_or_any<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let (other, mut feed) = watched(&t).await;
    for n in 0..1000 {
        other.put(&nth_id(n), &forever::<H>("{}")).await;
    }
    told_of_all_or_any(&mut *feed, (0..1000).map(nth_id).collect()).await;
    other.put(&id("last"), &forever::<H>("{}")).await;
    told(&mut *feed, &id("last")).await;
}

pub async fn sessions_of_another_store_are_not_told<H: StoreHarness>() {
    let (t, elsewhere) = (Trial::<H>::start().await, Trial::<H>::start().await);
    let mut feed = watch(&t.store).await;
    for n in 0..10 {
        elsewhere.store.put(&nth_id(n), &owned(forever::<H>("{}"), "alice")).await;
        elsewhere.store.touch(&nth_id(n), H::UNIT).await;
    }
    elsewhere.store.revoke("alice", Some(&nth_id(0))).await;
    elsewhere.store.clear().await;
    t.store.put(&id("ours"), &forever::<H>("{}")).await;
    soon("our own session is told", async {
        loop {
            match feed.next().await {
                Some(Change::One(told)) if told == id("ours") => return,
                Some(Change::One(_)) => panic!("a session of another store was told"),
                Some(Change::Any) => {}
                None => panic!("the feed has ended, but the store is open"),
            }
        }
    })
    .await;
}

/// Another handle, and a feed that tells what it does.
async fn watched<H: StoreHarness>(t: &Trial<H>) -> (Arc<Caller<H::Store>>, Box<dyn ChangeFeed>) {
    (Arc::new(t.caller()), watch(&t.store).await)
}

async fn watch<S: handstamp::SessionStore>(store: &Caller<S>) -> Box<dyn ChangeFeed> {
    let changes = store.raw().changes();
    changes.expect("a store that mounts `changes_suite!` tells of changes").watch().await.unwrap()
}

/// Waits until a session is told, whatever else is.
async fn told(feed: &mut dyn ChangeFeed, id: &SessionId) {
    soon("the session that was changed is told", async {
        loop {
            match feed.next().await {
                Some(Change::One(told)) if told == *id => return,
                Some(_) => {}
                None => panic!("the feed has ended, but the store is open"),
            }
        }
    })
    .await;
}

/// Waits until each of these sessions is told, or that it may be any.
async fn told_of_all_or_any(feed: &mut dyn ChangeFeed, mut missing: BTreeSet<SessionId>) {
    soon("the sessions that were changed are told", async {
        while !missing.is_empty() {
            match feed.next().await {
                Some(Change::One(id)) => drop(missing.remove(&id)),
                Some(Change::Any) => return,
                None => panic!("the feed has ended, but the store is open"),
            }
        }
    })
    .await;
}

/// A feed says nothing when there is nothing to say, so only the time tells that it has missed something.
async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match timeout(LIMIT, event).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("{what}: not within {LIMIT:?}"),
    }
}
