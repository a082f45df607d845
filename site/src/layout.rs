//! What stands around every page: head, navigation, messages, foot.

use maud::{DOCTYPE, Markup, html};

use crate::assets::{ICON_LINK, STYLE_LINK};
use crate::cart::{CART, Cart};
use crate::csrf::Token;
use crate::error::AppError;
use crate::halves::OtherHalf;
use crate::text::{counted, grouped};
use crate::visitor::{NAME, Visitor};

/// The pages that the navigation leads to.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Cart,
    Devices,
    Home,
    HowItWorks,
    Shop,
    SignIn,
}

impl Place {
    /// The same page of the Express half; for the pages that only this half has, the entrance.
    fn path_in_express(self) -> &'static str {
        match self {
            Self::Cart => "/cart",
            Self::Devices => "/devices",
            Self::Home | Self::HowItWorks | Self::SignIn => "/",
            Self::Shop => "/shop",
        }
    }
}

/// What a page shows of its visitor, around its content.
pub(crate) struct Frame {
    /// The user's name and the token of the button to sign out.
    user: Option<(String, Token)>,
    items: usize,
    messages: Messages,
    is_stranded: bool,
    other_half: OtherHalf,
}

struct Messages {
    errors: Vec<String>,
    infos: Vec<String>,
}

impl Frame {
    /// Takes the messages that wait for this visitor: the page has to be shown.
    pub(crate) async fn of(visitor: &Visitor) -> Result<Self, AppError> {
        let session = &visitor.session;
        let user = match session.owner() {
            Some(owner) => Some((session.get(NAME)?.unwrap_or(owner), Token::of(session).await?)),
            None => None,
        };
        Ok(Self {
            user,
            items: session.get(CART)?.as_ref().map_or(0, Cart::items),
            messages: Messages {
                errors: session.flashes("error")?,
                infos: session.flashes("info")?,
            },
            is_stranded: visitor.is_stranded(),
            other_half: visitor.other_half.clone(),
        })
    }

    /// The user's name, if there is one.
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_ref().map(|(name, _)| &**name)
    }

    pub(crate) fn page(&self, place: Place, title: &str, content: &Markup) -> Markup {
        document(
            title,
            &self.other_half.strip(place.path_in_express()),
            &html! { (navigation(Some(place), self.items)) (self.account(place)) },
            &html! { (self.messages()) (content) },
        )
    }

    fn account(&self, place: Place) -> Markup {
        html! {
            div.account {
                @if let Some((name, token)) = &self.user {
                    span.user { span.visually-hidden { "Signed in as " } (name) }
                    form method="post" action="/sign-out" {
                        (token.field())
                        button.quiet { "Sign out" }
                    }
                } @else {
                    a.button.quiet href="/sign-in" aria-current=[current(Some(place), Place::SignIn)] { "Sign in" }
                }
            }
        }
    }

    fn messages(&self) -> Markup {
        html! {
            @if self.is_stranded {
                p.message role="status" {
                    "Your browser’s stamp was not accepted: its session has ended, was signed out from \
                     elsewhere, or the stamp was altered. You are a new visitor."
                }
            }
            @for error in &self.messages.errors { p.message.error role="alert" { (error) } }
            @for info in &self.messages.infos { p.message.info role="status" { (info) } }
        }
    }
}

/// A page that knows nothing of its visitor: for errors, where the session may be what failed.
pub(crate) fn bare(title: &str, other_half: &OtherHalf, content: &Markup) -> Markup {
    document(title, &other_half.strip("/"), &navigation(None, 0), content)
}

fn document(title: &str, strip: &Markup, head: &Markup, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · handstamp" }
                link rel="icon" href=(*ICON_LINK) type="image/svg+xml";
                link rel="stylesheet" href=(*STYLE_LINK);
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header { (strip) div.bar { (brand()) (head) } }
                main #content tabindex="-1" { (content) }
                footer {
                    p { "A demo of handstamp: server-side sessions, one Rust engine. No script runs on these pages." }
                }
            }
        }
    }
}

fn brand() -> Markup {
    html! {
        a.brand href="/" {
            svg viewBox="0 0 32 32" aria-hidden="true" {
                circle cx="16" cy="16" r="14" fill="none" stroke="currentColor" stroke-width="2.5" {}
                circle cx="16" cy="16" r="10.5" fill="none" stroke="currentColor" stroke-width="1" stroke-dasharray="2 1.6" {}
                path d="M11 10v12M21 10v12M11 16h10" fill="none" stroke="currentColor" stroke-width="3" {}
            }
            "handstamp"
        }
    }
}

fn navigation(place: Option<Place>, items: usize) -> Markup {
    let link = |to: Place, path: &str, name: &str| {
        html! { li { a href=(path) aria-current=[current(place, to)] { (name) } } }
    };
    html! {
        nav aria-label="Main" {
            ul {
                (link(Place::Home, "/", "Entrance"))
                (link(Place::Shop, "/shop", "Shop"))
                li { (cart_link(current(place, Place::Cart), items)) }
                (link(Place::Devices, "/devices", "My devices"))
                (link(Place::HowItWorks, "/how-it-works", "How it works"))
            }
        }
    }
}

fn current(place: Option<Place>, link: Place) -> Option<&'static str> {
    (place == Some(link)).then_some("page")
}

fn cart_link(current: Option<&str>, items: usize) -> Markup {
    let label = (items > 0).then(|| format!("Cart, {}", counted(items, "item", "items")));
    html! {
        a href="/cart" aria-current=[current] aria-label=[label] {
            "Cart"
            @if items > 0 { " " span.count { (grouped(items)) } }
        }
    }
}
