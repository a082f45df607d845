//! Another process of the application, for `tests/it/increments.rs`: it increments a session by many
//! requests at once. Its arguments are the store's URL, where the store keeps its sessions, and the cookie.
#![allow(clippy::unwrap_used, reason = "a process that fails is seen by the test")]
#![allow(dead_code, unreachable_pub, reason = "the test needs more of these modules")]

use std::env;
use std::time::Duration;

#[path = "../tests/it/browser.rs"]
mod browser;
#[path = "../tests/it/counting.rs"]
mod counting;
#[path = "../tests/it/store.rs"]
mod store;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = env::args().collect();
    let [_, url, space, cookie] = &arguments[..] else {
        panic!("the arguments are URL, SPACE and COOKIE")
    };
    let manager = counting::manager(store::open(url, space).await);
    counting::increment(&[manager], cookie, Duration::ZERO).await;
}
