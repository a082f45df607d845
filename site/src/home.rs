//! The entrance: the visit counter, as a stamp, and what there is to try.

use axum::extract::State;
use handstamp::Key;
use maud::{Markup, html};

use crate::app::App;
use crate::error::AppError;
use crate::layout::{Frame, Place};
use crate::store::Store;
use crate::text::grouped;
use crate::visitor::Visitor;

const VISITS: Key<usize> = Key::new("visits");

pub(crate) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Markup, AppError> {
    let frame = Frame::of(&visitor).await?;
    let session = &visitor.session;
    session.update(VISITS, |visits| visits.unwrap_or(0) + 1)?;
    // If other requests counted at the same time, this one's number is known once it is stored.
    session.save().await?;
    let visits = session.get(VISITS)?.unwrap_or(1);
    let content = html! {
        div.hero {
            div {
                h1 { (greeting(visits, frame.user())) }
                p.lead {
                    "At the door of a club you get a stamp on your hand. It says nothing about you, it only \
                     shows that you have been let in. What the house knows of you stays in the house."
                }
                p {
                    "This site does the same. Your browser carries a signed number, and nothing else; \
                     your visits, your cart and who you are stay on the server. That is a "
                    strong { "session" } "."
                }
                p.actions {
                    a.button href="/" { "Come in again" }
                    a href="/how-it-works" { "See your own stamp" }
                }
            }
            (stamp(visits))
        }
        (things_to_try(&app.store))
    };
    Ok(frame.page(Place::Home, "Entrance", &content))
}

fn greeting(visits: usize, user: Option<&str>) -> String {
    match (visits, user) {
        (1, None) => "You have just been stamped".into(),
        (_, None) => "You have been here before".into(),
        (_, Some(name)) => format!("Good to see you, {name}"),
    }
}

/// The visit counter. The filter makes the ink uneven.
fn stamp(visits: usize) -> Markup {
    let number = grouped(visits);
    let size = match number.len() {
        0..=2 => "64",
        3 => "54",
        4..=5 => "38",
        _ => "26",
    };
    html! {
        svg.stamp viewBox="0 0 240 240" role="img" aria-label={ "Stamp: visit number " (number) } {
            defs {
                path #ring d="M120 120 m-83 0 a83 83 0 1 1 166 0 a83 83 0 1 1 -166 0" {}
                filter #ink x="-5%" y="-5%" width="110%" height="110%" {
                    feTurbulence type="fractalNoise" baseFrequency=".035" numOctaves="3" seed="4" result="wobble" {}
                    feDisplacementMap in="SourceGraphic" in2="wobble" scale="4" result="shape" {}
                    feTurbulence type="fractalNoise" baseFrequency=".55" numOctaves="2" seed="9" result="grain" {}
                    feColorMatrix in="grain" type="matrix" values="0 0 0 0 0  0 0 0 0 0  0 0 0 0 0  0 0 0 -7 4.9" result="specks" {}
                    feComposite in="shape" in2="specks" operator="in" {}
                }
            }
            g filter="url(#ink)" {
                circle cx="120" cy="120" r="112" fill="none" stroke="currentColor" stroke-width="6" {}
                circle cx="120" cy="120" r="104" fill="none" stroke="currentColor" stroke-width="1.5" {}
                circle cx="120" cy="120" r="70" fill="none" stroke="currentColor" stroke-width="3" {}
                text.ring { textPath href="#ring" textLength="516" { "HANDSTAMP ★ ADMITTED ★ HANDSTAMP ★ ADMITTED ★" } }
                text.word x="120" y="94" text-anchor="middle" { "VISIT" }
                text.number #visits x="120" y="132" font-size=(size) text-anchor="middle" dominant-baseline="middle" { (number) }
            }
        }
    }
}

fn things_to_try(store: &Store) -> Markup {
    html! {
        section aria-labelledby="try" {
            h2 #try { "Things to try" }
            ul.tickets {
                (ticket("1", "Load this page again", "The number on the stamp goes up, and never skips one, however many requests come at once."))
                (ticket("2", html! { a href="/shop" { "Fill a cart" } }, "It follows you from page to page. No account is needed."))
                (ticket("3", html! { a href="/sign-in" { "Sign in" } }, "The cart comes with you, and your stamp is replaced by a new one."))
                (ticket("4", html! { a href="/devices" { "See your devices" } }, "Sign in from a second browser and sign it out from here: it is out at its next click."))
                (ticket("5", "Stop the server, start it again", restart(store)))
                (ticket("6", html! { a href="/how-it-works" { "Look behind the counter" } }, "The cookie that you carry and the document that the server keeps, byte by byte."))
            }
        }
    }
}

fn ticket(number: &str, title: impl maud::Render, text: &str) -> Markup {
    html! {
        li.ticket {
            span.stub aria-hidden="true" { (number) }
            div { h3 { (title) } p { (text) } }
        }
    }
}

fn restart(store: &Store) -> &'static str {
    if store.outlives_us {
        "Ctrl-C in its terminal, or kill -9. You are still signed in, and the cart is still full."
    } else {
        "It keeps sessions in memory just now, so everyone is a stranger then. Without --memory they survive."
    }
}
