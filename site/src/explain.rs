//! «How it works»: the visitor's own exchange, with the actual cookie and the actual document.

use axum::extract::State;
use maud::{Markup, html};

use crate::agent;
use crate::app::{App, COOKIE_NAME};
use crate::cookie_cost::{Cookies, cookies};
use crate::csrf;
use crate::error::AppError;
use crate::inspect::{Cookie, Document, Member};
use crate::layout::{Frame, Place};
use crate::store::Store;
use crate::text::{counted, grouped, shorten_middle, span};
use crate::visitor::Visitor;

/// This page, its style sheet and its icon.
const OUR_FILES: usize = 3;
/// A common page of a shop or a newspaper.
const MANY_FILES: usize = 70;

pub(crate) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Markup, AppError> {
    let frame = Frame::of(&visitor).await?;
    // What this request changes is stored first, so that the page shows what lies in the store now.
    visitor.session.save().await?;
    let cookie = Cookie::of(&visitor.session, &visitor.stamps);
    let document = match &cookie {
        Some(cookie) => Document::load(&app.store, cookie).await?,
        None => None,
    };
    let content = html! {
        h1 { "How it works" }
        @match (cookie, document) {
            (Some(cookie), Some(document)) => {
                p.lead {
                    "This is your own exchange, the one that made this page: what your browser sent, \
                     what the server did, what the store holds of you."
                }
                (exchange(&visitor, &app.store, &cookie, &document))
                (stamp(&cookie, &document))
                (contents(&document))
                (cost(&cookie, &document))
            }
            _ => (unknown(&visitor, &app.store))
        }
    };
    Ok(frame.page(Place::HowItWorks, "How it works", &content))
}

/// For a visitor who has no session: nothing is stored, and that is worth saying.
fn unknown(visitor: &Visitor, store: &Store) -> Markup {
    let (carries, looks, asks, asked) = if visitor.is_stranded() {
        (
            "carries a stamp that is worth nothing",
            "refuses it, and makes no session under its number",
            "only if the signature is right",
            "holds nothing about you",
        )
    } else {
        ("carries no stamp", "has nothing to look up", "nothing to ask", "was not asked")
    };
    html! {
        p.lead { "Nothing is known of you. So nothing of you is stored, and your browser gets no cookie." }
        h2 { "One request, no session" }
        ol.exchange {
            (station("Your browser", &agent::describe(&visitor.device.agent), html! { (carries) }))
            (wire(html! { "GET /how-it-works" }, html! { "this page, no cookie" }))
            (station("The server", "Rust, axum, handstamp", html! { (looks) }))
            li.wire.idle { p { (asks) } }
            (station("The store", store.name, html! { (asked) }))
        }
        p { "The entrance counts your visits. From then on there is something to see here." }
        p { a.button href="/" { "Get a stamp at the entrance" } }
    }
}

fn exchange(visitor: &Visitor, store: &Store, cookie: &Cookie, document: &Document) -> Markup {
    let micros = usize::try_from(document.took.as_micros()).unwrap_or(usize::MAX);
    html! {
        section aria-labelledby="exchange" {
            h2 #exchange { "One request, one look-up" }
            ol.exchange {
                (station("Your browser", &agent::describe(&visitor.device.agent), html! {
                    "carries one cookie of " (bytes("cookie-bytes", cookie.bytes())) ", and no data"
                }))
                (wire(
                    html! { "GET /how-it-works" br; code { "Cookie: " (COOKIE_NAME) "=" (cookie.shortened()) } },
                    html! { "this page" },
                ))
                (station("The server", "Rust, axum, handstamp", html! {
                    "checks the signature. A forged stamp goes no further: the store is not even asked"
                }))
                (wire(
                    html! { "who is " code { "#" @if let Some(id) = visitor.session.id() { (id) } } "?" },
                    html! { "the document, after " (grouped(micros)) " µs" },
                ))
                (station("The store", store.name, html! {
                    "holds one document of " (bytes("document-bytes", document.bytes)) " about you"
                }))
            }
            p {
                "That is all of the way, and it is taken once. While the page is made nothing waits for the \
                 store: the session is read and written in memory, and what has changed is saved in one \
                 step before the answer leaves. Most requests change nothing, and then nothing is written."
            }
        }
    }
}

fn station(name: &str, kind: &str, what: Markup) -> Markup {
    html! { li.station { h3 { (name) } p.fine { (kind) } p { (what) } } }
}

/// What goes there and what comes back.
fn wire(there: Markup, back: Markup) -> Markup {
    html! {
        li.wire {
            p.there { span.visually-hidden { "Forth: " } (there) }
            p.back { span.visually-hidden { "Back: " } (back) }
        }
    }
}

/// A number of bytes, which tests and style can find.
fn bytes(id: &str, number: usize) -> Markup {
    html! { data id=(id) value=(number) { (grouped(number)) " bytes" } }
}

fn stamp(cookie: &Cookie, document: &Document) -> Markup {
    html! {
        section aria-labelledby="stamp" {
            h2 #stamp { "The stamp: " (grouped(cookie.bytes())) " bytes" }
            p.code { code { (COOKIE_NAME) "=" strong { (cookie.shortened()) } } }
            dl.facts {
                div { dt { "A number" } dd { "24 random bytes, written with 32 letters and digits after " code { "s:" } ". They mean nothing; they are only yours." } }
                div { dt { "A signature" } dd { "HMAC-SHA256 of the number, after the dot. Who does not know the server’s secret can’t make one." } }
                div { dt { "For whom" } dd { code { "HttpOnly" } ": not for scripts. " code { "SameSite=Lax" } ": not for other sites’ forms. On the Internet also " code { "Secure" } " and named " code { "__Host-session" } ": not for lines that others can hear, nor for other hosts. This demo speaks plain HTTP with itself." } }
                div { dt { "How long" } dd { (lifetime(document)) } }
            }
            p {
                "Change a letter of it in your browser’s developer tools, and you are a stranger at your next \
                 click. Put the old one back, and you are yourself again: nobody can spoil a session from outside."
            }
        }
    }
}

fn lifetime(document: &Document) -> Markup {
    let minute = std::time::Duration::from_secs(60);
    html! {
        @if document.is_kept() { "Your browser keeps it when it closes. " } @else { "Your browser drops it when it closes. " }
        "If you don’t come back, the server forgets you in " (span(document.remaining + minute)) ", whatever your browser keeps."
    }
}

fn contents(document: &Document) -> Markup {
    html! {
        section aria-labelledby="document" {
            h2 #document { "The document: " (grouped(document.bytes)) " bytes" }
            table.document {
                caption { "What the store holds of you, key by key. It is JSON, and stays on the server." }
                thead { tr { th scope="col" { "Key" } th scope="col" { "Value" } th.amount scope="col" { "Bytes" } } }
                tbody {
                    @for member in &document.members {
                        tr {
                            th scope="row" { code { (member.name) } @if let Some(note) = note(member) { span.fine { (note) } } }
                            td { code { (value(member)) } }
                            td.amount.bytes { (grouped(member.bytes())) }
                        }
                    }
                    tr {
                        th scope="row" colspan="2" { "Braces and commas" }
                        td.amount.bytes { (grouped(document.punctuation())) }
                    }
                }
                tfoot { tr { th scope="row" colspan="2" { "Together" } td.amount { (grouped(document.bytes)) } } }
            }
        }
    }
}

fn note(member: &Member) -> Option<&'static str> {
    Some(match &*member.name {
        "__handstamp" => "handstamp’s own: when it began and ends, whose it is, which device",
        "cart" => "what you chose in the shop",
        "cookie" => "as express-session writes it: an Express application can share this session",
        "name" => "as you wrote it",
        "visits" => "the number on your stamp",
        csrf::NAME => "proves that a form is ours; shortened here",
        _ => return None,
    })
}

fn value(member: &Member) -> String {
    if member.name == csrf::NAME { shorten_middle(&member.json, 5) } else { member.json.clone() }
}

/// A line of the table: what is sent with each request.
struct Load {
    name: String,
    count: usize,
    bytes: usize,
}

fn cost(cookie: &Cookie, document: &Document) -> Markup {
    let own = document.own_bytes();
    let loads = [
        Load { name: "Your stamp".into(), count: 1, bytes: cookie.bytes() },
        in_cookies(format!("Your {} bytes of data, in cookies", grouped(own)), own),
        in_cookies("2 KB of data, in cookies".into(), 2048),
        in_cookies("8 KB of data, in cookies".into(), 8192),
    ];
    let most = loads.iter().map(|load| load.bytes).max().unwrap_or(1);
    html! {
        section aria-labelledby="cost" {
            h2 #cost { "The same data in cookies" }
            p {
                "Sites without a store put the data themselves into cookies: sealed, so that nobody reads or \
                 forges them, in pieces of up to 4,096 bytes, and sent up again with every single request."
            }
            table.cost {
                caption { "Bytes of cookies that a browser sends" }
                thead {
                    tr {
                        th scope="col" { span.visually-hidden { "What" } }
                        th.amount scope="col" { "Each request" }
                        th.amount scope="col" { "This page, " (OUR_FILES) " files" }
                        th.amount scope="col" { "A page of " (MANY_FILES) " files" }
                    }
                }
                tbody { @for load in &loads { (line(load, most)) } }
            }
            p {
                "A few bytes would fit into a cookie just as well, and need no store. But what is in there \
                 grows: at 8 KB many servers refuse the request. Over HTTP/2 and 3, headers that stay the \
                 same are sent in short after the first time, so it is the changes that cost there. And some \
                 things no cookie does: sign you out on another device, end a copied session, or \
                 keep two requests at once from undoing each other."
            }
        }
    }
}

fn in_cookies(name: String, data: usize) -> Load {
    let Cookies { count, bytes } = cookies(COOKIE_NAME, data);
    Load { name, count, bytes }
}

fn line(load: &Load, most: usize) -> Markup {
    let width = (load.bytes * 100).div_ceil(most);
    html! {
        tr {
            th scope="row" {
                (load.name)
                span.fine { (counted(load.count, "cookie", "cookies")) }
                svg.bar viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" {
                    rect width=(width) height="4" {}
                }
            }
            td.amount data-label="A request" { (grouped(load.bytes)) }
            td.amount data-label="This page" { (grouped(load.bytes * OUR_FILES)) }
            td.amount data-label={ (MANY_FILES) " files" } { (grouped(load.bytes * MANY_FILES)) }
        }
    }
}
