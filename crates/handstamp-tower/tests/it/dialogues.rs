//! The HTTP suite, played in this process: no socket, a clock that is set.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http;
use handstamp::{MemoryStore, Timestamp};
use handstamp_testing::ManualClock;
use handstamp_testing::dialogue::{App, Backstage, Client, Request, Response};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::app::app;
use crate::stores::{Keep, OnDisk};

mod memory {
    use super::{MemoryStore, Tower};

    handstamp_testing::http_suite!(Tower<MemoryStore>);
}

mod sqlite {
    use super::{OnDisk, Tower};

    handstamp_testing::http_suite!(Tower<OnDisk>);
}

/// The axum application over a store.
struct Tower<K: Keep> {
    backstage: Backstage<K::Store>,
    app: Router,
    _keep: K,
}

impl<K: Keep> Client for Tower<K> {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let (keep, store) = K::new(clock.clone());
        Self { backstage: Backstage::new(store, clock), app: Router::new(), _keep: keep }
    }

    async fn start(&mut self, settings: &App) {
        self.app = app(self.backstage.manager(settings));
    }

    async fn seed(&mut self, id: &str, document: &str) {
        self.backstage.seed(id, document).await;
    }

    async fn send(&mut self, request: Request) -> Response {
        let Request { method, target, headers, body } = request;
        let request = http::Request::builder().method(&*method).uri(target);
        let request =
            headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = request.body(Body::from(body)).unwrap();
        let Ok(response) = self.app.clone().oneshot(request).await;
        let (head, body) = response.into_parts();
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
        Response {
            status: head.status.as_u16(),
            headers: head
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
            body: String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into(),
        }
    }

    fn now(&self) -> Timestamp {
        self.backstage.now()
    }

    async fn pass(&mut self, time: Duration) {
        self.backstage.pass(time);
    }

    fn store_calls(&mut self) -> Option<BTreeMap<String, usize>> {
        Some(self.backstage.store_calls())
    }
}
