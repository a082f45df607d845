//! A wire to servers that counts round trips.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How much is carried at once: more than any message of these tests.
const PIECE: usize = 64 * 1024;

/// Carries connections to servers and counts how often somebody asks and then waits for an answer.
///
/// What is sent while an answer is waited for, on the same connection or on another one, shares its round
/// trip.
#[derive(Debug)]
pub(crate) struct Wire {
    addresses: Vec<String>,
    meter: Arc<Meter>,
    _connections: JoinSet<()>,
}

impl Wire {
    /// Listens in front of a server's address, on the present runtime.
    pub(crate) async fn start(server: String) -> Self {
        Self::to_all(vec![server]).await
    }

    /// Listens in front of each of these servers.
    pub(crate) async fn to_all(servers: Vec<String>) -> Self {
        let (mut addresses, meter) = (Vec::new(), Arc::<Meter>::default());
        let mut all = JoinSet::new();
        for server in servers {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap().to_string());
            all.spawn(listen(listener, server, meter.clone()));
        }
        Self { addresses, meter, _connections: all }
    }

    /// The address that clients connect to: `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.addresses[0]
    }

    /// The addresses in front of the servers, in their order.
    pub(crate) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Holds each answer back for so long, so that what is asked at once of two servers is seen to be.
    pub(crate) fn delay(&self, time: Duration) {
        self.meter.0.lock().unwrap().delay = time;
    }

    /// How many round trips there were since this was last asked.
    pub(crate) fn take(&self) -> usize {
        std::mem::take(&mut self.meter.0.lock().unwrap().trips)
    }
}

/// What the connections of a wire have in common.
#[derive(Debug, Default)]
struct Meter(Mutex<Reading>);

#[derive(Debug, Default)]
struct Reading {
    trips: usize,
    /// How many connections wait for an answer.
    waiting: usize,
    delay: Duration,
}

/// One connection, and whether it waits for an answer.
struct Line {
    meter: Arc<Meter>,
    waits: AtomicBool,
}

impl Line {
    fn ask(&self) {
        let mut reading = self.meter.0.lock().unwrap();
        if !self.waits.swap(true, Ordering::SeqCst) {
            reading.trips += usize::from(reading.waiting == 0);
            reading.waiting += 1;
        }
    }

    fn answer(&self) {
        let mut reading = self.meter.0.lock().unwrap();
        if self.waits.swap(false, Ordering::SeqCst) {
            reading.waiting -= 1;
        }
    }
}

async fn listen(listener: TcpListener, server: String, meter: Arc<Meter>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(carry(client, server.clone(), meter.clone()));
    }
}

async fn carry(client: TcpStream, server: String, meter: Arc<Meter>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let line = Line { meter, waits: AtomicBool::new(false) };
    tokio::select! {
        () = carry_questions(from_client, to_server, &line) => {}
        () = carry_answers(from_server, to_client, &line) => {}
    }
    // Who has gone waits no more.
    line.answer();
}

async fn carry_questions(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, line: &Line) {
    let (mut piece, mut is_servers) = (vec![0; PIECE], false);
    while let Ok(size @ 1..) = from.read(&mut piece).await {
        let asked = &piece[..size];
        is_servers |= comes_from_a_server(asked);
        if !is_servers && !is_check(asked) {
            line.ask();
        }
        if to.write_all(asked).await.is_err() {
            return;
        }
    }
}

async fn carry_answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, line: &Line) {
    let mut piece = vec![0; PIECE];
    while let Ok(size @ 1..) = from.read(&mut piece).await {
        let delay = line.meter.0.lock().unwrap().delay;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        line.answer();
        if to.write_all(&piece[..size]).await.is_err() {
            return;
        }
    }
}

/// Whether it is no more than the question whether a Redis server is there. It is asked every second or so,
/// in whatever moment.
fn is_check(asked: &[u8]) -> bool {
    asked == b"*1\r\n$4\r\nPING\r\n"
}

/// Whether it comes from a Sentinel, which says its name, or from a replica: they reach their master through the
/// wire, too.
fn comes_from_a_server(asked: &[u8]) -> bool {
    let has = |text: &[u8]| asked.windows(text.len()).any(|part| part == text);
    has(b"\r\nsentinel-") || has(b"\r\nREPLCONF\r\n")
}
