//! The service: puts the way to the session into the request, and saves before the head leaves.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use handstamp::{Answer, SessionManager};
use http::header::{CACHE_CONTROL, VARY};
use http::{HeaderName, HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{SessionError, SessionHandle};

/// The service that [`SessionLayer`](crate::SessionLayer) makes. See the [crate's front page](crate).
pub struct SessionService<S, M = ()> {
    inner: S,
    manager: SessionManager,
    marker: PhantomData<fn() -> M>,
}

impl<S, M> SessionService<S, M> {
    pub(crate) fn new(inner: S, manager: SessionManager) -> Self {
        Self { inner, manager, marker: PhantomData }
    }
}

impl<S, M, RequestBody, ResponseBody> Service<Request<RequestBody>> for SessionService<S, M>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    ResponseBody: Default,
    M: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResponseBody, M>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let handle = match request.extensions().get::<SessionHandle<M>>() {
            Some(outer) => {
                if !outer.manager().is_same(&self.manager) {
                    tracing::warn!(
                        "a session layer inside another with the same marker does nothing; mark one of them"
                    );
                }
                None
            }
            None => {
                let handle = SessionHandle::<M>::new(self.manager.clone());
                request.extensions_mut().insert(handle.clone());
                Some(handle)
            }
        };
        ResponseFuture { inner: self.inner.call(request), handle, saving: None }
    }
}

pin_project! {
    /// The future of a [`SessionService`]'s response.
    pub struct ResponseFuture<F, B, M = ()> {
        #[pin]
        inner: F,
        // `None`: an outer layer takes care of the session.
        handle: Option<SessionHandle<M>>,
        // The response that waits while its session is saved.
        saving: Option<(Commit, Option<Response<B>>)>,
    }
}

type Commit = Pin<Box<dyn Future<Output = Result<Answer, handstamp::SessionError>> + Send>>;

impl<F, B, E, M> Future for ResponseFuture<F, B, M>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Default,
    M: 'static,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (commit, response) = match this.saving {
            Some(saving) => saving,
            None => {
                let mut response = ready!(this.inner.poll(context))?;
                // `None`: nobody has asked for the session, or an outer layer takes care of it.
                let Some((manager, session)) = this.handle.as_ref().and_then(SessionHandle::loaded)
                else {
                    return Poll::Ready(Ok(response));
                };
                if let Some(answer) = manager.commit_unchanged(session) {
                    carry(&answer, &mut response);
                    return Poll::Ready(Ok(response));
                }
                this.saving.insert((commit(manager.clone(), session.clone()), Some(response)))
            }
        };
        let answer = ready!(commit.as_mut().poll(context));
        let mut response = response.take().unwrap_or_default();
        match answer {
            Ok(answer) => carry(&answer, &mut response),
            Err(error) => response = SessionError::from(error).response(),
        }
        Poll::Ready(Ok(response))
    }
}

fn commit(manager: SessionManager, session: handstamp::Session) -> Commit {
    Box::pin(async move { manager.commit(&session).await })
}

/// Puts the engine's answer into the response's head.
fn carry<B>(answer: &Answer, response: &mut Response<B>) {
    let headers = response.headers_mut();
    if let Some(credential) = answer.credential() {
        // The engine has checked both when it was configured.
        let name = HeaderName::try_from(&*credential.name);
        if let (Ok(name), Ok(mut value)) = (name, HeaderValue::from_str(&credential.value)) {
            value.set_sensitive(true);
            headers.append(name, value);
        }
    }
    if let Some(Ok(vary)) = answer.vary().map(HeaderValue::from_str) {
        headers.append(VARY, vary);
    }
    let current = headers.get(CACHE_CONTROL).map(HeaderValue::as_bytes);
    if let Some(cache_control) = answer.cache_control(current) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
    }
}

impl<S: Clone, M> Clone for SessionService<S, M> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.manager.clone())
    }
}

impl<S, M> fmt::Debug for SessionService<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService").field("manager", &self.manager).finish_non_exhaustive()
    }
}

impl<F, B, M> fmt::Debug for ResponseFuture<F, B, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("handle", &self.handle).finish_non_exhaustive()
    }
}
