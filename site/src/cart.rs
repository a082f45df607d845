//! The cart: one value of the session, changed where it is stored.

use std::collections::BTreeMap;

use axum::response::Redirect;
use handstamp::{Key, Session};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use crate::csrf::{Checked, Token};
use crate::error::AppError;
use crate::layout::{Frame, Place};
use crate::shop::{self, Product};
use crate::text::price;
use crate::visitor::Visitor;

pub(crate) const CART: Key<Cart> = Key::new("cart");

/// The most pieces of one product.
const MOST: u32 = 99;

/// How many of which product.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cart(BTreeMap<String, u32>);

/// What a button does to a product in the cart.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    Less,
    More,
    Remove,
}

#[derive(Deserialize)]
pub(crate) struct Change {
    product: String,
    step: Step,
}

impl Cart {
    /// The number of pieces in it.
    pub(crate) fn items(&self) -> usize {
        self.lines().map(|(_, pieces)| usize::try_from(pieces).unwrap_or(usize::MAX)).sum()
    }

    fn after(mut self, step: Step, product: &str) -> Self {
        let pieces = self.0.get(product).copied().unwrap_or(0);
        let pieces = match step {
            Step::Less => pieces.saturating_sub(1),
            Step::More => (pieces + 1).min(MOST),
            Step::Remove => 0,
        };
        if pieces == 0 {
            self.0.remove(product);
        } else {
            self.0.insert(product.to_owned(), pieces);
        }
        self
    }

    /// The products and how many of each. What is not sold any more does not count.
    fn lines(&self) -> impl Iterator<Item = (&'static Product, u32)> {
        self.0.iter().filter_map(|(id, pieces)| Some((shop::product(id)?, (*pieces).min(MOST))))
    }

    fn total(&self) -> u32 {
        self.lines().map(|(product, pieces)| product.cents * pieces).sum()
    }
}

/// Changes the cart of a session. Requests that come at the same time lose nothing: the engine does
/// the step again on what the other one has stored.
pub(crate) fn take(
    session: &Session,
    step: Step,
    product: &'static Product,
) -> Result<Cart, AppError> {
    Ok(session.update(CART, move |cart| cart.unwrap_or_default().after(step, product.id))?)
}

pub(crate) async fn show(visitor: Visitor) -> Result<Markup, AppError> {
    let frame = Frame::of(&visitor).await?;
    let cart = visitor.session.get(CART)?.unwrap_or_default();
    let content = html! {
        h1 { "Your cart" }
        @if cart.items() == 0 {
            p.lead { "It is empty." }
            p { a.button href="/shop" { "To the shop" } }
        } @else {
            (table(&cart, &Token::of(&visitor.session).await?))
            p { "It is kept on the server, under your stamp. " (note(frame.user())) }
            p.actions {
                a.button href="/shop" { "Back to the shop" }
                @if frame.user().is_none() { a href="/sign-in" { "Sign in" } }
            }
        }
    };
    Ok(frame.page(Place::Cart, "Cart", &content))
}

pub(crate) async fn change(form: Checked<Change>) -> Result<Redirect, AppError> {
    let Change { product, step } = form.fields;
    let product = shop::product(&product).ok_or(AppError::Form)?;
    let session = &form.visitor.session;
    take(session, step, product)?;
    let message = match step {
        Step::Less => "One less: ",
        Step::More => "One more: ",
        Step::Remove => "Taken out: ",
    };
    session.flash("info", format!("{message}{}.", product.name))?;
    Ok(Redirect::to("/cart"))
}

fn note(user: Option<&str>) -> &'static str {
    match user {
        Some(_) => "Signing out ends the session, and the cart with it.",
        None => "Sign in, and it comes with you.",
    }
}

fn table(cart: &Cart, token: &Token) -> Markup {
    html! {
        table.cart {
            caption.visually-hidden { "What is in your cart" }
            thead { tr { th scope="col" { "Product" } th scope="col" { "Pieces" } th.amount scope="col" { "Price" } } }
            tbody {
                @for (product, pieces) in cart.lines() {
                    tr {
                        th scope="row" { (product.name) span.fine { (price(product.cents)) " each" } }
                        td { (pieces_form(product, pieces, token)) }
                        td.amount { (price(product.cents * pieces)) }
                    }
                }
            }
            tfoot { tr { th scope="row" colspan="2" { "Together" } td.amount #total { (price(cart.total())) } } }
        }
    }
}

fn pieces_form(product: &Product, pieces: u32, token: &Token) -> Markup {
    let button = |step: &str, face: &str, what: &str| {
        html! {
            button.step name="step" value=(step) aria-label={ (what) ": " (product.name) } { (face) }
        }
    };
    html! {
        form.pieces method="post" action="/cart" {
            (token.field())
            input type="hidden" name="product" value=(product.id);
            (button("less", "−", "One less"))
            span.number { (pieces) }
            (button("more", "+", "One more"))
            (button("remove", "×", "Take out"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cart(steps: &[(Step, &str)]) -> Cart {
        steps.iter().fold(Cart::default(), |cart, (step, product)| cart.after(*step, product))
    }

    #[test]
    fn steps_add_and_take() {
        let filled =
            cart(&[(Step::More, "ink-pad"), (Step::More, "ink-pad"), (Step::More, "tickets")]);
        assert_eq!((filled.items(), filled.total()), (3, 2 * 650 + 420));
        assert_eq!(filled.clone().after(Step::Less, "ink-pad").items(), 2);
        assert_eq!(filled.after(Step::Remove, "ink-pad"), cart(&[(Step::More, "tickets")]));
        assert_eq!(cart(&[(Step::Less, "tickets")]), Cart::default());
    }

    #[test]
    fn there_is_an_end_to_more() {
        let full = cart(&[(Step::More, "tickets"); 200]);
        assert_eq!(full.items(), 99);
    }

    #[test]
    fn what_is_not_sold_any_more_does_not_count() {
        let old: Cart = serde_json::from_str(r#"{"abacus":7,"tickets":4000000000}"#).unwrap();
        assert_eq!(old.items(), 99);
    }
}
