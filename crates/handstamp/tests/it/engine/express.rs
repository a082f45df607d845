use handstamp::{Keys, SavePolicy};
use handstamp_testing::Operation;

use super::*;

/// An application that shares its sessions with an Express application.
fn express() -> App {
    express_with(SessionConfig::express())
}

fn express_with(config: SessionConfig) -> App {
    let app = App::new();
    let sessions = app.again(config, Keys::express(["keyboard cat"]));
    App { sessions, ..app }
}

/// What express-session has stored, and the browser that it belongs to.
async fn from_express(app: &App, document: &str) -> Browser {
    let record = handstamp::store::Record {
        document: document.as_bytes().into(),
        lifetime: DAY,
        owner: None,
    };
    SessionStore::create(app.store.inner(), &SessionId::parse("apple").unwrap(), &record)
        .await
        .unwrap();
    let cookie = "connect.sid=s%3Aapple.D8Y%2BpkTAmeR0PobOhY4G97PRW%2Bj7bUnP%2F5m6%2FOn1MCU";
    Browser { cookie: Some(cookie.into()), ..app.browser() }
}

#[tokio::test]
async fn a_session_of_an_express_application_is_read_and_updated() {
    let app = express();
    let document = r#"{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"passport":{"user":"7"},"n":1.0,"big":123456789012345678901}"#;
    let mut browser = from_express(&app, document).await;
    assert_eq!(browser.visit(|session| session.get::<f64>("n")).await, Some(1.0));
    browser.insert("rust", 1).await;
    let stored = app.load(&SessionId::parse("apple").unwrap()).await.unwrap().unwrap();
    let kept = document.strip_suffix('}').unwrap();
    assert!(stored.starts_with(&format!(r#"{kept},"rust":1,"__handstamp":{{"#)), "{stored}");
}

#[tokio::test]
async fn a_persistent_session_of_an_express_application_keeps_its_own_life() {
    let app = express();
    let document = r#"{"cookie":{"originalMaxAge":60000,"expires":"2026-11-01T12:01:00.000Z","httpOnly":true,"path":"/"},"n":1}"#;
    let mut browser = from_express(&app, document).await;
    let session = browser.request().await.unwrap();
    session.insert("n", 2).unwrap();
    let answer = browser.respond(session).await.unwrap();
    let cookie = &answer.credential().unwrap().value;
    assert!(
        cookie.ends_with("; Path=/; Expires=Sun, 01 Nov 2026 12:01:00 GMT; HttpOnly"),
        "{cookie}"
    );
    app.clock.advance(MINUTE);
    assert!(browser.request().await.unwrap().is_new());
}

#[tokio::test]
async fn the_express_profile_saves_and_sends_when_express_session_does() {
    let policy = |resave, rolling, save_uninitialized| SavePolicy::Express {
        resave,
        rolling,
        save_uninitialized,
    };
    let app = express_with(SessionConfig::express().with_save_policy(policy(true, true, true)));
    let mut browser = app.browser();
    for operation in [Operation::Create, Operation::Update] {
        let session = browser.request().await.unwrap();
        let answer = browser.respond(session).await.unwrap();
        let cookie = &answer.credential().unwrap().value;
        assert!(
            cookie.starts_with("connect.sid=s%3A") && cookie.ends_with("; Path=/; HttpOnly"),
            "{cookie}"
        );
        assert_eq!(app.store.calls(operation), 1);
        assert_eq!(answer.vary(), None, "express-session says nothing to caches");
    }
    let app = express();
    let mut browser = app.browser();
    browser.get("key").await;
    assert_eq!((app.store.total_calls(), browser.cookie.clone()), (0, None));
    browser.insert("key", 1).await;
    let before = browser.cookie.clone();
    browser.visit(Session::regenerate).await;
    assert!(
        browser.cookie.is_some() && browser.cookie != before,
        "a new id counts as a modification"
    );
}

#[tokio::test]
async fn a_session_without_a_deadline_gets_one_where_one_is_configured() {
    let app = express_with(
        SessionConfig::express().with_expiry(handstamp::Expiry::idle(HOUR).with_absolute(2 * HOUR)),
    );
    let document =
        r#"{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"n":1}"#;
    let mut browser = from_express(&app, document).await;
    for _ in 0..3 {
        assert_eq!(browser.get("n").await, Some(1));
        app.clock.advance(40 * MINUTE);
    }
    assert_eq!(browser.get("n").await, None);
}
