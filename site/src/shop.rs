//! The shop: what a doorkeeper needs.

use std::sync::LazyLock;

use axum::response::Redirect;
use maud::{Markup, PreEscaped, html};
use serde::Deserialize;

use crate::cart::{self, Step};
use crate::csrf::{Checked, Token};
use crate::error::AppError;
use crate::layout::{Frame, Place};
use crate::text::{counted, price};
use crate::visitor::Visitor;

#[derive(Debug, Deserialize)]
pub(crate) struct Product {
    pub id: &'static str,
    pub name: &'static str,
    pub cents: u32,
    text: &'static str,
    /// The inside of an SVG of 48 by 48.
    picture: &'static str,
}

/// The list that the Express half has too: a cart is good for both.
static PRODUCTS: LazyLock<Vec<Product>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../assets/products.json")).expect("the file is our own")
});

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
        ul.products { @for product in PRODUCTS.iter() { (card(product, &token)) } }
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
