//! Futures that are dropped at every await: the engine does that to a store that misses a deadline.
//!
//! An operation whose future was polled a few times and dropped has happened wholly or not at all.
//! It may still be on its way to a server, so «not yet» is a right answer, but «by half» never is.

use std::time::Duration;

use handstamp::SessionStore;
use handstamp::store::Updated;
use tokio::time::sleep;

use super::StoreHarness;
use super::toolbox::{Trial, assert_text, cut, forever, nth_id, owned, record};

const BEFORE: &str = r#"{"written":"before"}"#;
const DROPPED: &str = r#"{"written":"by the dropped future"}"#;
const AFTER: &str = r#"{"written":"after"}"#;

pub async fn a_dropped_load_changes_nothing<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for polls in 0.. {
        let id = nth_id(polls);
        t.store.put(&id, &forever::<H>(BEFORE)).await;
        let finished = cut(polls, t.store.raw().load(&id)).await;
        assert_text(&t.store.delete(&id).await.unwrap(), BEFORE);
        t.assert_works().await;
        if finished.is_some() {
            return;
        }
    }
}

pub async fn a_dropped_create_happened_wholly_or_not_at_all<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for polls in 0.. {
        let id = nth_id(polls);
        let finished = cut(polls, t.store.raw().create(&id, &forever::<H>(DROPPED))).await;
        if let Some(stored) = t.store.load(&id).await {
            assert_text(&stored.document, DROPPED);
            t.assert_remaining(&stored, Trial::<H>::LONG);
            t.store.replace(&id, stored.version, &forever::<H>(AFTER)).await;
        }
        t.assert_works().await;
        if finished.is_some() {
            return;
        }
    }
}

pub async fn a_dropped_update_happened_wholly_or_not_at_all<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for polls in 0.. {
        let id = nth_id(polls);
        let version = t.store.put(&id, &record(BEFORE, Trial::<H>::LONG * 2)).await;
        let finished = cut(polls, t.store.raw().update(&id, version, &forever::<H>(DROPPED))).await;
        let stored = t.store.living(&id).await;
        if stored.version == version {
            assert_text(&stored.document, BEFORE);
            t.assert_remaining(&stored, Trial::<H>::LONG * 2);
        } else {
            assert_text(&stored.document, DROPPED);
            t.assert_remaining(&stored, Trial::<H>::LONG);
        }
        // The dropped update may arrive between a load and an update: it is then one rival like any.
        let mut version = stored.version;
        while let Updated::Conflict(rival) =
            t.store.update(&id, version, &forever::<H>(AFTER)).await
        {
            version = rival.version;
        }
        assert_text(&t.store.living(&id).await.document, AFTER);
        t.assert_works().await;
        if finished.is_some() {
            return;
        }
    }
}

pub async fn a_dropped_touch_happened_wholly_or_not_at_all<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for polls in 0.. {
        let id = nth_id(polls);
        let version = t.store.put(&id, &record(BEFORE, Trial::<H>::LONG * 2)).await;
        let finished = cut(polls, t.store.raw().touch(&id, Trial::<H>::LONG)).await;
        let stored = t.store.living(&id).await;
        assert_text(&stored.document, BEFORE);
        assert_eq!(stored.version, version);
        let touched = stored.remaining < Trial::<H>::LONG + H::UNIT;
        t.assert_remaining(&stored, Trial::<H>::LONG * if touched { 1 } else { 2 });
        t.store.replace(&id, version, &forever::<H>(AFTER)).await;
        t.assert_works().await;
        if finished.is_some() {
            return;
        }
    }
}

pub async fn a_dropped_delete_happened_wholly_or_not_at_all<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for polls in 0.. {
        let id = nth_id(polls);
        let version = t.store.put(&id, &forever::<H>(BEFORE)).await;
        let finished = cut(polls, t.store.raw().delete(&id)).await;
        if let Some(stored) = t.store.load(&id).await {
            assert_text(&stored.document, BEFORE);
            assert_eq!(stored.version, version);
        }
        t.store.delete(&id).await;
        assert!(t.store.load(&id).await.is_none());
        t.assert_works().await;
        if finished.is_some() {
            return;
        }
    }
}

pub async fn a_dropped_write_leaves_the_index_true<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for polls in 0.. {
        let (created, updated, deleted) =
            (nth_id(polls * 3), nth_id(polls * 3 + 1), nth_id(polls * 3 + 2));
        let (alices, bobs) = (format!("alice-{polls}"), format!("bob-{polls}"));
        let version = t.store.put(&updated, &owned(forever::<H>(BEFORE), &alices)).await;
        t.store.put(&deleted, &owned(forever::<H>(BEFORE), &alices)).await;
        let raw = t.store.raw();
        let create = cut(polls, raw.create(&created, &owned(forever::<H>(DROPPED), &bobs))).await;
        let update =
            cut(polls, raw.update(&updated, version, &owned(forever::<H>(DROPPED), &bobs))).await;
        let delete = cut(polls, raw.delete(&deleted)).await;
        soon(async || {
            let made = t.store.load(&created).await.is_some();
            let moved = t.store.living(&updated).await.version != version;
            let lives = t.store.load(&deleted).await.is_some();
            let (alice, bob) = (t.store.listed(&alices).await, t.store.listed(&bobs).await);
            bob.contains(&created) == made
                && bob.contains(&updated) == moved
                && alice.contains(&updated) != moved
                && alice.contains(&deleted) == lives
        })
        .await;
        if create.is_some() && update.is_some() && delete.is_some() {
            return;
        }
    }
}

pub async fn a_dropped_revoke_ended_all_or_none<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for polls in 0.. {
        let owner = format!("owner-{polls}");
        for n in 0..5 {
            t.store.put(&nth_id(polls * 5 + n), &owned(forever::<H>(BEFORE), &owner)).await;
        }
        let finished = cut(polls, t.store.index().revoke(&owner, None)).await;
        let left = t.store.count(&owner).await;
        assert!([0, 5].contains(&left), "{left} of 5 sessions are left");
        t.store.revoke(&owner, None).await;
        assert_eq!(t.store.count(&owner).await, 0);
        t.assert_works().await;
        if finished.is_some() {
            return;
        }
    }
}

/// It may have ended some of the sessions, and may be about to end the others.
pub async fn a_dropped_clear_leaves_whole_sessions_only<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for polls in 0.. {
        let ids: Vec<_> = (0..5).map(|n| nth_id(polls * 5 + n)).collect();
        for id in &ids {
            t.store.put(id, &forever::<H>(BEFORE)).await;
        }
        let finished = cut(polls, t.store.scan().clear()).await;
        for id in &ids {
            if let Some(stored) = t.store.load(id).await {
                assert_text(&stored.document, BEFORE);
            }
        }
        t.store.clear().await;
        assert_eq!(t.store.total().await, 0);
        if finished.is_some() {
            return;
        }
    }
}

/// Asserts that a condition holds, now or once what is on its way has arrived.
async fn soon(condition: impl AsyncFn() -> bool) {
    for _ in 0..100 {
        if condition().await {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("after a second the index still says something else than the sessions");
}
