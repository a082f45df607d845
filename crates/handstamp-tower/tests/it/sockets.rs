//! Many requests at once, over real connections: axum's server and a client of a few lines.

use std::collections::HashSet;
use std::future::pending;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use handstamp::SessionConfig;
use handstamp_testing::{Fault, Gate, Operation};
use handstamp_tower::{Session, SessionError};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use crate::lab::Lab;
use crate::stores::{Keep, on_every_store};

on_every_store! {
    a_hundred_increments_at_once_are_a_hundred
    a_hundred_increments_of_slow_handlers_are_a_hundred
    a_hundred_keys_written_at_once_are_all_there
    a_hundred_flashes_at_once_are_all_shown_once
    increments_among_rotations_are_all_there
    not_a_byte_leaves_before_the_save
    a_client_that_hangs_up_changes_nothing
}

/// The server. It goes with the runtime of the test.
async fn serve<K: Keep>(lab: &Lab<K>) -> SocketAddr {
    let increment = async |session: Session| {
        let count = session.update("count", |count: Option<u64>| count.unwrap_or(0) + 1)?;
        Ok::<_, SessionError>(count.to_string())
    };
    let slowly = async move |session: Session| {
        let count = session.update("count", |count: Option<u64>| count.unwrap_or(0) + 1)?;
        // This is the handler's work, not a wait for anything.
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok::<_, SessionError>(count.to_string())
    };
    let rotate = async move |session: Session| {
        session.rotate()?;
        increment(session).await
    };
    let set = async |Path(key): Path<String>, session: Session| {
        Ok::<_, SessionError>(session.insert(&*key, true)?)
    };
    let flash = async |Path(key): Path<String>, session: Session| {
        Ok::<_, SessionError>(session.flash("info", key)?)
    };
    serve_routes(
        lab,
        Router::new()
            .route("/flash/{key}", get(flash))
            .route("/increment", get(increment))
            .route("/rotate", get(rotate))
            .route("/set/{key}", get(set))
            .route("/slowly", get(slowly)),
    )
    .await
}

async fn serve_routes<K: Keep>(lab: &Lab<K>, routes: Router) -> SocketAddr {
    let app = lab.around(routes);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });
    address
}

/// One request over a connection of its own. Returns the head of the response.
fn exchange(address: SocketAddr, path: &str, cookie: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    send(&mut connection, path, cookie);
    let mut response = String::new();
    connection.read_to_string(&mut response).unwrap();
    let (head, _) = response.split_once("\r\n\r\n").unwrap();
    head.to_owned()
}

fn send(connection: &mut TcpStream, path: &str, cookie: &str) {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).unwrap();
}

/// Asks for all paths at the same moment, each on a thread of its own. All must be answered with 200.
async fn all_at_once(address: SocketAddr, paths: Vec<String>, cookie: &str) -> Vec<String> {
    let start = Arc::new(Barrier::new(paths.len()));
    let requests: Vec<_> = paths
        .into_iter()
        .map(|path| {
            let (start, cookie) = (start.clone(), cookie.to_owned());
            spawn_blocking(move || {
                start.wait();
                exchange(address, &path, &cookie)
            })
        })
        .collect();
    let mut heads = Vec::new();
    for request in requests {
        let head = request.await.unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        heads.push(head);
    }
    heads
}

fn a_hundred(path: impl Fn(usize) -> String) -> Vec<String> {
    (0..100).map(path).collect()
}

/// The `Cookie` headers that the answers of these heads ask for.
fn cookies(heads: &[String]) -> HashSet<String> {
    let cookie = |head: &String| {
        let line = head.lines().find_map(|line| line.strip_prefix("set-cookie: "))?;
        Some(line.split(';').next()?.to_owned())
    };
    heads.iter().filter_map(cookie).collect()
}

fn lab<K: Keep>() -> Lab<K> {
    Lab::with(SessionConfig::strict())
}

async fn a_hundred_increments_at_once_are_a_hundred<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let address = serve(&lab).await;
    all_at_once(address, a_hundred(|_| "/increment".into()), &cookie).await;
    assert_eq!(lab.session(&cookie).await.get("count").unwrap(), Some(100));
}

async fn a_hundred_increments_of_slow_handlers_are_a_hundred<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let address = serve(&lab).await;
    all_at_once(address, a_hundred(|_| "/slowly".into()), &cookie).await;
    assert_eq!(lab.session(&cookie).await.get("count").unwrap(), Some(100));
}

async fn a_hundred_keys_written_at_once_are_all_there<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let address = serve(&lab).await;
    all_at_once(address, a_hundred(|n| format!("/set/key{n}")), &cookie).await;
    // And the name.
    assert_eq!(lab.session(&cookie).await.keys().len(), 101);
}

async fn a_hundred_flashes_at_once_are_all_shown_once<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let address = serve(&lab).await;
    all_at_once(address, a_hundred(|n| format!("/flash/{n}")), &cookie).await;
    let session = lab.session(&cookie).await;
    let shown: Vec<String> = session.flashes("info").unwrap();
    assert_eq!(shown.iter().collect::<HashSet<_>>().len(), 100);
    assert_eq!(shown.len(), 100);
    session.save().await.unwrap();
    assert!(lab.session(&cookie).await.flashes::<String>("info").unwrap().is_empty());
}

async fn increments_among_rotations_are_all_there<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let address = serve(&lab).await;
    // The clock stands still: the grace does not end.
    let path = |n| if n % 5 == 0 { "/rotate" } else { "/increment" }.to_owned();
    let heads = all_at_once(address, a_hundred(path), &cookie).await;
    let cookies = cookies(&heads);
    assert!(!cookies.is_empty());
    for cookie in cookies.iter().chain([&cookie]) {
        assert_eq!(lab.session(cookie).await.get("count").unwrap(), Some(100));
    }
}

async fn not_a_byte_leaves_before_the_save<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let address = serve(&lab).await;
    let gate = Gate::new();
    lab.store.inject(Operation::Update, Fault::WaitBefore(gate.clone()));
    let mut connection = TcpStream::connect(address).unwrap();
    send(&mut connection, "/increment", &cookie);
    gate.arrived().await;

    connection.set_nonblocking(true).unwrap();
    let nothing = connection.read(&mut [0; 1]).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);

    gate.open();
    connection.set_nonblocking(false).unwrap();
    let response = spawn_blocking(move || {
        let mut response = String::new();
        connection.read_to_string(&mut response).map(|_| response)
    });
    assert!(response.await.unwrap().unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(lab.session(&cookie).await.get("count").unwrap(), Some(1));
}

async fn a_client_that_hangs_up_changes_nothing<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let signed_in = Arc::new(Notify::new());
    let here = signed_in.clone();
    let handler = get(async move |session: Session| {
        session.login("anna")?;
        here.notify_one();
        pending::<Result<(), SessionError>>().await
    });
    let address = serve_routes(&lab, Router::new().route("/", handler)).await;
    let mut connection = TcpStream::connect(address).unwrap();
    send(&mut connection, "/", &cookie);
    signed_in.notified().await;
    drop(connection);
    lab.hears("ChangesLost").await;
    assert_eq!(lab.store.total_calls(), 1);
    let session = lab.session(&cookie).await;
    assert_eq!(session.owner(), None);
    assert_eq!(session.get("name").unwrap(), Some("anna".to_owned()));
}
