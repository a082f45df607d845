//! A session that every process is asked for as soon as a server is back, to tell when it is served again.
//!
//! Visitors can't tell: on a Cluster most of them have sessions on masters to which nothing has happened.

use std::future::pending;
use std::time::{Duration, Instant};

use handstamp::{SessionError, SessionManager};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::browser::{load, save};

use super::keys;
use super::knowledge::COUNTER;

/// How often a process is asked. Each time anew: a request that came too early may hang as long as it may.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Clone, Debug)]
pub(super) struct Probe {
    cookie: String,
}

/// How a process was served again.
#[derive(Debug)]
pub(super) struct Service {
    pub at: Instant,
    /// The session is gone, which the answer says.
    pub is_lost: bool,
}

impl Probe {
    /// Begins the session.
    pub(super) async fn begin(manager: &SessionManager) -> Self {
        let session = load(manager, None).await.unwrap();
        session.insert(COUNTER, 0).unwrap();
        let mut cookie = String::new();
        save(manager, &session, &mut cookie).await;
        Self { cookie }
    }

    /// The id of the session.
    pub(super) fn id(&self) -> String {
        id_of(&self.cookie)
    }

    /// Asks a process again and again, until it has looked the session up and saved it.
    pub(super) async fn until_served(self, manager: SessionManager) -> Service {
        let mut asked = JoinSet::new();
        loop {
            asked.spawn(self.clone().ask(manager.clone()));
            let answered = async {
                while let Some(answer) = asked.join_next().await {
                    if let Ok(service) = answer.unwrap() {
                        return service;
                    }
                }
                pending().await
            };
            if let Ok(service) = timeout(PAUSE, answered).await {
                return service;
            }
        }
    }

    /// One request. If the session is gone, it begins another one.
    async fn ask(self, manager: SessionManager) -> Result<Service, SessionError> {
        let session = load(&manager, Some(&self.cookie)).await?;
        let is_lost = session.is_new();
        session.update(COUNTER, |count: Option<u64>| count.unwrap_or(0) + 1)?;
        manager.commit(&session).await?;
        Ok(Service { at: Instant::now(), is_lost })
    }
}

/// The id of the session that a cookie of these managers leads to.
pub(crate) fn id_of(cookie: &str) -> String {
    let (_, value) = cookie.split_once('=').expect("it is name=value");
    keys().read_credential(value).expect("it is signed by us").0
}
