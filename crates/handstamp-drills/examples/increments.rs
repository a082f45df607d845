//! Another process of the application, for `tests/it/increments.rs`: it increments a session by many
//! requests at once. Its arguments are the store's URL, where the store keeps its sessions, and the cookie.
//!
//! It says when all requests have looked the session up, and saves it when it is told to.
#![allow(clippy::unwrap_used, reason = "a process that fails is seen by the test")]
#![allow(dead_code, unreachable_pub, reason = "the test needs more of these modules")]

use std::io::Write;
use std::{env, io};

use tokio::task::block_in_place;

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
    counting::increment(&[manager], cookie, wait_for_the_others()).await;
}

async fn wait_for_the_others() {
    print!("{}", counting::READY);
    io::stdout().flush().unwrap();
    let mut line = String::new();
    block_in_place(|| io::stdin().read_line(&mut line)).unwrap();
    assert_eq!(line, counting::GO, "the test has ended");
}
