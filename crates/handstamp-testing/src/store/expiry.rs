//! Expired is missing, at once, for every operation, though nobody has cleaned up.

use super::StoreHarness;
use super::toolbox::{Trial, assert_gone, assert_text, forever, id, record};
use handstamp::SessionId;
use handstamp::store::Version;

pub async fn load_of_expired_session_is_missing<H: StoreHarness>() {
    let (t, expired, _) = with_expired::<H>().await;
    assert!(t.store.load(&expired).await.is_none());
}

pub async fn update_of_expired_session_is_gone_and_does_not_revive_it<H: StoreHarness>() {
    let (t, expired, version) = with_expired::<H>().await;
    for version in [version, Version(version.0 ^ 1)] {
        assert_gone(&t.store.update(&expired, version, &forever::<H>(r#"{"n":2}"#)).await);
        assert!(t.store.load(&expired).await.is_none());
    }
}

pub async fn touch_of_expired_session_is_false_and_does_not_revive_it<H: StoreHarness>() {
    let (t, expired, _) = with_expired::<H>().await;
    assert!(!t.store.touch(&expired, Trial::<H>::LONG).await);
    assert!(t.store.load(&expired).await.is_none());
}

pub async fn delete_of_expired_session_returns_nothing<H: StoreHarness>() {
    let (t, expired, _) = with_expired::<H>().await;
    assert!(t.store.delete(&expired).await.is_none());
    assert!(t.store.load(&expired).await.is_none());
}

pub async fn create_over_an_expired_session_is_done<H: StoreHarness>() {
    let (t, expired, _) = with_expired::<H>().await;
    let version = t.store.put(&expired, &forever::<H>(r#"{"n":2}"#)).await;
    let stored = t.store.living(&expired).await;
    assert_text(&stored.document, r#"{"n":2}"#);
    assert_eq!(stored.version, version);
    t.assert_remaining(&stored, Trial::<H>::LONG);
}

pub async fn a_session_that_was_touched_expires_by_its_new_lifetime<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("a"), &record("{}", H::UNIT * 2)).await;
    t.pass(H::UNIT).await;
    t.store.touch(&id("a"), H::UNIT * 3).await;
    t.pass(H::UNIT * 2).await;
    assert!(t.store.load(&id("a")).await.is_some());
    t.outlive(H::UNIT).await;
    assert!(t.store.load(&id("a")).await.is_none());
}

pub async fn a_living_session_survives_the_expiry_of_its_neighbours<H: StoreHarness>() {
    let (t, expired, _) = with_expired::<H>().await;
    t.store.put(&id("living"), &forever::<H>(r#"{"lives":true}"#)).await;
    t.store.delete(&expired).await;
    assert_text(&t.store.living(&id("living")).await.document, r#"{"lives":true}"#);
}

/// A store that holds a session whose time is over, and the version at which it was.
async fn with_expired<H: StoreHarness>() -> (Trial<H>, SessionId, Version) {
    let t = Trial::<H>::start().await;
    let id = id("expired");
    let version = t.store.put(&id, &record(r#"{"n":1}"#, H::UNIT)).await;
    t.outlive(H::UNIT).await;
    (t, id, version)
}
