//! All sessions of a store: walked through page by page, counted, and cleared.

use std::collections::BTreeSet;

use handstamp::SessionId;
use handstamp::store::{Cursor, StoreErrorKind};

use super::StoreHarness;
use super::toolbox::{Trial, assert_gone, assert_text, forever, id, nth_id, owned, record};

pub async fn an_empty_store_has_nothing_to_meet_count_or_clear<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    assert!(t.store.met(10).await.is_empty());
    assert_eq!(t.store.total().await, 0);
    assert_eq!(t.store.clear().await, 0);
}

pub async fn a_walk_meets_every_living_session_once_when_nothing_changes<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let ids = put_many(&t, 300).await;
    for most in [1, 7, 300, usize::MAX] {
        assert_eq!(t.store.met(most).await, ids, "in pages of {most}");
    }
    assert_eq!(t.store.total().await, 300);
}

pub async fn a_walk_in_pages_of_no_size_comes_to_its_end<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let ids = put_many(&t, 10).await;
    assert_eq!(t.store.met(0).await, ids);
}

pub async fn a_walk_tells_what_load_tells<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &owned(record(r#"{"n":1}"#, H::UNIT * 5), "alice")).await;
    t.pass(H::UNIT * 2).await;
    let loaded = t.store.living(&id("a")).await;
    let (_, met) = t.store.walk(10).await.pop().unwrap();
    assert_eq!((loaded.document, loaded.version), (met.document.clone(), met.version));
    t.assert_remaining(&met, H::UNIT * 3);
}

pub async fn a_walk_may_go_on_at_another_handle<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let ids = put_many(&t, 50).await;
    let first = t.store.page(None, 10).await;
    let mut met: Vec<SessionId> = first.sessions.into_iter().map(|(id, _)| id).collect();
    let rest = t.caller().walk_from(first.next, 10).await;
    met.extend(rest.into_iter().map(|(id, _)| id));
    assert_eq!(met.into_iter().collect::<BTreeSet<_>>(), ids);
}

pub async fn pages_are_bounded<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    put_many(&t, 1000).await;
    let (mut from, mut met) = (None, 0);
    loop {
        let page = t.store.page(from.as_ref(), 10).await;
        let length = page.sessions.len();
        assert!(length <= 100, "a page of {length} is far more than the 10 that were wished for");
        met += length;
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(met, 1000);
}

pub async fn an_expired_session_is_not_met_or_counted<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("short"), &record("{}", H::UNIT)).await;
    t.store.put(&id("long"), &forever::<H>("{}")).await;
    t.outlive(H::UNIT).await;
    assert_eq!(t.store.met(10).await, [id("long")].into());
    assert_eq!(t.store.total().await, 1);
}

pub async fn a_walk_gets_past_any_number_of_expired_sessions<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..100 {
        t.store.put(&nth_id(n), &record("{}", H::UNIT)).await;
    }
    t.store.put(&id("a"), &forever::<H>("{}")).await;
    t.store.put(&id("z"), &forever::<H>("{}")).await;
    t.outlive(H::UNIT).await;
    assert_eq!(t.store.met(5).await, [id("a"), id("z")].into());
}

pub async fn a_deleted_session_is_not_met_or_counted<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &forever::<H>("{}")).await;
    t.store.put(&id("b"), &forever::<H>("{}")).await;
    t.store.delete(&id("a")).await;
    assert_eq!(t.store.met(10).await, [id("b")].into());
    assert_eq!(t.store.total().await, 1);
}

/// What was met may end, and others may come: the walk does not lose its place.
pub async fn a_walk_meets_what_stays_while_sessions_come_and_go<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let stays = put_many(&t, 200).await;
    for n in 0..200 {
        t.store.put(&id(&format!("going-{n}")), &forever::<H>("{}")).await;
    }
    let (mut from, mut met) = (None, BTreeSet::new());
    for n in 0.. {
        let page = t.store.page(from.as_ref(), 10).await;
        for (id, _) in page.sessions {
            if id.as_str().starts_with("going-") {
                t.store.delete(&id).await;
            }
            met.insert(id);
        }
        if n < 100 {
            t.store.put(&id(&format!("coming-{n}")), &forever::<H>("{}")).await;
        }
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let missed = stays.difference(&met).count();
    assert_eq!(missed, 0, "so many that lived all the while were not met");
}

pub async fn a_cursor_that_is_none_is_refused<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &forever::<H>("{}")).await;
    let long = "x".repeat(10_000);
    for text in ["", " ", "no cursor of any store", "-", "\0", "é", "'; DELETE FROM x; --", &long]
    {
        let cursor = Cursor(text.to_owned());
        let error = t.store.scan().page(Some(&cursor), 10).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused, "the cursor {text:?}");
    }
    t.assert_works().await;
}

pub async fn clear_ends_everything_and_tells_how_many<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let ids = put_many(&t, 50).await;
    t.store.put(&id("alices"), &owned(forever::<H>("{}"), "alice")).await;
    assert_eq!(t.store.clear().await, 51);
    for id in &ids {
        assert!(t.store.load(id).await.is_none());
    }
    assert!(t.store.met(10).await.is_empty());
    assert_eq!(t.store.total().await, 0);
    assert_eq!(t.store.clear().await, 0);
}

pub async fn clear_ends_thousands<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    put_many(&t, 2500).await;
    assert_eq!(t.store.clear().await, 2500);
    assert_eq!(t.store.total().await, 0);
}

pub async fn clear_does_not_count_what_has_expired<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("short"), &record("{}", H::UNIT)).await;
    t.store.put(&id("long"), &forever::<H>("{}")).await;
    t.outlive(H::UNIT).await;
    assert_eq!(t.store.clear().await, 1);
}

pub async fn a_cleared_session_is_gone_for_every_operation<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    t.store.clear().await;
    assert_gone(&t.store.update(&id("a"), version, &forever::<H>(r#"{"n":2}"#)).await);
    assert!(!t.store.touch(&id("a"), Trial::<H>::LONG).await);
    assert!(t.store.delete(&id("a")).await.is_none());
    assert!(t.store.load(&id("a")).await.is_none());
    assert!(t.store.met(10).await.is_empty());
}

pub async fn a_session_created_after_clear_is_a_new_one<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let before = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    t.store.clear().await;
    let after = t.store.put(&id("a"), &forever::<H>(r#"{"n":2}"#)).await;
    assert_ne!(before, after, "the version of the session that was cleared comes back");
    assert_text(&t.store.living(&id("a")).await.document, r#"{"n":2}"#);
    assert_eq!(t.store.met(10).await, [id("a")].into());
    assert_eq!(t.store.clear().await, 1);
    t.assert_works().await;
}

pub async fn clear_leaves_nothing_in_the_index<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..10 {
        t.store.put(&nth_id(n), &owned(forever::<H>("{}"), "alice")).await;
    }
    t.store.clear().await;
    assert!(t.store.listed("alice").await.is_empty());
    assert_eq!(t.store.count("alice").await, 0);
    assert_eq!(t.store.revoke("alice", None).await, 0);
    t.store.put(&nth_id(0), &owned(forever::<H>("{}"), "alice")).await;
    t.store.put(&nth_id(1), &owned(forever::<H>("{}"), "bob")).await;
    assert_eq!(t.store.listed("alice").await, [nth_id(0)].into());
}

async fn put_many<H: StoreHarness>(t: &Trial<H>, sessions: usize) -> BTreeSet<SessionId> {
    for n in 0..sessions {
        t.store.put(&nth_id(n), &forever::<H>("{}")).await;
    }
    (0..sessions).map(nth_id).collect()
}
