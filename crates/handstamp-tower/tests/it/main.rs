//! Tests of the tower layer and of axum's extractors, in one binary.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with its line")]

/// The test application of the dialogues.
mod app;
/// Bodies that go on after the head has left.
mod bodies;
/// Everything is saved before the head leaves, or the answer is another one.
mod commit;
/// The HTTP suite, over the memory store and over SQLite.
mod dialogues;
/// What handlers get, and how often it is loaded.
mod extractors;
/// A manager, a store that fails on command, and the events that were told.
mod lab;
/// Layers in layers, with markers and without; no layer at all.
mod layers;
/// What reaches the log.
mod logs;
/// Handlers that fail, panic or are cancelled.
mod lost;
/// Sessions without a request around them.
mod outside;
/// Requests that meet in the middle of their work, in this process.
mod races;
/// Many requests at once, over real connections.
mod sockets;
/// Stores that fail, hang, or come back.
mod store_failures;
/// The stores that the tests run on.
mod stores;
