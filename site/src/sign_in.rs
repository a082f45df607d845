//! Signing in and out.

use axum::extract::State;
use axum::response::Redirect;
use handstamp::Session;
use maud::{Markup, html};
use serde::Deserialize;

use crate::accounts::Account;
use crate::app::{App, EXPIRY, KEPT_EXPIRY};
use crate::cart::{CART, Cart};
use crate::csrf::{Button, Checked, Token};
use crate::error::AppError;
use crate::layout::{Frame, Place};
use crate::visitor::{NAME, Visitor};

const LONGEST_NAME: usize = 40;
const SHORTEST_PASSWORD: usize = 8;
/// Hashing time does not depend on it, but the form must end somewhere.
const LONGEST_PASSWORD: usize = 128;

/// The kind of flash message that carries the name back into the form.
const TYPED: &str = "typed-name";

#[derive(Deserialize)]
pub(crate) struct Credentials {
    name: String,
    password: String,
    /// A checkbox: there if it is ticked.
    keep: Option<String>,
}

pub(crate) async fn show(visitor: Visitor) -> Result<Markup, AppError> {
    let frame = Frame::of(&visitor).await?;
    let typed: Vec<String> = visitor.session.flashes(TYPED)?;
    let token = Token::of(&visitor.session).await?;
    let content = html! {
        h1 { "Sign in" }
        @if let Some(name) = frame.user() {
            p.lead { "You are signed in as " strong { (name) } " already. Here you can change to another account." }
        } @else {
            p.lead { "A name that nobody has yet becomes yours, with this password." }
        }
        div.sign-in { (form(&token, typed.last().map_or("", |name| name))) (what_happens()) }
    };
    Ok(frame.page(Place::SignIn, "Sign in", &content))
}

pub(crate) async fn enter(
    State(app): State<App>,
    form: Checked<Credentials>,
) -> Result<Redirect, AppError> {
    let Checked { visitor, fields: Credentials { name, password, keep } } = form;
    let name = name.trim();
    let problem = match problem(name, &password) {
        Some(problem) => problem,
        None => match app.accounts.enter(name.to_owned(), password).await? {
            Some(account) => {
                admit(&visitor, &account, keep.is_some())?;
                return Ok(Redirect::to("/"));
            }
            None => "This name is taken, and that is not its password.",
        },
    };
    visitor.session.flash("error", problem)?;
    visitor.session.flash(TYPED, name)?;
    Ok(Redirect::to("/sign-in"))
}

pub(crate) async fn leave(form: Checked<Button>) -> Result<Redirect, AppError> {
    let session = &form.visitor.session;
    session.logout()?;
    session.flash("info", "You are signed out, and your session is gone from the server.")?;
    Ok(Redirect::to("/"))
}

/// Makes the visitor's session the user's: a new id, and what was in it stays.
fn admit(visitor: &Visitor, account: &Account, keep: bool) -> Result<(), AppError> {
    let session: &Session = &visitor.session;
    session.login(&*account.id)?;
    session.set_expiry(if keep { KEPT_EXPIRY } else { EXPIRY })?;
    session.set_device(visitor.device.clone())?;
    session.insert(NAME, account.name.clone())?;
    Token::renew(session)?;
    let brought = session.get(CART)?.is_some_and(|cart| Cart::items(&cart) > 0);
    session.flash("info", welcome(account, brought))?;
    Ok(())
}

fn welcome(account: &Account, brought: bool) -> String {
    let name = &account.name;
    let mut text = if account.is_new {
        format!("Welcome, {name}. The name is yours from now on.")
    } else {
        format!("Welcome back, {name}.")
    };
    if brought {
        text.push_str(" Your cart has come with you.");
    }
    text
}

/// What is wrong with what was typed, before anyone is asked.
fn problem(name: &str, password: &str) -> Option<&'static str> {
    let length = name.chars().count();
    if length == 0 || length > LONGEST_NAME || name.chars().any(char::is_control) {
        Some("A name has 1 to 40 characters.")
    } else if !(SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&password.chars().count()) {
        Some("A password has 8 to 128 characters.")
    } else {
        None
    }
}

fn form(token: &Token, name: &str) -> Markup {
    html! {
        form.sheet method="post" action="/sign-in" {
            (token.field())
            label for="name" { "Name" }
            input #name name="name" value=(name) required maxlength=(LONGEST_NAME) autocomplete="username" autocapitalize="none" spellcheck="false";
            label for="password" { "Password" }
            input #password name="password" type="password" required minlength=(SHORTEST_PASSWORD)
                maxlength=(LONGEST_PASSWORD) autocomplete="current-password" aria-describedby="password-hint";
            p.fine #password-hint { "8 characters or more. This is a demo: don’t use one that you use elsewhere." }
            div.choice {
                input #keep name="keep" type="checkbox" value="yes" aria-describedby="keep-hint";
                label for="keep" { "Keep me signed in" }
            }
            p.fine #keep-hint { "For 30 days after your last visit. Otherwise until the browser closes, or half an hour after your last click." }
            button { "Sign in" }
        }
    }
}

fn what_happens() -> Markup {
    html! {
        section.aside aria-labelledby="then" {
            h2 #then { "What happens then" }
            ul {
                li { "Your browser gets a new stamp, and the old one becomes worthless: nobody who has planted or seen it comes in with you." }
                li { "What you did before stays: your cart, your visits." }
                li { "The server notes whose session it is. So it can show you all of yours, and end them." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_have_limits() {
        assert_eq!(problem("Ada", "12345678"), None);
        assert_eq!(problem(&"ä".repeat(40), &"ä".repeat(128)), None);
        for name in ["", &"a".repeat(41), "a\u{7}b"] {
            assert_eq!(problem(name, "12345678"), Some("A name has 1 to 40 characters."));
        }
        for password in ["", "1234567", &"p".repeat(129)] {
            assert_eq!(problem("Ada", password), Some("A password has 8 to 128 characters."));
        }
    }
}
