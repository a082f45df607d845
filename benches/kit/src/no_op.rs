//! A layer that does nothing: shows what axum itself takes for any layer.

use std::task::{Context, Poll};

use tower_service::Service;

/// Hands everything through.
#[derive(Clone, Debug)]
pub(crate) struct NoOp<S>(pub(crate) S);

impl<S: Service<R>, R> Service<R> for NoOp<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.0.call(request)
    }
}
