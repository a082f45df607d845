//! The shop: what a doorkeeper needs.

use axum::response::Redirect;
use maud::{Markup, PreEscaped, html};
use serde::Deserialize;

use crate::cart::{self, Step};
use crate::csrf::{Checked, Token};
use crate::error::AppError;
use crate::layout::{Frame, Place};
use crate::text::{counted, price};
use crate::visitor::Visitor;

#[derive(Debug)]
pub(crate) struct Product {
    pub id: &'static str,
    pub name: &'static str,
    pub cents: u32,
    text: &'static str,
    /// The inside of an SVG of 48 by 48.
    picture: &'static str,
}

const PRODUCTS: [Product; 6] = [
    Product {
        id: "ink-pad",
        name: "Ink pad",
        cents: 650,
        text: "Violet, for three thousand hands.",
        picture: r#"<rect x="6" y="24" width="36" height="15" rx="2"/><path d="M10 24v-3h28v3M8 21 14 9h26l-2 12M12 31h24"/>"#,
    },
    Product {
        id: "date-stamp",
        name: "Date stamp",
        cents: 1400,
        text: "Turn the bands at midnight.",
        picture: r#"<path d="M20 8a4 4 0 0 1 8 0l-2 12h-4zM14 20h20v8H14zM10 28h28v5H10zM12 40h24"/>"#,
    },
    Product {
        id: "uv-torch",
        name: "UV torch",
        cents: 1100,
        text: "Shows the stamps that nobody sees.",
        picture: r#"<path d="M6 19h20v10H6zM26 19l6-4v18l-6-4M12 19v10M37 18l5-4M38 24h6M37 30l5 4"/>"#,
    },
    Product {
        id: "wristbands",
        name: "Wristbands",
        cents: 990,
        text: "A hundred, for who dislikes ink.",
        picture: r#"<ellipse cx="24" cy="17" rx="16" ry="8"/><path d="M8 17v13c0 5 7 9 16 9s16-4 16-9V17M16 25v13M20 25.500v13.300"/>"#,
    },
    Product {
        id: "tickets",
        name: "Roll of tickets",
        cents: 420,
        text: "Numbered from 1 to 500.",
        picture: r#"<circle cx="18" cy="20" r="12"/><circle cx="18" cy="20" r="4"/><path d="M18 32h26v-9H29.500M36 23v9" stroke-dasharray="30 0"/>"#,
    },
    Product {
        id: "wax-seal",
        name: "Wax and seal",
        cents: 1850,
        text: "For letters that must stay closed.",
        picture: r#"<path d="M24 7c4 0 4 4 8 4s5 4 5 8 4 5 3 9-4 4-5 8-6 3-9 6-7-1-11-1-4-5-7-8-1-7 0-10-1-8 3-10 4-6 13-6z"/><circle cx="24" cy="25" r="9"/><path d="M21 21v8M27 21v8M21 25h6"/>"#,
    },
];

/// The product of this id.
pub(crate) fn product(id: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.id == id)
}

#[derive(Deserialize)]
pub(crate) struct Choice {
    product: String,
}

pub(crate) async fn show(visitor: Visitor) -> Result<Markup, AppError> {
    let frame = Frame::of(&visitor).await?;
    let token = Token::of(&visitor.session).await?;
    let content = html! {
        h1 { "Shop" }
        p.lead { "Everything for a good door. Nothing is really sold here, so be generous." }
        ul.products { @for product in &PRODUCTS { (card(product, &token)) } }
    };
    Ok(frame.page(Place::Shop, "Shop", &content))
}

pub(crate) async fn add(form: Checked<Choice>) -> Result<Redirect, AppError> {
    let product = product(&form.fields.product).ok_or(AppError::Form)?;
    let session = &form.visitor.session;
    let items = cart::take(session, Step::More, product)?.items();
    let items = counted(items, "item", "items");
    session.flash("info", format!("{} is in your cart, which holds {items} now.", product.name))?;
    Ok(Redirect::to("/shop"))
}

fn card(product: &Product, token: &Token) -> Markup {
    html! {
        li.product {
            svg viewBox="0 0 48 48" aria-hidden="true" { (PreEscaped(product.picture)) }
            h2 { (product.name) }
            p { (product.text) }
            form method="post" action="/shop" {
                (token.field())
                input type="hidden" name="product" value=(product.id);
                span.amount { (price(product.cents)) }
                button aria-label={ "Add to cart: " (product.name) } { "Add to cart" }
            }
        }
    }
}
