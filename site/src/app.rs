//! The map of the site, what its pages share, and the settings of its sessions.

use std::num::NonZeroUsize;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{map_response, map_response_with_state};
use axum::routing::{get, post};
use handstamp::{CookieConfig, Expiry, Keys, SessionConfig, SessionError, SessionManager};
use handstamp_tower::SessionLayer;

use crate::accounts::Accounts;
use crate::halves::OtherHalf;
use crate::store::Store;
use crate::{assets, cart, devices, error, explain, headers, home, shop, sign_in};

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// How long a session lives: half an hour after its last use, and 12 hours at most. The browser drops
/// its cookie when it closes.
pub(crate) const EXPIRY: Expiry =
    Expiry::idle(Duration::from_secs(HOUR / 2)).with_absolute(Duration::from_secs(12 * HOUR));

/// How long with «keep me signed in».
pub(crate) const KEPT_EXPIRY: Expiry = Expiry::idle(Duration::from_secs(30 * DAY))
    .with_absolute(Duration::from_secs(90 * DAY))
    .persistent();

/// The name of the session cookie.
pub(crate) const COOKIE_NAME: &str = "handstamp";

/// The largest form that is read. Ours have a name, a password and a token.
const LARGEST_FORM: usize = 8 * 1024;

/// What the pages share.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub accounts: Accounts,
    pub other_half: OtherHalf,
    pub sessions: SessionManager,
    pub store: Store,
}

impl App {
    pub(crate) fn new(
        store: Store,
        keys: Keys,
        accounts: Accounts,
        other_half: OtherHalf,
    ) -> Result<Self, SessionError> {
        let sessions = SessionManager::new(store.store.clone(), keys).with_config(settings())?;
        Ok(Self { accounts, other_half, sessions, store })
    }
}

/// The strict profile, but for one thing: the demo speaks plain HTTP on loopback, where Safari drops
/// cookies that are `Secure`, and `__Host-` names need that. A site on the Internet speaks HTTPS and
/// leaves the cookie as it is.
fn settings() -> SessionConfig {
    const MOST_DEVICES: NonZeroUsize = NonZeroUsize::new(20).expect("20 is not 0");
    SessionConfig::strict()
        .with_cookie(CookieConfig::strict().insecure_http(COOKIE_NAME))
        .with_expiry(EXPIRY)
        .with_max_sessions_per_owner(MOST_DEVICES)
}

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/shop", get(shop::show).post(shop::add))
        .route("/cart", get(cart::show).post(cart::change))
        .route("/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/sign-out", post(sign_in::leave))
        .route("/devices", get(devices::show))
        .route("/devices/sign-out", post(devices::sign_out))
        .route("/devices/sign-out-others", post(devices::sign_out_others))
        .route("/how-it-works", get(explain::show))
        .route(assets::STYLE_PATH, get(assets::style))
        .route(assets::ICON_PATH, get(assets::icon))
        .fallback(async || StatusCode::NOT_FOUND)
        .method_not_allowed_fallback(async || StatusCode::METHOD_NOT_ALLOWED)
        .layer(SessionLayer::new(app.sessions.clone()))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(map_response_with_state(app.other_half.clone(), error::explain))
        .layer(map_response(headers::protect))
        .with_state(app)
}
