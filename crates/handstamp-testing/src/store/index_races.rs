//! The index while everybody writes: in the end a session is listed exactly if it lives and is the
//! owner's, and nobody has slipped through a revocation.

use std::collections::BTreeSet;

use handstamp::SessionId;
use handstamp::store::{BoxFuture, Created, Record, Updated};
use tokio::task::yield_now;

use super::StoreHarness;
use super::toolbox::{
    Caller, Trial, forever, id, nth_id, owned, race, race_two, rotate_many_times,
};

pub async fn the_index_is_true_after_all_kinds_of_writes_at_once<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        let ids: Vec<_> = (0..3).map(|n| nth_id(round * 3 + n)).collect();
        t.store.put(&ids[0], &of::<H>("alice", round)).await;
        t.store.put(&ids[1], &of::<H>("bob", round)).await;
        race(all_kinds_of_writes(&t, &ids)).await;
        assert_index_is_true(&t, &ids).await;
        for id in &ids {
            t.store.delete(id).await;
        }
        assert_index_is_true(&t, &ids).await;
    }
}

pub async fn a_session_that_changes_owners_in_a_race_is_the_last_ones<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        let id = nth_id(round);
        let version = t.store.put(&id, &of::<H>("nobody", 0)).await;
        race(["alice", "bob", "carol", "dave"].map(|owner| {
            let store = t.caller();
            async move { store.update(&id, version, &of::<H>(owner, round)).await }
        }))
        .await;
        assert_index_is_true(&t, &[id]).await;
        t.store.delete(&id).await;
    }
}

pub async fn update_racing_revoke_does_not_bring_the_session_back<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        let id = nth_id(round);
        let version = t.store.put(&id, &of::<H>("alice", 1)).await;
        let (writer, revoker) = (t.caller(), t.caller());
        let (updated, revoked) = race_two(
            async move { writer.update(&id, version, &of::<H>("alice", 2)).await },
            async move { revoker.revoke("alice", None).await },
        )
        .await;
        assert_eq!(revoked, 1);
        assert!(!matches!(updated, Updated::Conflict(_)), "nobody else has written");
        assert!(t.store.load(&id).await.is_none());
        assert_eq!(t.store.count("alice").await, 0);
    }
}

pub async fn touch_racing_revoke_does_not_bring_the_session_back<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        let id = nth_id(round);
        t.store.put(&id, &of::<H>("alice", 1)).await;
        let (toucher, revoker) = (t.caller(), t.caller());
        let (_, revoked) =
            race_two(async move { toucher.touch(&id, Trial::<H>::LONG).await }, async move {
                revoker.revoke("alice", None).await
            })
            .await;
        assert_eq!(revoked, 1);
        assert!(t.store.load(&id).await.is_none());
    }
}

pub async fn login_racing_revoke_is_ended_or_listed<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        let id = nth_id(round);
        let version = t.store.put(&id, &forever::<H>("{}")).await;
        let (writer, revoker) = (t.caller(), t.caller());
        let (_, revoked) = race_two(
            async move { writer.replace(&id, version, &of::<H>("alice", 1)).await },
            async move { revoker.revoke("alice", None).await },
        )
        .await;
        let left = t.store.listed("alice").await;
        assert_eq!(left.len() + revoked, 1);
        assert_eq!(left.contains(&id), t.store.load(&id).await.is_some());
        t.store.delete(&id).await;
    }
}

/// Rotation creates the new session, then makes the old one an ownerless stub. Revocation comes
/// before, between or after, but never so that both steps escape it.
pub async fn revoke_ends_a_rotating_session_under_its_old_or_its_new_id<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        // The owner's other sessions make the revocation last.
        for n in 0..20 {
            t.store.put(&id(&format!("other-{round}-{n}")), &of::<H>("alice", n)).await;
        }
        let mut tasks: Vec<BoxFuture<'static, Option<SessionId>>> = Vec::new();
        for rotating in 0..3 {
            let first = id(&format!("rotated-{round}-{rotating}-0"));
            let version = t.store.put(&first, &of::<H>("alice", 0)).await;
            tasks.push(Box::pin(rotate_many_times::<H>(t.caller(), first, version)));
        }
        let revoker = t.caller();
        tasks.push(Box::pin(async move {
            revoker.revoke("alice", None).await;
            None
        }));
        for last in race(tasks).await.into_iter().flatten() {
            let escaped = t.store.load(&last).await.is_some();
            assert!(!escaped, "the session was ended under neither of its ids");
        }
        assert_eq!(t.store.count("alice").await, 0);
    }
}

pub async fn an_id_created_again_the_moment_it_is_deleted_is_listed<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        let ids: Vec<_> = (0..10).map(|n| nth_id(round * 10 + n)).collect();
        for id in &ids {
            t.store.put(id, &of::<H>("alice", 1)).await;
        }
        let (maker, ender) = (t.caller(), t.caller());
        let (make, end) = (ids.clone(), ids.clone());
        let creates = async move {
            for id in make {
                while matches!(maker.create(&id, &of::<H>("alice", 2)).await, Created::Duplicate) {
                    yield_now().await;
                }
            }
        };
        let deletes = async move {
            for id in end {
                ender.delete(&id).await;
            }
        };
        race_two(creates, deletes).await;
        assert_eq!(t.store.listed("alice").await, ids.into_iter().collect());
        assert_eq!(t.store.revoke("alice", None).await, 10);
    }
}

pub async fn parallel_revokes_end_each_session_once<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        for n in 0..5 {
            t.store.put(&nth_id(round * 5 + n), &of::<H>("alice", n)).await;
        }
        let revoked = race((0..4).map(|_| {
            let store = t.caller();
            async move { store.revoke("alice", None).await }
        }))
        .await;
        assert_eq!(revoked.iter().sum::<usize>(), 5, "{revoked:?}");
    }
}

pub async fn create_racing_revoke_is_ended_or_listed<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for round in 0..H::ROUNDS {
        let (maker, revoker) = (t.caller(), t.caller());
        let (created, revoked) = race_two(
            async move { maker.create(&nth_id(round), &of::<H>("alice", round)).await },
            async move { revoker.revoke("alice", None).await },
        )
        .await;
        assert!(matches!(created, Created::Done(_)));
        assert_eq!(t.store.count("alice").await + revoked, 1);
        assert_index_is_true(&t, &[nth_id(round)]).await;
        t.store.delete(&nth_id(round)).await;
    }
}

/// A record whose document names its owner, so that it can be compared with the index.
fn of<H: StoreHarness>(owner: &str, n: usize) -> Record {
    owned(forever::<H>(&format!(r#"{{"owner":"{owner}","n":{n}}}"#)), owner)
}

/// For each session a create, updates to another owner and to none, a touch and a delete, and a
/// revocation for each owner.
fn all_kinds_of_writes<H: StoreHarness>(
    t: &Trial<H>,
    ids: &[SessionId],
) -> Vec<BoxFuture<'static, ()>> {
    let mut tasks: Vec<BoxFuture<'static, ()>> = Vec::new();
    for &id in ids {
        let store = t.caller();
        tasks.push(Box::pin(async move {
            store.create(&id, &of::<H>("alice", 1)).await;
        }));
        tasks.push(Box::pin(move_to::<H>(t.caller(), id, of::<H>("alice", 2))));
        tasks.push(Box::pin(move_to::<H>(t.caller(), id, of::<H>("bob", 3))));
        tasks.push(Box::pin(move_to::<H>(t.caller(), id, forever::<H>(r#"{"n":4}"#))));
        let store = t.caller();
        tasks.push(Box::pin(async move {
            store.touch(&id, H::UNIT * 50).await;
        }));
        let store = t.caller();
        tasks.push(Box::pin(async move {
            store.delete(&id).await;
        }));
    }
    for owner in ["alice", "bob"] {
        let (store, except) = (t.caller(), ids[0]);
        tasks.push(Box::pin(async move {
            store.revoke(owner, Some(&except)).await;
        }));
    }
    tasks
}

/// Updates a session once, if it lives and nobody is faster.
async fn move_to<H: StoreHarness>(store: Caller<H::Store>, id: SessionId, record: Record) {
    if let Some(stored) = store.load(&id).await {
        store.update(&id, stored.version, &record).await;
    }
}

/// Asserts that of these sessions each is listed exactly if it lives and names the owner.
async fn assert_index_is_true<H: StoreHarness>(t: &Trial<H>, ids: &[SessionId]) {
    for owner in ["alice", "bob", "carol", "dave", "nobody"] {
        let mut living = BTreeSet::new();
        for &id in ids {
            let stored = t.store.load(&id).await;
            let named = format!(r#"{{"owner":"{owner}","#);
            if stored.is_some_and(|stored| stored.document.starts_with(named.as_bytes())) {
                living.insert(id);
            }
        }
        assert_eq!(t.store.listed(owner).await, living, "the sessions of {owner}");
        assert_eq!(t.store.count(owner).await, living.len(), "the number of {owner}'s sessions");
    }
}
