//! A Redis master with two replicas, watched by three Sentinels.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::certificate::Certificate;
use super::folder::Folder;
use super::process::Signal;
use super::program;
use super::redis::{Redis, RedisOptions, RedisProgram};
use super::server::{self, Kind, Server};

/// What the servers with Sentinels are to be like. By default all of them are for everybody, without TLS.
#[derive(Clone, Debug, Default)]
pub struct SentinelOptions {
    /// The only user of the Sentinels, by name and password. The servers are for everybody.
    pub user: Option<(&'static str, &'static str)>,
    /// Whether all of them speak TLS, and nothing else, also with each other, with a certificate of an
    /// [authority of their own](Sentinel::authority).
    pub tls: bool,
}

/// A master, two replicas and three Sentinels, which replace a master that is silent for a second.
#[derive(Debug)]
pub struct Sentinel {
    // Before the nodes, so that nobody elects a master while they end.
    sentinels: Vec<Server>,
    nodes: Vec<Redis>,
    options: SentinelOptions,
    /// The certificate that they share if they speak TLS, and where it is.
    certificate: Option<(Certificate, Folder)>,
}

impl Sentinel {
    /// The name under which the Sentinels know the master.
    pub const MASTER: &str = "handstamp";

    /// Starts all six and waits until the Sentinels know each other and the replicas.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(SentinelOptions::default())
    }

    /// Starts all six, as [`start`](Self::start) does.
    #[must_use]
    pub fn start_with(options: SentinelOptions) -> Self {
        let certificate = options.tls.then(Certificate::create_apart);
        let shared = certificate.as_ref().map(|(certificate, _)| certificate);
        let node = |replica_of| {
            let options = RedisOptions { tls: options.tls, replica_of, ..RedisOptions::default() };
            Redis::start_among(options, shared)
        };
        let master = node(None);
        let replica_of = Some(master.port());
        let nodes = vec![master, node(replica_of), node(replica_of)];
        server::wait_until("the replicas follow their master", || {
            nodes[1..].iter().all(|node| node.info("master_link_status").as_deref() == Some("up"))
        });
        let configuration = configuration(nodes[0].port(), &options, shared);
        let sentinels = (0..3).map(|_| start_sentinel(&configuration, options.tls)).collect();
        let all = Self { sentinels, nodes, options, certificate };
        server::wait_until("the Sentinels know all", || {
            all.sentinels.iter().all(|sentinel| knows_all(&all.ask(sentinel, "MASTER")))
        });
        all
    }

    /// The file with the certificate, in PEM, that clients have to trust, if they speak TLS.
    pub fn authority(&self) -> Option<PathBuf> {
        self.certificate.as_ref().map(|(certificate, _)| certificate.authority())
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
        let answer = self.ask(sentinel.expect("a Sentinel runs"), "GET-MASTER-ADDR-BY-NAME");
        let port = answer.lines().last().and_then(|line| line.parse().ok());
        let master = self.nodes.iter().find(|node| Some(node.port()) == port);
        master.expect("the master is a node of ours")
    }

    /// Asks a Sentinel about the master.
    fn ask(&self, sentinel: &Server, command: &str) -> String {
        let mut cli = Command::new(program::find("redis-cli", "Debian's package redis-tools"));
        cli.args(["-e", "-h", "127.0.0.1", "-p", &sentinel.port().to_string()]);
        if let Some((name, password)) = self.options.user {
            cli.args(["--no-auth-warning", "--user", name, "--pass", password]);
        }
        if let Some((certificate, _)) = &self.certificate {
            cli.args(certificate.for_cli());
        }
        program::run(cli.args(["SENTINEL", command, Self::MASTER])).trim_end().to_owned()
    }
}

fn start_sentinel(configuration: &str, tls: bool) -> Server {
    let program = RedisProgram::Redis.find();
    let folder = Folder::create();
    let file = folder.path().join("sentinel.conf");
    // It writes what it learns into this file, so it can be started again.
    fs::write(&file, configuration).expect("our folder can be written");
    let home = folder.file("");
    let port_argument = if tls { "--tls-port" } else { "--port" };
    let kind = Kind {
        name: "Sentinel",
        ready: "+monitor master",
        ending: Signal::Kill,
        command: Box::new(move |port| {
            let mut command = Command::new(&program);
            command.arg(&file).args(["--sentinel", "--dir", &home]);
            command.args([port_argument, &port.to_string()]);
            command
        }),
    };
    Server::start_in(folder, kind)
}

fn configuration(
    master: u16,
    options: &SentinelOptions,
    certificate: Option<&Certificate>,
) -> String {
    let name = Sentinel::MASTER;
    let mut lines = vec![
        "bind 127.0.0.1".to_owned(),
        format!("sentinel monitor {name} 127.0.0.1 {master} 2"),
        format!("sentinel down-after-milliseconds {name} 1000"),
        format!("sentinel failover-timeout {name} 5000"),
    ];
    if let Some((user, password)) = options.user {
        lines.push(format!("user {user} on >{password} ~* &* +@all"));
        lines.push("user default off".to_owned());
        // With each other they speak as this user, too.
        lines.push(format!("sentinel sentinel-user {user}"));
        lines.push(format!("sentinel sentinel-pass {password}"));
    }
    let certified = certificate.map(Certificate::for_redis).into_iter().flatten();
    lines.extend(certified.map(|(name, value)| format!("{name} {value}")));
    lines.join("\n")
}

/// Whether this answer to `SENTINEL MASTER` tells of two replicas and two other Sentinels. The answer is a
/// name and a value by turns, each on its line.
fn knows_all(answer: &str) -> bool {
    let lines: Vec<&str> = answer.lines().collect();
    let is = |field: [&str; 2]| lines.windows(2).any(|pair| pair == field);
    is(["num-slaves", "2"]) && is(["num-other-sentinels", "2"]) && is(["flags", "master"])
}
