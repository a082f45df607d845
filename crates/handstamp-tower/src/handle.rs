//! What the layer puts into a request: the way to its session.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use handstamp::SessionManager;
use http::{Extensions, HeaderMap};

use crate::{Session, SessionError};

/// The way from a request to its session; the layer puts one into the request's extensions.
///
/// axum's handlers take a [`Session`] instead. A plain tower service uses this:
///
/// ```
/// # use handstamp_tower::{Session, SessionError, SessionHandle};
/// async fn count<B>(request: http::Request<B>) -> Result<u64, SessionError> {
///     let session: Session = SessionHandle::of(request.extensions())?.load(request.headers()).await?;
///     Ok(session.update("count", |count| count.unwrap_or(0) + 1)?)
/// }
/// ```
pub struct SessionHandle<M = ()> {
    inner: Arc<Inner>,
    marker: PhantomData<fn() -> M>,
}

struct Inner {
    manager: SessionManager,
    session: OnceLock<handstamp::Session>,
}

impl<M: 'static> SessionHandle<M> {
    /// The handle that the layer has put here.
    ///
    /// # Errors
    /// No [`SessionLayer`](crate::SessionLayer) of this marker is around the service.
    pub fn of(extensions: &Extensions) -> Result<&Self, SessionError> {
        extensions.get().ok_or_else(SessionError::missing_layer::<M>)
    }

    /// Finds the session: one round trip to the store the first time, none after that.
    ///
    /// # Errors
    /// The store failed, and the failure policy doesn't let the request go on.
    pub async fn load(&self, headers: &HeaderMap) -> Result<Session<M>, SessionError> {
        if let Some(session) = self.inner.session.get() {
            return Ok(Session::new(session.clone()));
        }
        let values = |name: &str| headers.get_all(name).iter().map(http::HeaderValue::as_bytes);
        let session = self.inner.manager.load(values).await?;
        // Should two ask at once, both get the session of the one who was faster.
        Ok(Session::new(self.inner.session.get_or_init(|| session).clone()))
    }

    pub(crate) fn new(manager: SessionManager) -> Self {
        Self { inner: Arc::new(Inner { manager, session: OnceLock::new() }), marker: PhantomData }
    }

    pub(crate) fn manager(&self) -> &SessionManager {
        &self.inner.manager
    }

    /// The session and its manager, if anyone has asked for it.
    pub(crate) fn loaded(&self) -> Option<(&SessionManager, &handstamp::Session)> {
        Some((&self.inner.manager, self.inner.session.get()?))
    }
}

impl<M> Clone for SessionHandle<M> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), marker: PhantomData }
    }
}

impl<M> fmt::Debug for SessionHandle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.inner.session.get() {
            Some(session) => write!(f, "SessionHandle({session:?})"),
            None => f.write_str("SessionHandle(not loaded)"),
        }
    }
}
