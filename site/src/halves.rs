//! The two halves of the site: this one, and the one made with Express, if it runs. The strip at the top
//! of every page says which one has answered and leads to the other.

use std::sync::Arc;

use maud::{Markup, html};

/// The address of the other half. Without one this half is alone and says nothing of halves.
#[derive(Clone, Debug, Default)]
pub(crate) struct OtherHalf(Option<Arc<str>>);

impl OtherHalf {
    pub(crate) fn at(address: Option<&str>) -> Self {
        Self(address.map(Arc::from))
    }

    /// The strip of a page. `path` is where the other half has the same page.
    pub(crate) fn strip(&self, path: &str) -> Markup {
        html! {
            @if let Some(address) = &self.0 {
                p.halves {
                    span { "Served by" } " " strong { "axum, in Rust" } " "
                    a href={ (address) (path) } {
                        span.visually-hidden { "Go on with " } "Express, in JavaScript"
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_that_is_alone_says_nothing_of_halves() {
        assert_eq!(OtherHalf::default().strip("/shop").into_string(), "");
    }

    #[test]
    fn the_strip_leads_to_the_same_page_of_the_other_half() {
        let strip = OtherHalf::at(Some("http://127.0.0.1:3001")).strip("/shop").into_string();
        assert!(strip.contains(r#"<a href="http://127.0.0.1:3001/shop">"#), "{strip}");
    }
}
