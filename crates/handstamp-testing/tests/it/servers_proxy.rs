//! The proxy that makes a network misbehave, in front of a server that gives back what it is sent.

#![allow(clippy::unwrap_used, reason = "what unwraps here fails a test with its line")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use handstamp_testing::servers::Proxy;

/// A connection through the proxy.
struct Client(TcpStream);

impl Client {
    fn connect(proxy: &Proxy) -> Self {
        let stream = TcpStream::connect(proxy.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(stream)
    }

    /// Sends bytes and waits until as many are back.
    fn echo(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(bytes)?;
        self.receive(bytes.len())
    }

    fn receive(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut answer = vec![0; count];
        self.0.read_exact(&mut answer)?;
        Ok(answer)
    }

    fn is_closed(&mut self) -> bool {
        !matches!(self.0.read(&mut [0]), Ok(1..))
    }
}

/// A server that gives back what it is sent, on a thread that ends with this process.
fn echo_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || io::copy(&mut stream.try_clone().unwrap(), &mut stream));
        }
    });
    address
}

#[test]
fn a_proxy_carries_everything_until_one_side_ends() {
    let proxy = Proxy::start(echo_server());
    let mut client = Client::connect(&proxy);
    let much: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
    let mut writer = client.0.try_clone().unwrap();
    let sent = much.clone();
    let writing = thread::spawn(move || writer.write_all(&sent));
    assert_eq!(client.receive(much.len()).unwrap(), much);
    writing.join().unwrap().unwrap();
    client.0.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(client.is_closed());
}

#[test]
fn a_delay_makes_a_round_trip_longer() {
    let proxy = Proxy::start(echo_server());
    let mut client = Client::connect(&proxy);
    proxy.delay(Duration::from_millis(150));
    let start = Instant::now();
    assert_eq!(client.echo(b"ping").unwrap(), b"ping");
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[test]
fn a_cut_ends_what_is_there_and_nothing_else() {
    let proxy = Proxy::start(echo_server());
    let mut client = Client::connect(&proxy);
    client.echo(b"ping").unwrap();
    proxy.cut();
    assert!(client.is_closed());
    assert_eq!(Client::connect(&proxy).echo(b"ping").unwrap(), b"ping");
}

#[test]
fn a_reply_is_cut_in_its_middle() {
    let proxy = Proxy::start(echo_server());
    let mut client = Client::connect(&proxy);
    proxy.cut_after(6);
    assert_eq!(client.echo(b"ping").unwrap(), b"ping");
    client.0.write_all(b"pong").unwrap();
    assert_eq!(client.receive(2).unwrap(), b"po");
    assert!(client.is_closed());
    assert_eq!(Client::connect(&proxy).echo(b"ping").unwrap(), b"ping");
}

#[test]
fn a_black_hole_holds_back_what_arrives_later() {
    let proxy = Proxy::start(echo_server());
    let mut client = Client::connect(&proxy);
    client.echo(b"ping").unwrap();
    proxy.black_hole();
    client.0.write_all(b"pong").unwrap();
    client.0.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let silence = client.receive(4).unwrap_err().kind();
    assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut));
    let mut late = Client::connect(&proxy);
    late.0.write_all(b"ping").unwrap();
    proxy.heal();
    client.0.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(client.receive(4).unwrap(), b"pong");
    assert_eq!(late.receive(4).unwrap(), b"ping");
}

#[test]
fn a_closed_port_refuses_who_is_new() {
    let proxy = Proxy::start(echo_server());
    let mut client = Client::connect(&proxy);
    client.echo(b"ping").unwrap();
    proxy.refuse();
    let refused = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(client.echo(b"ping").unwrap(), b"ping");
    proxy.heal();
    assert_eq!(Client::connect(&proxy).echo(b"ping").unwrap(), b"ping");
}

#[test]
fn a_server_that_is_away_closes_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap().to_string());
    drop(listener);
    assert!(Client::connect(&proxy).is_closed());
}

#[test]
fn a_proxy_that_is_dropped_closes_its_port_and_its_connections() {
    let proxy = Proxy::start(echo_server());
    let mut client = Client::connect(&proxy);
    client.echo(b"ping").unwrap();
    let address = proxy.address();
    drop(proxy);
    assert!(client.is_closed());
    assert!(TcpStream::connect(address).is_err());
}
