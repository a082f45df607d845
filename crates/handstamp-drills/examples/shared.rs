//! A site in Rust over sessions that Express applications may use at the same time.
//!
//! `shared URL NAME SECRET` uses the store that the URL leads to, under this prefix or in this table. It says its
//! port on one line and ends when its stdin does. Node's tests visit it; what each path does is written where the
//! same sites in Express are (`node/test/interop/sites.js`).

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, io, mem, thread};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use handstamp::store::AnyStore;
use handstamp::{Fingerprint, Keys, SessionConfig, SessionManager};
use handstamp_mysql::MySqlOptions;
use handstamp_postgres::PostgresOptions;
use handstamp_redis::RedisOptions;
use handstamp_testing::Gate;
use handstamp_tower::{Session, SessionError, SessionLayer};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut argument = |name: &str| arguments.next().ok_or_else(|| format!("{name} is missing"));
    let (url, name, secret) = (argument("URL")?, argument("NAME")?, argument("SECRET")?);
    let sessions = SessionManager::new(open(&url, &name).await?, Keys::express([secret]))
        .with_config(SessionConfig::express())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let server = axum::serve(listener, site(sessions));
    tokio::select! {
        ended = async { server.await } => ended?,
        _ = end_of_input() => {}
    }
    Ok(())
}

async fn open(url: &str, name: &str) -> Result<AnyStore, Box<dyn Error>> {
    let (scheme, _) = url.split_once(':').unwrap_or_default();
    Ok(match scheme {
        "postgres" => PostgresOptions::new()
            .table_name(name)
            .create_table_if_missing(true)
            .connect(url)
            .await?
            .into(),
        "mysql" => MySqlOptions::new()
            .table_name(name)
            .create_table_if_missing(true)
            .connect(url)
            .await?
            .into(),
        _ => RedisOptions::new().prefix(format!("{name}:")).connect(url).await?.into(),
    })
}

fn site(sessions: SessionManager) -> Router {
    let gates = Gates::default();
    Router::new()
        .route("/", get(read))
        .route("/{key}", post(write))
        .route("/count", post(count))
        .route("/login/{user}", post(login))
        .route("/logout", post(logout))
        .route("/slow/{change}", post(slow))
        .route("/gate/{count}", get(gather))
        .route("/gate", post(release))
        .with_state(gates)
        .route("/users/{user}", get(sessions_of))
        .route("/users/{user}/{session}", post(revoke))
        .with_state(sessions.clone())
        .layer(SessionLayer::new(sessions))
}

/// What the application has put into the session.
async fn read(session: Option<Session>) -> Result<String, SessionError> {
    let mut data = BTreeMap::new();
    for key in session.iter().flat_map(|session| session.keys()) {
        let value: Option<Value> =
            session.as_ref().map_or(Ok(None), |session| session.get(&key))?;
        data.insert(key, value);
    }
    Ok(serde_json::json!(data).to_string())
}

async fn write(session: Session, Path(key): Path<String>) -> Result<(), SessionError> {
    Ok(session.insert(&key, true)?)
}

async fn count(session: Session) -> Result<String, SessionError> {
    let count = session.update("count", |count: Option<u64>| count.unwrap_or(0) + 1)?;
    Ok(count.to_string())
}

async fn login(session: Session, Path(user): Path<String>) -> Result<(), SessionError> {
    session.login(user.as_str())?;
    Ok(session.insert("user", user)?)
}

async fn logout(session: Session) -> Result<(), SessionError> {
    Ok(session.logout()?)
}

/// Changes the session as it was read before the gate.
async fn slow(
    session: Session,
    Path(change): Path<String>,
    State(gates): State<Gates>,
) -> Result<(), SessionError> {
    gates.closed().pass().await;
    match &*change {
        "nothing" => Ok(()),
        "count" => count(session).await.map(drop),
        _ => write(session, Path(change)).await,
    }
}

async fn gather(Path(count): Path<usize>, State(gates): State<Gates>) {
    gates.closed().arrivals(count).await;
}

async fn release(State(gates): State<Gates>) {
    gates.open();
}

async fn sessions_of(
    Path(user): Path<String>,
    State(sessions): State<SessionManager>,
) -> Result<String, SessionError> {
    let list = sessions.for_user(&user).await?;
    let ids: Vec<String> = list.iter().map(|session| session.id.to_string()).collect();
    Ok(serde_json::json!(ids).to_string())
}

async fn revoke(
    Path((user, session)): Path<(String, String)>,
    State(sessions): State<SessionManager>,
) -> Result<String, SessionError> {
    let Some(session) = Fingerprint::parse(&session) else { return Ok(false.to_string()) };
    Ok(sessions.revoke(&user, session).await?.to_string())
}

/// The gate where slow requests wait. It opens once: after that there is another.
#[derive(Clone, Default)]
struct Gates(Arc<Mutex<Gate>>);

impl Gates {
    fn closed(&self) -> Gate {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn open(&self) {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).open();
    }
}

/// Reading from a terminal or a pipe would keep the runtime from ending.
async fn end_of_input() {
    let (ended, end) = oneshot::channel();
    thread::spawn(move || {
        let lines = io::stdin().lines();
        ended.send(lines.count())
    });
    // An end that can't be told is one, too.
    drop(end.await);
}
