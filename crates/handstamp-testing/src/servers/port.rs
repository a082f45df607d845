//! Ports that nobody listens on.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that systems give to clients (from 32768 on Linux, from 49152 elsewhere). A port among
/// those can be taken by any client while its server is down, and a client that tries to reconnect to it can
/// even be given that very port, and so be connected to itself.
const FIRST: u16 = 10_000;
const COUNT: u16 = 11_000;

/// A port of 127.0.0.1 that is free at this moment. Another process may take it before a server does, so
/// whoever starts a server has to be ready to try again.
pub(super) fn free() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run side by side begin at different places.
    let start = process::id().wrapping_mul(97) % u32::from(COUNT);
    (0..COUNT)
        .map(|_| u32::from(NEXT.fetch_add(1, Ordering::Relaxed)))
        .map(|step| FIRST + u16::try_from((start + step) % u32::from(COUNT)).unwrap())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a port is free on 127.0.0.1")
}

/// The port on which the nodes of a cluster talk to the one that clients reach on this port. These have a
/// range of their own.
pub(super) fn of_bus(port: u16) -> u16 {
    port + COUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_listens_on_is_not_free() {
        let taken = TcpListener::bind(("127.0.0.1", free())).unwrap();
        let taken = taken.local_addr().unwrap().port();
        let range = FIRST..FIRST + COUNT;
        for _ in range.clone() {
            let port = free();
            assert!(range.contains(&port) && port != taken);
        }
    }
}
