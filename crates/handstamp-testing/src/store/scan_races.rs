//! Walking and clearing while everybody writes: nothing that stays is missed, and nothing that lived
//! before a clear lives after it.

use std::collections::BTreeSet;

use handstamp::SessionId;
use handstamp::store::{BoxFuture, Created, Updated};

use super::StoreHarness;
use super::toolbox::{Trial, forever, id, nth_id, race, race_two, rotate_many_times};

pub async fn a_walk_racing_creates_and_deletes_meets_what_stays<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let stays: BTreeSet<_> = (0..50).map(nth_id).collect();
    for id in &stays {
        t.store.put(id, &forever::<H>("{}")).await;
    }
    for _ in 0..H::ROUNDS {
        let (walker, writer) = (t.caller(), t.caller());
        let writes = async move {
            for n in 0..10 {
                let brief = id(&format!("brief-{n}"));
                writer.put(&brief, &forever::<H>("{}")).await;
                writer.delete(&brief).await;
            }
        };
        let (met, ()) = race_two(async move { walker.walk(5).await }, writes).await;
        let met: BTreeSet<SessionId> = met.into_iter().map(|(id, _)| id).collect();
        let missed = stays.difference(&met).count();
        assert_eq!(missed, 0, "so many that lived all the while were not met");
    }
}

pub async fn clear_racing_update_leaves_nothing_of_what_lived_before<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        let id = nth_id(round);
        let version = t.store.put(&id, &forever::<H>(r#"{"n":1}"#)).await;
        let (writer, clearer) = (t.caller(), t.caller());
        let (updated, cleared) = race_two(
            async move { writer.update(&id, version, &forever::<H>(r#"{"n":2}"#)).await },
            async move { clearer.clear().await },
        )
        .await;
        assert_eq!(cleared, 1);
        assert!(!matches!(updated, Updated::Conflict(_)), "nobody else has written");
        assert!(t.store.load(&id).await.is_none(), "update has brought it back");
        assert_eq!(t.store.total().await, 0);
    }
}

pub async fn clear_racing_touch_leaves_nothing_of_what_lived_before<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        let id = nth_id(round);
        t.store.put(&id, &forever::<H>("{}")).await;
        let (toucher, clearer) = (t.caller(), t.caller());
        let (_, cleared) =
            race_two(async move { toucher.touch(&id, Trial::<H>::LONG).await }, async move {
                clearer.clear().await
            })
            .await;
        assert_eq!(cleared, 1);
        assert!(t.store.load(&id).await.is_none(), "touch has brought it back");
    }
}

pub async fn create_racing_clear_is_ended_or_met<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        let id = nth_id(round);
        let (maker, clearer) = (t.caller(), t.caller());
        let (created, cleared) =
            race_two(async move { maker.create(&id, &forever::<H>("{}")).await }, async move {
                clearer.clear().await
            })
            .await;
        assert!(matches!(created, Created::Done(_)));
        let met = t.store.met(10).await;
        assert_eq!(met.len() + cleared, 1);
        assert_eq!(met.contains(&id), t.store.load(&id).await.is_some());
        t.store.delete(&id).await;
    }
}

/// Rotation creates the new session, then makes the old one a stub. Clearing comes before, between
/// or after, but never so that both steps escape it.
pub async fn clear_ends_a_rotating_session_under_its_old_or_its_new_id<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        // Other sessions make the clearing last.
        for n in 0..20 {
            t.store.put(&id(&format!("other-{round}-{n}")), &forever::<H>("{}")).await;
        }
        let mut tasks: Vec<BoxFuture<'static, Option<SessionId>>> = Vec::new();
        for rotating in 0..3 {
            let first = id(&format!("rotated-{round}-{rotating}-0"));
            let version = t.store.put(&first, &forever::<H>(r#"{"n":0}"#)).await;
            tasks.push(Box::pin(rotate_many_times::<H>(t.caller(), first, version)));
        }
        let clearer = t.caller();
        tasks.push(Box::pin(async move {
            clearer.clear().await;
            None
        }));
        for last in race(tasks).await.into_iter().flatten() {
            let escaped = t.store.load(&last).await.is_some();
            assert!(!escaped, "the session was ended under neither of its ids");
        }
        assert_eq!(t.store.total().await, 0);
    }
}

pub async fn parallel_clears_end_each_session_once<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        for n in 0..5 {
            t.store.put(&nth_id(round * 5 + n), &forever::<H>("{}")).await;
        }
        let cleared = race((0..4).map(|_| {
            let store = t.caller();
            async move { store.clear().await }
        }))
        .await;
        assert_eq!(cleared.iter().sum::<usize>(), 5, "{cleared:?}");
    }
}
