//! The program that starts servers for tests in other languages.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The program while it runs.
struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The line with which it says where the servers are.
    places: Value,
}

impl Program {
    fn start(names: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handstamp-servers"));
        let child = command.args(names).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("the program is built with the tests");
        let input = child.stdin.take().expect("its input is a pipe");
        let mut output = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let places = serde_json::from_str(&line(&mut output)).expect("its first line is JSON");
        Self { child, input, output, places }
    }

    /// Gives a command and returns the answer.
    fn tell(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}").expect("it reads commands");
        line(&mut self.output)
    }

    /// The port in the URL of a server.
    fn port(&self, name: &str) -> u16 {
        let url = self.places[name].as_str().expect("it has a URL");
        let authority = url.split('/').nth(2).expect("it has a host");
        let port = authority.rsplit(':').next().expect("it has a port");
        port.parse().expect("the port is a number")
    }
}

fn line(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).expect("it writes lines");
    line.trim_end().to_owned()
}

fn is_open(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Waits for the end of processes that are not our children, so nothing tells us of it.
#[track_caller]
fn until_closed(port: u16) {
    let start = Instant::now();
    while is_open(port) {
        assert!(start.elapsed() < Duration::from_secs(60), "{port} is open after a minute");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn servers_end_when_the_process_that_holds_them_is_killed() {
    let names = ["redis", "valkey", "postgres", "pgbouncer", "mariadb", "redis-proxy"];
    let mut program = Program::start(&names);
    let ports = names.map(|name| program.port(name));
    assert!(ports.into_iter().all(is_open));
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    ports.into_iter().for_each(until_closed);
}

#[test]
fn servers_end_with_the_commands() {
    let mut program = Program::start(&["redis"]);
    let port = program.port("redis");
    assert!(is_open(port));
    drop(program.input);
    assert!(program.child.wait().unwrap().success());
    assert!(!is_open(port));
}

#[test]
fn servers_are_killed_and_started_by_command() {
    let mut program = Program::start(&["redis"]);
    let port = program.port("redis");
    assert_eq!(program.tell("kill redis"), "ok");
    assert!(!is_open(port));
    assert_eq!(program.tell("start redis"), "ok");
    assert!(is_open(port));
    assert_eq!(program.tell("pause redis"), "ok");
    assert_eq!(program.tell("resume redis"), "ok");
}

#[test]
fn proxies_do_what_they_are_told() {
    let mut program = Program::start(&["redis-proxy"]);
    let port = program.port("redis-proxy");
    assert_ne!(port, program.port("redis"));
    for command in [
        "delay redis-proxy 5",
        "cut-after redis-proxy 7",
        "black-hole redis-proxy",
        "cut redis-proxy",
    ] {
        assert_eq!(program.tell(command), "ok");
    }
    assert_eq!(program.tell("refuse redis-proxy"), "ok");
    assert!(!is_open(port));
    assert_eq!(program.tell("heal redis-proxy"), "ok");
    assert!(is_open(port));
}

#[test]
fn sockets_lead_to_servers() {
    let program = Program::start(&["redis-socket", "postgres-socket", "mariadb-socket"]);
    let behind = |name: &str, start: &str| {
        let url = program.places[name].as_str().expect("it has a URL").replace("%2F", "/");
        url.split_once(start).expect(start).1.to_owned()
    };
    let redis = behind("redis-socket", "redis+unix://");
    let mariadb = behind("mariadb-socket", "?socket=");
    // PostgreSQL's URLs have the folder in the place of a host.
    let postgres =
        behind("postgres-socket", "@").replace("/postgres", "").replace("/:", "/.s.PGSQL.");
    for socket in [redis, mariadb, postgres] {
        assert!(UnixStream::connect(&socket).is_ok(), "{socket}");
    }
}

#[test]
fn clusters_and_sentinels_obey_by_node() {
    let mut program = Program::start(&["cluster", "sentinel"]);
    assert_eq!(program.places["cluster"].as_array().unwrap().len(), 6);
    assert_eq!(program.places["sentinel"]["addresses"].as_array().unwrap().len(), 3);
    assert_eq!(program.places["sentinel"]["master"], "handstamp");
    for command in [
        "move cluster key",
        "kill cluster master key",
        "kill sentinel master",
        "start sentinel 0",
        "restart cluster 5",
    ] {
        assert_eq!(program.tell(command), "ok", "{command}");
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let mut program = Program::start(&["redis-proxy"]);
    for (command, answer) in [
        ("", "error: an empty line"),
        ("dance redis", "error: no command is called dance"),
        ("kill postgres", "error: no single server is called postgres"),
        ("kill cluster 0", "error: no cluster was started"),
        ("kill redis 1 2", "error: no server is called \"redis 1 2\""),
        ("cut redis", "error: no proxy is called redis"),
        ("delay redis-proxy", "error: a number is missing at the end"),
        ("move redis", "error: move what? `move cluster KEY`"),
    ] {
        assert_eq!(program.tell(command), answer);
    }
}

#[test]
fn an_unknown_server_is_refused() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handstamp-servers"));
    let output = command.arg("oracle").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "error: no server is called oracle\n");
}

#[test]
fn tls_comes_with_the_certificate_to_trust() {
    let program = Program::start(&["redis-tls", "postgres-tls", "redis-user"]);
    for name in ["redis-tls-authority", "postgres-tls-authority"] {
        let file = std::fs::read_to_string(program.places[name].as_str().unwrap()).unwrap();
        assert!(file.starts_with("-----BEGIN CERTIFICATE-----"));
    }
    let url = program.places["redis-user"].as_str().unwrap();
    assert!(url.starts_with("redis://app:password@127.0.0.1:"));
}
