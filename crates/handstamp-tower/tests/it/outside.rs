//! Sessions without a request around them: WebSockets, jobs.

use axum::http::{HeaderMap, HeaderValue};
use handstamp::{MemoryStore, SessionManager};
use handstamp_testing::Operation;
use tokio::sync::mpsc;

use crate::lab::Lab;
use crate::stores::{Keep, on_every_store};

on_every_store! {
    a_socket_keeps_its_session_and_saves_it
    a_socket_and_requests_lose_nothing_of_each_other
    a_socket_learns_of_the_logout
}

/// What a handler of a WebSocket has left of the handshake.
fn handshake(cookie: &str) -> HeaderMap {
    HeaderMap::from_iter([("cookie".parse().unwrap(), HeaderValue::from_str(cookie).unwrap())])
}

async fn load(manager: &SessionManager, headers: &HeaderMap) -> handstamp::Session {
    manager.load(|name| headers.get_all(name).iter().map(HeaderValue::as_bytes)).await.unwrap()
}

/// A socket: it appends every message that comes to the session and saves it.
fn socket(
    session: handstamp::Session,
    mut messages: mpsc::Receiver<&'static str>,
) -> tokio::task::JoinHandle<usize> {
    tokio::spawn(async move {
        let mut saved = 0;
        while let Some(message) = messages.recv().await {
            let append = move |log: Option<String>| log.unwrap_or_default() + message;
            session.update("log", append).unwrap();
            session.save().await.unwrap();
            if session.is_ended() {
                break;
            }
            saved += 1;
        }
        saved
    })
}

async fn a_socket_keeps_its_session_and_saves_it<K: Keep>() {
    let lab = Lab::<K>::with(handstamp::SessionConfig::strict());
    let cookie = lab.anna().await;
    let session = load(&lab.manager, &handshake(&cookie)).await;
    let (messages, inbox) = mpsc::channel(1);
    let socket = socket(session, inbox);
    for message in ["a", "b", "c"] {
        messages.send(message).await.unwrap();
    }
    drop(messages);
    assert_eq!(socket.await.unwrap(), 3);
    assert_eq!((lab.store.calls(Operation::Load), lab.store.calls(Operation::Update)), (1, 3));
    let log: Option<String> = lab.session(&cookie).await.get("log").unwrap();
    assert_eq!(log.as_deref(), Some("abc"));
    assert_eq!(lab.told("ChangesLost"), 0);
}

async fn a_socket_and_requests_lose_nothing_of_each_other<K: Keep>() {
    let lab = Lab::<K>::with(handstamp::SessionConfig::strict());
    let cookie = lab.anna().await;
    let session = load(&lab.manager, &handshake(&cookie)).await;
    let (messages, inbox) = mpsc::channel(1);
    let socket = socket(session, inbox);
    for (message, name) in [("a", "berta"), ("b", "carla"), ("c", "dora")] {
        let request = lab.session(&cookie).await;
        messages.send(message).await.unwrap();
        request.insert("name", name).unwrap();
        request.save().await.unwrap();
    }
    drop(messages);
    assert_eq!(socket.await.unwrap(), 3);
    let session = lab.session(&cookie).await;
    assert_eq!(session.get("log").unwrap(), Some("abc".to_owned()));
    assert_eq!(session.get("name").unwrap(), Some("dora".to_owned()));
}

// S41: whoever logged out must not go on over an open socket.
async fn a_socket_learns_of_the_logout<K: Keep>() {
    let lab = Lab::<K>::with(handstamp::SessionConfig::strict());
    let cookie = lab.anna().await;
    let session = load(&lab.manager, &handshake(&cookie)).await;
    let (messages, inbox) = mpsc::channel(1);
    let socket = socket(session, inbox);
    messages.send("a").await.unwrap();

    let request = lab.session(&cookie).await;
    request.logout().unwrap();
    request.save().await.unwrap();

    // The socket may still have been at the first message; the second finds the session gone.
    let _ = messages.send("b").await;
    assert!(socket.await.unwrap() < 2);
    assert!(lab.session(&cookie).await.is_new());
    assert_eq!(lab.told("EndedMeanwhile"), 1);
}

#[tokio::test]
async fn a_job_begins_a_session_and_hands_out_its_credential() {
    let lab = Lab::new();
    let manager = lab.manager.clone();
    let job = tokio::spawn(async move {
        let session = load(&manager, &HeaderMap::new()).await;
        session.login("anna").unwrap();
        manager.commit(&session).await.unwrap()
    });
    let answer = job.await.unwrap();
    let credential = answer.credential().unwrap();
    assert_eq!(credential.name, "set-cookie");
    assert!(!format!("{answer:?} {credential:?}").contains("s%3A"));
    let cookie = credential.value.split(';').next().unwrap();
    assert_eq!(lab.session(cookie).await.owner().as_deref(), Some("anna"));
}

#[tokio::test]
async fn a_saved_session_may_be_saved_again_for_nothing() {
    let lab = Lab::<MemoryStore>::new();
    let cookie = lab.anna().await;
    let session = load(&lab.manager, &handshake(&cookie)).await;
    session.save().await.unwrap();
    session.insert("name", "berta").unwrap();
    session.save().await.unwrap();
    session.save().await.unwrap();
    assert_eq!((lab.store.calls(Operation::Load), lab.store.total_calls()), (1, 2));
}
