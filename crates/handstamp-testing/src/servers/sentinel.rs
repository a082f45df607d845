//! A Redis master with two replicas, watched by three Sentinels.

use std::fs;
use std::process::Command;

use super::folder::Folder;
use super::process::Signal;
use super::program;
use super::redis::{Redis, RedisOptions, RedisProgram};
use super::server::{self, Kind, Server};

/// A master, two replicas and three Sentinels, which replace a master that is silent for a second.
#[derive(Debug)]
pub struct Sentinel {
    // Before the nodes, so that nobody elects a master while they end.
    sentinels: Vec<Server>,
    nodes: Vec<Redis>,
}

impl Sentinel {
    /// The name under which the Sentinels know the master.
    pub const MASTER: &str = "handstamp";

    /// Starts all six and waits until the Sentinels know each other and the replicas.
    #[must_use]
    pub fn start() -> Self {
        let master = Redis::start(RedisOptions::default());
        let replica_of = Some(master.port());
        let replica = || Redis::start(RedisOptions { replica_of, ..RedisOptions::default() });
        let nodes = vec![master, replica(), replica()];
        server::wait_until("the replicas follow their master", || {
            nodes[1..].iter().all(|node| node.info("master_link_status").as_deref() == Some("up"))
        });
        let sentinels = (0..3).map(|_| start_sentinel(&nodes[0])).collect();
        let all = Self { sentinels, nodes };
        server::wait_until("the Sentinels know all", || {
            all.sentinels.iter().all(|sentinel| knows_all(&ask(sentinel, "MASTER")))
        });
        all
    }

    /// The addresses of the Sentinels: `127.0.0.1:PORT`.
    pub fn addresses(&self) -> Vec<String> {
        self.sentinels.iter().map(Server::address).collect()
    }

    /// The Sentinels. Each can be killed and started again.
    pub fn sentinels(&self) -> &[Server] {
        &self.sentinels
    }

    /// The master and the replicas, the first master first. Each can be killed and started again; it comes
    /// back empty and becomes a replica of the present master.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The master, as the first Sentinel that runs sees it.
    ///
    /// # Panics
    ///
    /// When no Sentinel runs.
    pub fn master(&self) -> &Redis {
        let sentinel = self.sentinels.iter().find(|sentinel| sentinel.is_running());
        let answer = ask(sentinel.expect("a Sentinel runs"), "GET-MASTER-ADDR-BY-NAME");
        let port = answer.lines().last().and_then(|line| line.parse().ok());
        let master = self.nodes.iter().find(|node| Some(node.port()) == port);
        master.expect("the master is a node of ours")
    }
}

fn start_sentinel(master: &Redis) -> Server {
    let program = RedisProgram::Redis.find();
    let folder = Folder::create();
    let file = folder.path().join("sentinel.conf");
    // It writes what it learns into this file, so it can be started again.
    fs::write(&file, configuration(master.port())).expect("our folder can be written");
    let home = folder.file("");
    let kind = Kind {
        name: "Sentinel",
        ready: "+monitor master",
        ending: Signal::Kill,
        command: Box::new(move |port| {
            let mut command = Command::new(&program);
            command.arg(&file).args(["--sentinel", "--dir", &home, "--port", &port.to_string()]);
            command
        }),
    };
    Server::start_in(folder, kind)
}

fn configuration(master: u16) -> String {
    let name = Sentinel::MASTER;
    format!(
        "\
bind 127.0.0.1
sentinel monitor {name} 127.0.0.1 {master} 2
sentinel down-after-milliseconds {name} 1000
sentinel failover-timeout {name} 5000
"
    )
}

/// Asks a Sentinel about the master.
fn ask(sentinel: &Server, command: &str) -> String {
    let mut cli = Command::new(program::find("redis-cli", "Debian's package redis-tools"));
    cli.args(["-e", "-h", "127.0.0.1", "-p", &sentinel.port().to_string()]);
    program::run(cli.args(["SENTINEL", command, Sentinel::MASTER])).trim_end().to_owned()
}

/// Whether this answer to `SENTINEL MASTER` tells of two replicas and two other Sentinels. The answer is a
/// name and a value by turns, each on its line.
fn knows_all(answer: &str) -> bool {
    let lines: Vec<&str> = answer.lines().collect();
    let is = |field: [&str; 2]| lines.windows(2).any(|pair| pair == field);
    is(["num-slaves", "2"]) && is(["num-other-sentinels", "2"]) && is(["flags", "master"])
}
