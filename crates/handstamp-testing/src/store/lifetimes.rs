//! Lifetimes go in as durations and come back as the time that is left.

use std::time::Duration;

use super::StoreHarness;
use super::toolbox::{Trial, conflict, forever, id, record};

/// Longer than any store can count, yet a lifetime like any other.
const ETERNITY: Duration = Duration::MAX;

/// What is left of an eternity, at least.
const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

pub async fn create_sets_the_lifetime<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &record("{}", H::UNIT * 5)).await;
    t.assert_remaining(&t.store.living(&id("a")).await, H::UNIT * 5);
    t.pass(H::UNIT * 2).await;
    t.assert_remaining(&t.store.living(&id("a")).await, H::UNIT * 3);
}

pub async fn update_sets_the_lifetime_longer<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &record(r#"{"n":1}"#, H::UNIT * 2)).await;
    t.pass(H::UNIT).await;
    t.store.replace(&id("a"), version, &record(r#"{"n":2}"#, H::UNIT * 4)).await;
    t.assert_remaining(&t.store.living(&id("a")).await, H::UNIT * 4);
    t.pass(H::UNIT * 3).await;
    t.assert_remaining(&t.store.living(&id("a")).await, H::UNIT);
}

pub async fn update_sets_the_lifetime_shorter<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let version = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    t.store.replace(&id("a"), version, &record(r#"{"n":2}"#, H::UNIT)).await;
    t.assert_remaining(&t.store.living(&id("a")).await, H::UNIT);
    t.outlive(H::UNIT).await;
    assert!(t.store.load(&id("a")).await.is_none());
}

pub async fn touch_sets_the_lifetime_longer<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &record("{}", H::UNIT * 2)).await;
    t.pass(H::UNIT).await;
    assert!(t.store.touch(&id("a"), H::UNIT * 4).await);
    t.assert_remaining(&t.store.living(&id("a")).await, H::UNIT * 4);
    t.pass(H::UNIT * 3).await;
    t.assert_remaining(&t.store.living(&id("a")).await, H::UNIT);
}

pub async fn touch_sets_the_lifetime_shorter<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &forever::<H>("{}")).await;
    assert!(t.store.touch(&id("a"), H::UNIT).await);
    t.assert_remaining(&t.store.living(&id("a")).await, H::UNIT);
    t.outlive(H::UNIT).await;
    assert!(t.store.load(&id("a")).await.is_none());
}

pub async fn a_write_that_did_not_happen_leaves_the_lifetime_as_it_was<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let first = t.store.put(&id("a"), &forever::<H>(r#"{"n":1}"#)).await;
    t.store.replace(&id("a"), first, &record(r#"{"n":2}"#, H::UNIT * 5)).await;
    let current = conflict(t.store.update(&id("a"), first, &forever::<H>(r#"{"n":3}"#)).await);
    t.assert_remaining(&current, H::UNIT * 5);
    t.store.create(&id("a"), &forever::<H>(r#"{"n":4}"#)).await;
    t.assert_remaining(&t.store.living(&id("a")).await, H::UNIT * 5);
}

pub async fn each_session_has_a_lifetime_of_its_own<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("short"), &record("{}", H::UNIT)).await;
    t.store.put(&id("middle"), &record("{}", H::UNIT * 5)).await;
    t.store.put(&id("long"), &forever::<H>("{}")).await;
    t.outlive(H::UNIT).await;
    assert!(t.store.load(&id("short")).await.is_none());
    t.assert_remaining(&t.store.living(&id("middle")).await, H::UNIT * 4 - H::TOLERANCE);
    t.assert_remaining(&t.store.living(&id("long")).await, H::UNIT * 99 - H::TOLERANCE);
}

pub async fn a_lifetime_of_zero_is_over_at_once<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.create(&id("created"), &record("{}", Duration::ZERO)).await;
    let version = t.store.put(&id("updated"), &forever::<H>(r#"{"n":1}"#)).await;
    t.store.update(&id("updated"), version, &record(r#"{"n":2}"#, Duration::ZERO)).await;
    t.store.put(&id("touched"), &forever::<H>("{}")).await;
    t.store.touch(&id("touched"), Duration::ZERO).await;
    for name in ["created", "updated", "touched"] {
        assert!(t.store.load(&id(name)).await.is_none(), "{name} with no time to live, it lives");
    }
}

pub async fn a_lifetime_of_an_eternity_is_long<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("created"), &record("{}", ETERNITY)).await;
    let version = t.store.put(&id("updated"), &record(r#"{"n":1}"#, H::UNIT)).await;
    t.store.replace(&id("updated"), version, &record(r#"{"n":2}"#, ETERNITY)).await;
    t.store.put(&id("touched"), &record("{}", H::UNIT)).await;
    assert!(t.store.touch(&id("touched"), ETERNITY).await);
    for name in ["created", "updated", "touched"] {
        assert!(
            t.store.living(&id(name)).await.remaining > TEN_YEARS,
            "{name} for ever, it ends soon"
        );
    }
}
