//! The layer: see the [crate's front page](crate).

use std::fmt;
use std::marker::PhantomData;

use handstamp::SessionManager;
use tower_layer::Layer;

use crate::{SessionService, trace};

/// Gives the services inside a session. See the [crate's front page](crate).
pub struct SessionLayer<M = ()> {
    manager: SessionManager,
    marker: PhantomData<fn() -> M>,
}

impl SessionLayer {
    /// Sessions of this manager. Unless it has an observer, its events go to [`trace()`].
    #[must_use]
    pub fn new(manager: SessionManager) -> Self {
        let manager = if manager.is_observed() { manager } else { manager.with_observer(trace) };
        Self { manager, marker: PhantomData }
    }

    /// The same layer for `Session<M>`: one of several sessions in one application. Give each manager
    /// a cookie of its own name.
    ///
    /// ```
    /// # fn example(visitors: handstamp::SessionManager, admins: handstamp::SessionManager) {
    /// use handstamp_tower::{Session, SessionLayer};
    ///
    /// struct Admin;
    /// async fn panel(visitor: Session, admin: Session<Admin>) { /* … */ }
    ///
    /// # let app: axum::Router =
    /// axum::Router::new()
    ///     .route("/panel", axum::routing::get(panel))
    ///     .layer(SessionLayer::new(admins).marked::<Admin>())
    ///     .layer(SessionLayer::new(visitors));
    /// # }
    /// ```
    #[must_use]
    pub fn marked<M>(self) -> SessionLayer<M> {
        SessionLayer { manager: self.manager, marker: PhantomData }
    }
}

impl<S, M> Layer<S> for SessionLayer<M> {
    type Service = SessionService<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService::new(inner, self.manager.clone())
    }
}

impl<M> Clone for SessionLayer<M> {
    fn clone(&self) -> Self {
        Self { manager: self.manager.clone(), marker: PhantomData }
    }
}

impl<M> fmt::Debug for SessionLayer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionLayer").field(&self.manager).finish()
    }
}
