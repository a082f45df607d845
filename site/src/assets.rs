//! The style sheet and the icon: parts of the program, so that it is one file.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

pub(crate) const STYLE_PATH: &str = "/assets/site.css";
pub(crate) const ICON_PATH: &str = "/assets/icon.svg";

const STYLE: &str = include_str!("../assets/site.css");
const ICON: &str = include_str!("../assets/icon.svg");

/// The address of the style sheet changes with its content, so browsers may keep it for ever.
pub(crate) static STYLE_LINK: LazyLock<String> = LazyLock::new(|| versioned(STYLE_PATH, STYLE));
pub(crate) static ICON_LINK: LazyLock<String> = LazyLock::new(|| versioned(ICON_PATH, ICON));

const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub(crate) async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, FOR_EVER)], STYLE)
}

pub(crate) async fn icon() -> impl IntoResponse {
    ([(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, FOR_EVER)], ICON)
}

fn versioned(path: &str, content: &str) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("{path}?v={:x}", hasher.finish())
}
