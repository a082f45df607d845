use handstamp::SealingKeys;
use handstamp::store::StoreErrorKind;
use handstamp_testing::{Fault, Operation};

use super::*;

const VALUE: &str = "canary-in-a-value";

// S50, PEERS 9, CVE-2023-20866: a canary in every sink.
#[tokio::test]
async fn ids_secrets_and_values_are_in_no_debug_error_or_event() {
    let app =
        App::with(SessionConfig::strict().with_sealing(SealingKeys::new(OLD_SECRET).unwrap()));
    let mut browser = app.browser();
    browser
        .visit(|session| {
            session.login("canary-user")?;
            session.insert("key", VALUE)
        })
        .await;
    let id = browser.id().unwrap();
    let credential = browser.cookie.clone().unwrap();
    let session = browser.request().await.unwrap();
    let mut sinks = vec![
        format!(
            "{session:?} {:?} {:?} {:?}",
            app.sessions,
            app.store.inner(),
            Keys::new(SECRET).unwrap()
        ),
        format!("{id:?} {:?}", id.fingerprint()),
        format!("{:?}", app.sessions.for_user("canary-user").await.unwrap()),
    ];
    session.insert("key", 7).unwrap();
    session.insert("flash", VALUE).unwrap();
    sinks.push(format!("{:?}", session.flash("info", "more").unwrap_err()));
    sinks.push(format!("{:?}", SessionStore::load(app.store.inner(), &id).await.unwrap()));
    session.remove::<String>("flash").unwrap();
    sinks.push(session.insert("id", VALUE).unwrap_err().to_string());
    session.insert("text", VALUE).unwrap();
    sinks.push(format!("{:?}", session.get::<u64>("text").unwrap_err()));
    session.rotate().unwrap();
    app.store.inject(Operation::Update, Fault::Fail(StoreErrorKind::Unavailable));
    sinks.push(format!("{:?}", browser.clone().respond(session).await.unwrap_err()));
    app.store.mend();
    let session = browser.request().await.unwrap();
    session.insert("big", VALUE.repeat(100_000)).unwrap();
    sinks.push(format!("{:?}", browser.clone().respond(session).await.unwrap_err()));
    let answer = {
        let session = browser.request().await.unwrap();
        session.rotate().unwrap();
        browser.respond(session).await.unwrap()
    };
    sinks.push(format!("{answer:?}"));
    browser.visit(Session::destroy).await;
    sinks.extend(app.events.lock().unwrap().drain(..));
    assert!(sinks.len() > 10);

    let canaries = [id.as_str(), credential.split_once('=').unwrap().1, SECRET, OLD_SECRET, VALUE];
    for sink in sinks {
        for canary in canaries {
            assert!(!sink.contains(canary), "{canary} in {sink}");
        }
    }
}

// S55
#[tokio::test]
async fn a_sealed_store_shows_nothing_and_what_was_tampered_with_is_no_session() {
    let sealed = || SessionConfig::strict().with_sealing(SealingKeys::new(OLD_SECRET).unwrap());
    let app = App::with(sealed());
    let mut browser = app.browser();
    browser.visit(|session| session.insert("key", VALUE)).await;
    let document = app.stored(&browser).await.unwrap();
    assert!(
        document.starts_with(r#"{"cookie":{"#) && document.contains(r#""sealed":"hs1."#),
        "{document}"
    );
    assert!(!document.contains(VALUE) && !document.contains("\"key\""));
    assert_eq!(browser.visit(|session| session.get::<String>("key")).await.as_deref(), Some(VALUE));

    // Another session's sealed document under this id; a plain one; one of another key.
    let mut other = app.browser();
    other.visit(|session| session.insert("key", "other")).await;
    let foreign = app.stored(&other).await.unwrap();
    let plain = r#"{"cookie":{"originalMaxAge":null},"key":"forged"}"#.to_owned();
    let changed = document.replace("hs1.", "hs1.0");
    for forged in [foreign, plain, changed] {
        let id = browser.id().unwrap();
        let stored = SessionStore::load(app.store.inner(), &id).await.unwrap().unwrap();
        let record = handstamp::store::Record {
            document: forged.as_bytes().into(),
            lifetime: DAY,
            owner: None,
        };
        SessionStore::update(app.store.inner(), &id, stored.version, &record).await.unwrap();
        assert!(browser.request().await.unwrap().is_new(), "{forged}");
    }
}

#[tokio::test]
async fn sealing_is_turned_on_and_its_key_changed_without_losing_a_session() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let first = SealingKeys::new(OLD_SECRET).unwrap();
    let turning_on = app.again(
        SessionConfig::strict().with_sealing(first.clone().insecure_accept_plain()),
        Keys::new(SECRET).unwrap(),
    );
    browser.at(&turning_on).insert("key", 2).await;
    assert!(app.stored(&browser).await.unwrap().contains("\"sealed\""));
    let second =
        SealingKeys::new("Jd72hsK1pQz0vRm4WtXe9LyBn5Gc8UfA").unwrap().with_old(OLD_SECRET).unwrap();
    let new_key =
        app.again(SessionConfig::strict().with_sealing(second), Keys::new(SECRET).unwrap());
    assert_eq!(browser.at(&new_key).get("key").await, Some(2));
    browser.at(&new_key).visit(Session::rotate).await;
}
