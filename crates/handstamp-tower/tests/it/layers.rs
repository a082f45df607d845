//! Layers in layers, with markers and without; no layer at all.

use axum::Router;
use axum::http::{Extensions, StatusCode};
use axum::routing::get;
use handstamp::{CookieConfig, MemoryStore, SessionConfig};
use handstamp_testing::Operation;
use handstamp_tower::{Session, SessionError, SessionHandle, SessionLayer};

use crate::lab::{Lab, ask};
use crate::logs::Logs;

struct Admin;

fn named(name: &str) -> Lab {
    Lab::<MemoryStore>::with(
        SessionConfig::strict().with_cookie(CookieConfig::strict().with_name(name)),
    )
}

fn counting() -> Router {
    let count = get(async |session: Session| {
        let count: u64 = session.update("count", |count: Option<u64>| count.unwrap_or(0) + 1)?;
        Ok::<_, SessionError>(count.to_string())
    });
    Router::new().route("/", count)
}

#[tokio::test]
async fn a_layer_inside_the_same_layer_does_nothing() {
    let lab = Lab::new();
    let layer = SessionLayer::new(lab.manager.clone());
    let logs = Logs::capture();
    let app = counting().layer(layer.clone()).layer(layer);

    let first = ask(&app, "/", "").await;
    assert_eq!((first.status, &*first.body), (StatusCode::OK, "1"));
    assert_eq!(first.headers.get_all("vary").iter().count(), 1);
    assert_eq!((lab.store.total_calls(), lab.store.calls(Operation::Create)), (1, 1));

    let cookie = first.cookie().unwrap();
    assert_eq!(ask(&app, "/", &cookie).await.body, "2");
    assert_eq!((lab.store.calls(Operation::Load), lab.store.calls(Operation::Update)), (1, 1));
    assert_eq!(logs.text(), "");
}

#[tokio::test]
async fn the_outer_of_two_layers_counts_and_a_warning_says_so() {
    let (outer, inner) = (named("__Host-outer"), named("__Host-inner"));
    let logs = Logs::capture();
    let app = outer.around(inner.around(counting()));
    let answer = ask(&app, "/", "").await;
    assert!(answer.cookie().unwrap().starts_with("__Host-outer="));
    assert_eq!((outer.store.total_calls(), inner.store.total_calls()), (1, 0));
    assert!(logs.text().contains("a session layer inside another"), "{}", logs.text());
}

#[tokio::test]
async fn two_layers_of_one_manager_are_no_reason_to_warn() {
    use handstamp::{Keys, SessionManager};

    let keys = Keys::express([crate::lab::SECRET]);
    let manager = SessionManager::new(MemoryStore::new(), keys);
    let logs = Logs::capture();
    let app =
        counting().layer(SessionLayer::new(manager.clone())).layer(SessionLayer::new(manager));
    assert_eq!(ask(&app, "/", "").await.body, "1");
    assert!(!logs.text().contains("WARN"), "{}", logs.text());
}

#[tokio::test]
async fn layers_of_different_markers_are_two_sessions() {
    let (visitors, admins) = (named("__Host-visitor"), named("__Host-admin"));
    let both = get(async |visitor: Session, admin: Session<Admin>| {
        visitor.insert("who", "visitor")?;
        admin.insert("who", "admin")?;
        Ok::<_, SessionError>(())
    });
    let who = get(async |visitor: Session, admin: Session<Admin>| {
        let who = |session: &handstamp::Session| session.get::<String>("who");
        Ok::<_, SessionError>(format!("{:?} {:?}", who(&visitor)?, who(&admin)?))
    });
    let leave = get(async |admin: Session<Admin>| Ok::<_, SessionError>(admin.destroy()?));
    let app = Router::new()
        .route("/both", both)
        .route("/leave", leave)
        .route("/who", who)
        .layer(SessionLayer::new(admins.manager.clone()).marked::<Admin>())
        .layer(SessionLayer::new(visitors.manager.clone()));

    let logs = Logs::capture();
    let answer = ask(&app, "/both", "").await;
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    let cookies: Vec<_> =
        cookies.iter().map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap()).collect();
    assert!(cookies[0].starts_with("__Host-admin="), "{cookies:?}");
    assert!(cookies[1].starts_with("__Host-visitor="), "{cookies:?}");
    assert_eq!(cookies.len(), 2);
    assert_eq!(logs.text(), "");

    let cookies = cookies.join("; ");
    let answer = ask(&app, "/who", &cookies).await;
    assert_eq!(answer.body, r#"Some("visitor") Some("admin")"#);
    assert_eq!((visitors.store.total_calls(), admins.store.total_calls()), (2, 2));

    let answer = ask(&app, "/leave", &cookies).await;
    assert_eq!(answer.cookie().as_deref(), Some("__Host-admin="));
    assert_eq!(ask(&app, "/who", &cookies).await.body, r#"Some("visitor") None"#);
}

#[tokio::test]
async fn one_marked_session_alone_costs_the_other_nothing() {
    let (visitors, admins) = (named("__Host-visitor"), named("__Host-admin"));
    let cookies = format!("{}; {}", visitors.anna().await, admins.anna().await);
    let app = Router::new()
        .route("/", get(async |_: Session<Admin>| ()))
        .layer(SessionLayer::new(admins.manager.clone()).marked::<Admin>())
        .layer(SessionLayer::new(visitors.manager.clone()));
    assert_eq!(ask(&app, "/", &cookies).await.status, StatusCode::OK);
    assert_eq!((visitors.store.total_calls(), admins.store.total_calls()), (0, 1));
}

#[tokio::test]
async fn two_managers_side_by_side_keep_to_their_own_cookies() {
    let (shop, forum) = (named("__Host-shop"), named("__Host-forum"));
    let app = Router::new()
        .nest("/shop", shop.around(counting()))
        .nest("/forum", forum.around(counting()));
    let shop_cookie = ask(&app, "/shop", "").await.cookie().unwrap();
    let forum_cookie = ask(&app, "/forum", "").await.cookie().unwrap();

    // A browser sends both everywhere.
    let both = format!("{shop_cookie}; {forum_cookie}");
    assert_eq!(ask(&app, "/shop", &both).await.body, "2");
    assert_eq!(ask(&app, "/shop", &both).await.body, "3");
    assert_eq!(ask(&app, "/forum", &both).await.body, "2");

    // The same key signs for both, yet one's credential under the other's name is unknown there.
    let swapped = forum_cookie.replace("__Host-forum", "__Host-shop");
    assert_eq!(ask(&app, "/shop", &swapped).await.body, "1");
}

#[tokio::test]
async fn without_a_layer_the_visitor_learns_nothing_and_the_log_says_what_to_do() {
    let logs = Logs::capture();
    ask(&counting(), "/", "").await.assert_opaque(StatusCode::INTERNAL_SERVER_ERROR);
    assert!(logs.text().contains("no SessionLayer is around this route; add one to the router"));

    let optional = Router::new().route("/", get(async |_: Option<Session>| ()));
    ask(&optional, "/", "").await.assert_opaque(StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn the_error_of_a_missing_layer_names_the_marker() {
    let error = SessionHandle::<Admin>::of(&Extensions::new()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("Admin") && text.contains("marked()"), "{text}");
    assert!(error.engine_error().is_none());
}
