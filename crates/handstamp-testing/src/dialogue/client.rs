//! What an adapter brings to the dialogues: a way to its application.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use handstamp::Timestamp;

use super::App;

/// The way to one adapter's test application, for one dialogue.
pub trait Client: Sized {
    /// An empty store and a clock that stands still. The application is not started yet.
    fn new() -> impl Future<Output = Self>;

    /// Starts the application with these settings. If it runs already, it is started anew: the store
    /// and the clock stay.
    fn start(&mut self, app: &App) -> impl Future<Output = ()>;

    /// Puts a document into the store under this id, for a day.
    fn seed(&mut self, id: &str, document: &str) -> impl Future<Output = ()>;

    /// Sends a request and waits for the whole response.
    fn send(&mut self, request: Request) -> impl Future<Output = Response>;

    /// What the clock of the application and its store shows.
    fn now(&self) -> Timestamp;

    /// Lets so much time pass.
    fn pass(&mut self, time: Duration) -> impl Future<Output = ()>;

    /// The calls that the store has had since this was last asked, by operation. `None`: they can't be
    /// counted here, so dialogues don't compare them.
    fn store_calls(&mut self) -> Option<BTreeMap<String, usize>>;
}

/// A request, in plain words.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names are in lower case. `host` is among them.
    pub headers: Vec<(String, String)>,
    /// The body; often empty.
    pub body: String,
}

/// A response, in plain words.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names are in lower case; a name may come several times.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: String,
}
