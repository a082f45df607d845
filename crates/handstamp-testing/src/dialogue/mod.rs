//! What every middleware has to do over HTTP, as dialogues written down as data: see
//! [`http_suite!`](crate::http_suite).
//!
//! A dialogue is a file of `dialogues/`: some browsers, what they ask, what they are to be answered.
//! The files know nothing of Rust, so that the very same are played against tower, against actix and
//! against the npm package. Their format, and the little application that each adapter has to put
//! behind its middleware, are described in `dialogues/README.md`.
//!
//! - [`Client`] is what an adapter brings: a way to send a request to that application.
//! - [`Backstage`] makes what is behind it from a dialogue's settings: manager, counting store, clock.
//! - [`perform`] is the application itself, but for reading the request and writing the response.
//!
//! What a step doesn't expect must not happen: a credential that nobody announced fails the dialogue.

mod application;
mod backstage;
mod browser;
mod client;
mod credential;
mod format;
mod jar;
mod player;
mod suite;
mod template;

pub use application::{Reply, perform};
pub use backstage::Backstage;
pub use client::{Client, Request, Response};
pub use format::{App, Dialogue};
pub use player::play;
#[doc(hidden)]
pub use suite::play_file;
