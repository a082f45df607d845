//! The sessions of an owner: listed, counted and revoked exactly as long as they live.

use std::collections::BTreeSet;
use std::time::Duration;

use super::StoreHarness;
use super::toolbox::{Trial, assert_gone, assert_text, forever, id, nth_id, owned, record};

pub async fn an_owner_without_sessions_has_none<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &owned(forever::<H>("{}"), "alice")).await;
    assert!(t.store.list("bob").await.is_empty());
    assert_eq!(t.store.count("bob").await, 0);
    assert_eq!(t.store.revoke("bob", None).await, 0);
    assert!(t.store.load(&id("a")).await.is_some());
}

pub async fn list_and_count_find_every_session_of_the_owner_and_no_other<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..30 {
        let owner = ["alice", "bob"].get(n % 3);
        let record = forever::<H>("{}");
        let record = owner.map_or_else(|| record.clone(), |owner| owned(record.clone(), owner));
        t.store.put(&nth_id(n), &record).await;
    }
    let every_third = |first: usize| (first..30).step_by(3).map(nth_id).collect::<BTreeSet<_>>();
    assert_eq!(t.store.listed("alice").await, every_third(0));
    assert_eq!(t.store.listed("bob").await, every_third(1));
    assert_eq!((t.store.count("alice").await, t.store.count("bob").await), (10, 10));
}

pub async fn list_tells_what_load_tells<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &owned(record(r#"{"n":1}"#, H::UNIT * 5), "alice")).await;
    t.pass(H::UNIT * 2).await;
    let loaded = t.store.living(&id("a")).await;
    let (_, listed) = t.store.list("alice").await.pop().unwrap();
    assert_eq!((loaded.document, loaded.version), (listed.document.clone(), listed.version));
    t.assert_remaining(&listed, H::UNIT * 3);
}

pub async fn update_moves_a_session_to_its_new_owner<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &owned(forever::<H>(r#"{"n":1}"#), "alice")).await;
    t.store.replace(&id("a"), version, &owned(forever::<H>(r#"{"n":2}"#), "bob")).await;
    assert!(t.store.listed("alice").await.is_empty());
    assert_eq!(t.store.listed("bob").await, [id("a")].into());
    assert_eq!(t.store.revoke("alice", None).await, 0);
    assert_text(&t.store.living(&id("a")).await.document, r#"{"n":2}"#);
}

pub async fn update_gives_a_session_its_first_owner<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    t.store.replace(&id("a"), version, &owned(forever::<H>(r#"{"n":2}"#), "alice")).await;
    assert_eq!(t.store.listed("alice").await, [id("a")].into());
}

/// So the engine ends sessions, with an owner or without.
pub async fn update_with_no_time_left_ends_a_session_for_every_operation<H: StoreHarness>() {
    let over = record("{}", Duration::ZERO);
    for over in [over.clone(), owned(over, "alice")] {
        let t = Trial::<H>::start().await;
        let version = t.store.put(&id("a"), &owned(forever::<H>(r#"{"n":1}"#), "alice")).await;
        let version = t.store.replace(&id("a"), version, &over).await;
        assert!(t.store.listed("alice").await.is_empty());
        assert_eq!((t.store.count("alice").await, t.store.revoke("alice", None).await), (0, 0));
        assert_gone(&t.store.update(&id("a"), version, &forever::<H>("{}")).await);
        assert!(!t.store.touch(&id("a"), H::UNIT).await);
        assert!(t.store.delete(&id("a")).await.is_none());
        t.store.put(&id("a"), &owned(forever::<H>(r#"{"n":2}"#), "bob")).await;
        assert!(t.store.listed("alice").await.is_empty());
        assert_eq!(t.store.listed("bob").await, [id("a")].into());
    }
}

pub async fn update_without_owner_takes_a_session_out_of_the_index<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &owned(forever::<H>(r#"{"n":1}"#), "alice")).await;
    t.store.replace(&id("a"), version, &forever::<H>(r#"{"n":2}"#)).await;
    assert!(t.store.listed("alice").await.is_empty());
    assert_eq!(t.store.revoke("alice", None).await, 0);
    assert!(t.store.load(&id("a")).await.is_some());
}

pub async fn update_by_the_same_owner_keeps_a_session_listed_once<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let mut version = t.store.put(&id("a"), &owned(forever::<H>(r#"{"n":0}"#), "alice")).await;
    for n in 1..5 {
        let record = owned(forever::<H>(&format!(r#"{{"n":{n}}}"#)), "alice");
        version = t.store.replace(&id("a"), version, &record).await;
    }
    assert_eq!(t.store.listed("alice").await, [id("a")].into());
    assert_eq!(t.store.count("alice").await, 1);
}

pub async fn a_write_that_did_not_happen_leaves_the_owner_as_it_was<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let first = t.store.put(&id("a"), &owned(forever::<H>(r#"{"n":1}"#), "alice")).await;
    t.store.replace(&id("a"), first, &owned(forever::<H>(r#"{"n":2}"#), "alice")).await;
    t.store.create(&id("a"), &owned(forever::<H>(r#"{"n":3}"#), "bob")).await;
    t.store.update(&id("a"), first, &owned(forever::<H>(r#"{"n":4}"#), "bob")).await;
    t.store.update(&id("b"), first, &owned(forever::<H>(r#"{"n":5}"#), "bob")).await;
    assert_eq!(t.store.listed("alice").await, [id("a")].into());
    assert!(t.store.listed("bob").await.is_empty());
}

pub async fn touch_keeps_a_session_with_its_owner<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &owned(record("{}", H::UNIT * 2), "alice")).await;
    t.store.touch(&id("a"), H::UNIT * 6).await;
    t.pass(H::UNIT * 4).await;
    assert_eq!(t.store.listed("alice").await, [id("a")].into());
    assert_eq!(t.store.revoke("alice", None).await, 1);
}

pub async fn a_deleted_session_leaves_the_index<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &owned(forever::<H>("{}"), "alice")).await;
    t.store.put(&id("b"), &owned(forever::<H>("{}"), "alice")).await;
    t.store.delete(&id("a")).await;
    assert_eq!(t.store.listed("alice").await, [id("b")].into());
    assert_eq!(t.store.count("alice").await, 1);
}

pub async fn an_expired_session_is_not_listed_counted_or_revoked<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("short"), &owned(record("{}", H::UNIT), "alice")).await;
    t.store.put(&id("long"), &owned(forever::<H>("{}"), "alice")).await;
    t.outlive(H::UNIT).await;
    assert_eq!(t.store.listed("alice").await, [id("long")].into());
    assert_eq!(t.store.count("alice").await, 1);
    assert_eq!(t.store.revoke("alice", None).await, 1);
}

pub async fn nothing_puts_an_expired_session_back_into_the_index<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &owned(record(r#"{"n":1}"#, H::UNIT), "alice")).await;
    t.outlive(H::UNIT).await;
    t.store.touch(&id("a"), Trial::<H>::LONG).await;
    assert_gone(
        &t.store.update(&id("a"), version, &owned(forever::<H>(r#"{"n":2}"#), "alice")).await,
    );
    assert!(t.store.listed("alice").await.is_empty());
    assert_eq!(t.store.count("alice").await, 0);
}

pub async fn an_id_created_again_is_indexed_for_its_new_owner_only<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("expired"), &owned(record(r#"{"n":1}"#, H::UNIT), "alice")).await;
    t.store.put(&id("deleted"), &owned(forever::<H>(r#"{"n":1}"#), "alice")).await;
    t.outlive(H::UNIT).await;
    t.store.delete(&id("deleted")).await;
    t.store.put(&id("expired"), &owned(forever::<H>(r#"{"n":2}"#), "bob")).await;
    t.store.put(&id("deleted"), &forever::<H>(r#"{"n":2}"#)).await;
    assert!(t.store.listed("alice").await.is_empty());
    assert_eq!(t.store.listed("bob").await, [id("expired")].into());
    assert_eq!(t.store.revoke("alice", None).await, 0);
    assert!(t.store.load(&id("deleted")).await.is_some());
}

pub async fn revoke_ends_all_sessions_of_the_owner_and_tells_how_many<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..5 {
        t.store.put(&nth_id(n), &owned(forever::<H>("{}"), "alice")).await;
    }
    t.store.put(&id("bobs"), &owned(forever::<H>("{}"), "bob")).await;
    assert_eq!(t.store.revoke("alice", None).await, 5);
    for n in 0..5 {
        assert!(t.store.load(&nth_id(n)).await.is_none());
    }
    assert!(t.store.listed("alice").await.is_empty());
    assert_eq!(t.store.revoke("alice", None).await, 0);
    assert_eq!(t.store.listed("bob").await, [id("bobs")].into());
}

pub async fn revoke_spares_the_session_that_is_excepted<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..5 {
        t.store.put(&nth_id(n), &owned(forever::<H>("{}"), "alice")).await;
    }
    assert_eq!(t.store.revoke("alice", Some(&nth_id(3))).await, 4);
    assert_eq!(t.store.listed("alice").await, [nth_id(3)].into());
    assert_eq!(t.store.revoke("alice", Some(&nth_id(3))).await, 0);
    assert!(t.store.load(&nth_id(3)).await.is_some());
}

pub async fn revoke_except_a_session_of_somebody_else_ends_all<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("alices"), &owned(forever::<H>("{}"), "alice")).await;
    t.store.put(&id("bobs"), &owned(forever::<H>("{}"), "bob")).await;
    assert_eq!(t.store.revoke("alice", Some(&id("bobs"))).await, 1);
    assert!(t.store.load(&id("alices")).await.is_none());
    assert_eq!(t.store.listed("bob").await, [id("bobs")].into());
}

pub async fn a_revoked_session_is_gone_for_every_operation<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &owned(forever::<H>(r#"{"n":1}"#), "alice")).await;
    t.store.revoke("alice", None).await;
    assert_gone(
        &t.store.update(&id("a"), version, &owned(forever::<H>(r#"{"n":2}"#), "alice")).await,
    );
    assert!(!t.store.touch(&id("a"), Trial::<H>::LONG).await);
    assert!(t.store.delete(&id("a")).await.is_none());
    assert!(t.store.load(&id("a")).await.is_none());
    assert!(t.store.listed("alice").await.is_empty());
}

pub async fn an_owner_may_have_a_thousand_sessions<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..1000 {
        t.store.put(&nth_id(n), &owned(forever::<H>("{}"), "alice")).await;
    }
    assert_eq!(t.store.listed("alice").await.len(), 1000);
    assert_eq!(t.store.count("alice").await, 1000);
    assert_eq!(t.store.revoke("alice", Some(&nth_id(0))).await, 999);
    assert_eq!(t.store.listed("alice").await, [nth_id(0)].into());
}
