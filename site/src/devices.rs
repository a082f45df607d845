//! «My devices»: where the user is signed in, and how to end that.

use std::time::Duration;

use axum::extract::State;
use axum::response::Redirect;
use handstamp::{Clock as _, Fingerprint, SystemClock, Timestamp, UserSession};
use maud::{Markup, html};
use serde::Deserialize;

use crate::agent;
use crate::app::App;
use crate::csrf::{Button, Checked, Token};
use crate::error::AppError;
use crate::layout::{Frame, Place};
use crate::text::{ago, counted, moment};
use crate::visitor::Visitor;

#[derive(Deserialize)]
pub(crate) struct Choice {
    session: String,
}

pub(crate) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Markup, AppError> {
    let frame = Frame::of(&visitor).await?;
    let content = match visitor.session.owner() {
        Some(owner) => {
            let devices = app.sessions.for_user(&owner).await?;
            list(&devices, visitor.session.id(), &Token::of(&visitor.session).await?)
        }
        None => html! {
            h1 { "My devices" }
            p.lead { "Sign in, and you see here every browser in which you are signed in, and can sign it out." }
            p { a.button href="/sign-in" { "Sign in" } }
        },
    };
    Ok(frame.page(Place::Devices, "My devices", &content))
}

/// Signs out one device. Another user's stays, whatever the form says: the engine sees to that.
pub(crate) async fn sign_out(
    State(app): State<App>,
    form: Checked<Choice>,
) -> Result<Redirect, AppError> {
    let session = &form.visitor.session;
    let chosen = Fingerprint::parse(&form.fields.session).ok_or(AppError::Form)?;
    let Some(owner) = session.owner() else { return Ok(Redirect::to("/devices")) };
    let message = if app.sessions.revoke(&owner, chosen).await? {
        "That device is signed out."
    } else {
        "That device was signed out already."
    };
    session.flash("info", message)?;
    Ok(Redirect::to("/devices"))
}

pub(crate) async fn sign_out_others(
    State(app): State<App>,
    form: Checked<Button>,
) -> Result<Redirect, AppError> {
    let session = &form.visitor.session;
    let Some(owner) = session.owner() else { return Ok(Redirect::to("/devices")) };
    let ended = app.sessions.revoke_all(&owner, Some(session)).await?;
    let ended = counted(ended, "other device is", "other devices are");
    session.flash("info", format!("{ended} signed out."))?;
    Ok(Redirect::to("/devices"))
}

fn list(devices: &[UserSession], this: Option<Fingerprint>, token: &Token) -> Markup {
    let now = SystemClock.now();
    html! {
        h1 { "My devices" }
        p.lead { (counted(devices.len(), "browser is", "browsers are")) " signed in as you." }
        ul.devices { @for device in devices { (card(device, Some(device.id) == this, now, token)) } }
        @if devices.len() > 1 {
            form.actions method="post" action="/devices/sign-out-others" {
                (token.field())
                button { "Sign out everywhere else" }
            }
        }
        p.fine {
            "“Last seen” is exact to a twentieth of the time after which an unused session ends: a minute and \
             a half, or a day and a half with “keep me signed in”. So most clicks cost no writing at all."
        }
    }
}

fn card(device: &UserSession, is_this: bool, now: Timestamp, token: &Token) -> Markup {
    let name = agent::describe(&device.device.agent);
    html! {
        li.device aria-current=[is_this.then_some("true")] {
            div.title {
                h2 { (name) }
                @if is_this { span.badge { "this browser" } }
            }
            dl {
                div { dt { "Address" } dd { (address(device)) } }
                div { dt { "Signed in" } dd { (when(device.created, now)) } }
                div { dt { "Last seen" } dd { @if is_this { "now" } @else { (when(device.last_seen, now)) } } }
                div { dt { "Session" } dd { code { "#" (device.id) } } }
            }
            @if is_this {
                form method="post" action="/sign-out" { (token.field()) button.quiet { "Sign out here" } }
            } @else {
                form method="post" action="/devices/sign-out" {
                    (token.field())
                    input type="hidden" name="session" value=(device.id);
                    button.quiet aria-label={ "Sign out " (name) ", session #" (device.id) } { "Sign out" }
                }
            }
        }
    }
}

fn address(device: &UserSession) -> &str {
    if device.device.address.is_empty() { "unknown" } else { &device.device.address }
}

fn when(time: Option<Timestamp>, now: Timestamp) -> Markup {
    let elapsed =
        |time: Timestamp| Duration::from_millis(now.as_millis().saturating_sub(time.as_millis()));
    html! {
        @match time {
            Some(time) => { (ago(elapsed(time))) span.fine { (moment(time)) } }
            None => { "unknown" }
        }
    }
}
