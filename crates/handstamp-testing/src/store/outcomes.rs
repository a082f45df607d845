//! Every outcome of every operation, one after the other.

use super::StoreHarness;
use super::toolbox::{Trial, assert_gone, assert_text, conflict, forever, id, nth_id};
use handstamp::store::{Created, Version};

pub async fn load_finds_what_was_created<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    let stored = t.store.living(&id("a")).await;
    assert_text(&stored.document, r#"{"n":1}"#);
    assert_eq!(stored.version, version);
}

pub async fn load_of_unknown_session_is_missing<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &forever::<H>("{}")).await;
    assert!(t.store.load(&id("b")).await.is_none());
}

pub async fn load_changes_nothing<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &forever::<H>("{}")).await;
    let first = t.store.living(&id("a")).await;
    t.pass(H::UNIT).await;
    let second = t.store.living(&id("a")).await;
    assert_eq!((first.document, first.version), (second.document.clone(), second.version));
    t.assert_remaining(&second, Trial::<H>::LONG - H::UNIT);
}

pub async fn create_of_living_session_is_duplicate_and_leaves_it_untouched<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &forever::<H>(r#"{"first":true}"#)).await;
    let second = t.store.create(&id("a"), &forever::<H>(r#"{"first":false}"#)).await;
    assert!(matches!(second, Created::Duplicate));
    let stored = t.store.living(&id("a")).await;
    assert_text(&stored.document, r#"{"first":true}"#);
    assert_eq!(stored.version, version);
    t.assert_remaining(&stored, Trial::<H>::LONG);
}

pub async fn update_replaces_the_document<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let first = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    let second = t.store.replace(&id("a"), first, &forever::<H>(r#"{"n":2}"#)).await;
    let stored = t.store.living(&id("a")).await;
    assert_text(&stored.document, r#"{"n":2}"#);
    assert_eq!(stored.version, second);
}

pub async fn update_at_another_version_is_conflict_and_carries_what_stands_there<
    H: StoreHarness,
>() {
    let t = Trial::<H>::start().await;
    let first = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    let second = t.store.replace(&id("a"), first, &forever::<H>(r#"{"n":2}"#)).await;
    let current = conflict(t.store.update(&id("a"), first, &forever::<H>(r#"{"n":3}"#)).await);
    assert_text(&current.document, r#"{"n":2}"#);
    assert_eq!(current.version, second);
    t.assert_remaining(&current, Trial::<H>::LONG);
    assert_text(&t.store.living(&id("a")).await.document, r#"{"n":2}"#);
}

pub async fn update_at_the_version_that_a_conflict_carried_succeeds<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let first = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    t.store.replace(&id("a"), first, &forever::<H>(r#"{"n":2}"#)).await;
    let current = conflict(t.store.update(&id("a"), first, &forever::<H>(r#"{"n":3}"#)).await);
    t.store.replace(&id("a"), current.version, &forever::<H>(r#"{"n":3}"#)).await;
    assert_text(&t.store.living(&id("a")).await.document, r#"{"n":3}"#);
}

pub async fn update_at_the_version_that_load_returned_succeeds<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    let loaded = t.store.living(&id("a")).await;
    t.store.replace(&id("a"), loaded.version, &forever::<H>(r#"{"n":2}"#)).await;
}

pub async fn update_at_a_version_that_never_was_is_conflict<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    for wrong in [0, u128::MAX, version.0 ^ 1, version.0 ^ (1 << 127)] {
        if wrong != version.0 {
            conflict(t.store.update(&id("a"), Version(wrong), &forever::<H>(r#"{"n":2}"#)).await);
        }
    }
    assert_text(&t.store.living(&id("a")).await.document, r#"{"n":1}"#);
}

pub async fn update_of_unknown_session_is_gone_and_creates_nothing<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &forever::<H>("{}")).await;
    assert_gone(&t.store.update(&id("b"), version, &forever::<H>(r#"{"n":1}"#)).await);
    assert!(t.store.load(&id("b")).await.is_none());
}

pub async fn update_of_deleted_session_is_gone_and_stays_gone<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    t.store.delete(&id("a")).await;
    for n in 2..5 {
        let record = forever::<H>(&format!(r#"{{"n":{n}}}"#));
        assert_gone(&t.store.update(&id("a"), version, &record).await);
        assert!(t.store.load(&id("a")).await.is_none());
    }
}

pub async fn touch_tells_whether_the_session_lives<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    assert!(!t.store.touch(&id("a"), H::UNIT).await);
    t.store.put(&id("a"), &forever::<H>("{}")).await;
    assert!(t.store.touch(&id("a"), H::UNIT).await);
    t.store.delete(&id("a")).await;
    assert!(!t.store.touch(&id("a"), H::UNIT).await);
    assert!(t.store.load(&id("a")).await.is_none());
}

pub async fn touch_leaves_bytes_and_version_as_they_are<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    t.store.touch(&id("a"), Trial::<H>::LONG * 2).await;
    let stored = t.store.living(&id("a")).await;
    assert_text(&stored.document, r#"{"n":1}"#);
    assert_eq!(stored.version, version);
    t.store.replace(&id("a"), version, &forever::<H>(r#"{"n":2}"#)).await;
}

pub async fn delete_returns_what_the_session_last_held<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    t.store.replace(&id("a"), version, &forever::<H>(r#"{"n":2}"#)).await;
    assert_text(&t.store.delete(&id("a")).await.unwrap(), r#"{"n":2}"#);
    assert!(t.store.load(&id("a")).await.is_none());
}

pub async fn delete_of_unknown_or_deleted_session_returns_nothing<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    assert!(t.store.delete(&id("a")).await.is_none());
    t.store.put(&id("a"), &forever::<H>("{}")).await;
    assert!(t.store.delete(&id("a")).await.is_some());
    assert!(t.store.delete(&id("a")).await.is_none());
}

pub async fn create_after_delete_makes_a_new_session<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    t.store.delete(&id("a")).await;
    t.store.put(&id("a"), &forever::<H>(r#"{"n":2}"#)).await;
    assert_text(&t.store.living(&id("a")).await.document, r#"{"n":2}"#);
}

pub async fn sessions_are_independent_of_each_other<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let mut versions = Vec::new();
    for n in 0..50 {
        versions.push(t.store.put(&nth_id(n), &forever::<H>(&format!(r#"{{"n":{n}}}"#))).await);
    }
    t.store.delete(&nth_id(7)).await;
    t.store.replace(&nth_id(8), versions[8], &forever::<H>(r#"{"n":"eight"}"#)).await;
    for n in (0..50).filter(|n| ![7, 8].contains(n)) {
        let stored = t.store.living(&nth_id(n)).await;
        assert_text(&stored.document, &format!(r#"{{"n":{n}}}"#));
        assert_eq!(stored.version, versions[n]);
    }
}

pub async fn two_handles_see_the_same_sessions<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let (one, other) = (t.caller(), t.caller());
    let version = one.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    let version = other.replace(&id("a"), version, &forever::<H>(r#"{"n":2}"#)).await;
    assert_eq!(one.living(&id("a")).await.version, version);
    assert_text(&one.delete(&id("a")).await.unwrap(), r#"{"n":2}"#);
    assert!(other.load(&id("a")).await.is_none());
}
