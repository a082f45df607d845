//! A version names one writing of one session, for ever.

use std::collections::HashSet;

use super::StoreHarness;
use super::toolbox::{Trial, conflict, forever, id};

pub async fn every_update_has_a_version_of_its_own<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let mut version = t.store.put(&id("a"), &forever::<H>(r#"{"n":0}"#)).await;
    let mut seen = HashSet::from([version]);
    for n in 1..100 {
        version =
            t.store.replace(&id("a"), version, &forever::<H>(&format!(r#"{{"n":{n}}}"#))).await;
        assert!(seen.insert(version), "update {n} repeats a version");
        assert_eq!(t.store.living(&id("a")).await.version, version);
    }
}

pub async fn a_version_does_not_come_back_when_the_session_is_deleted_and_created_again<
    H: StoreHarness,
>() {
    let t = Trial::<H>::start().await;
    let mut seen = HashSet::new();
    for n in 0..50 {
        let created = t.store.put(&id("a"), &forever::<H>(&format!(r#"{{"created":{n}}}"#))).await;
        assert!(seen.insert(created), "create {n} repeats a version");
        let updated = t
            .store
            .replace(&id("a"), created, &forever::<H>(&format!(r#"{{"updated":{n}}}"#)))
            .await;
        assert!(seen.insert(updated), "the update after create {n} repeats a version");
        t.store.delete(&id("a")).await;
    }
}

pub async fn an_update_meant_for_the_deleted_session_does_not_hit_its_successor<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let old = t.store.put(&id("a"), &forever::<H>(r#"{"user":"alice"}"#)).await;
    t.store.delete(&id("a")).await;
    let new = t.store.put(&id("a"), &forever::<H>(r#"{"user":"bob"}"#)).await;
    let current =
        conflict(t.store.update(&id("a"), old, &forever::<H>(r#"{"user":"mallory"}"#)).await);
    assert_eq!(current.version, new);
}

pub async fn a_version_does_not_come_back_when_the_session_expired_and_was_created_again<
    H: StoreHarness,
>() {
    let t = Trial::<H>::start().await;
    let mut record = forever::<H>(r#"{"n":1}"#);
    record.lifetime = H::UNIT;
    let old = t.store.put(&id("a"), &record).await;
    t.outlive(H::UNIT).await;
    let new = t.store.put(&id("a"), &forever::<H>(r#"{"n":2}"#)).await;
    assert_ne!(old, new);
    conflict(t.store.update(&id("a"), old, &forever::<H>(r#"{"n":3}"#)).await);
}
