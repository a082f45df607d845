//! One server of Redis or Valkey.

use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;

use super::certificate::Certificate;
use super::folder::Folder;
use super::port;
use super::process::Signal;
use super::program;
use super::proxy::Proxy;
use super::server::{Kind, Server};
use super::valkey;

/// The programs that speak Redis's protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RedisProgram {
    /// redis-server.
    #[default]
    Redis,
    /// valkey-server.
    Valkey,
}

/// What a Redis server is to be like. By default it keeps all it is given, in memory only, for everybody.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// The program to run.
    pub program: RedisProgram,
    /// The only user, by name and password. Without one, everybody may do everything.
    pub user: Option<(&'static str, &'static str)>,
    /// Whether it speaks TLS, and nothing else, with a certificate of an
    /// [authority of its own](Redis::authority).
    pub tls: bool,
    /// Whether it listens on a Unix socket, too.
    pub socket: bool,
    /// How many bytes it may keep before it answers writes with `OOM command not allowed`.
    pub maxmemory: Option<u64>,
    /// The port of the server that it is a replica of.
    pub replica_of: Option<u16>,
    /// Whether it can be one of a [`Cluster`](super::Cluster).
    pub clustered: bool,
    /// More of its arguments: `["--maxclients", "10"]`.
    pub settings: Vec<String>,
}

/// A server of Redis or Valkey. It is a [`Server`]: it can be killed and started again. What it kept is lost
/// then, as it writes nothing to disk.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    options: RedisOptions,
    certificate: Option<Certificate>,
    cli: PathBuf,
}

impl Redis {
    /// Starts one that is nobody else's.
    #[must_use]
    pub fn start(options: RedisOptions) -> Self {
        let folder = Folder::create();
        let certificate = options.tls.then(|| Certificate::create(&folder));
        Self::start_in(folder, options, certificate)
    }

    /// Starts one among several, which all have one certificate if they speak TLS.
    pub(super) fn start_among(options: RedisOptions, certificate: Option<&Certificate>) -> Self {
        Self::start_in(Folder::create(), options, certificate.cloned())
    }

    fn start_in(folder: Folder, options: RedisOptions, certificate: Option<Certificate>) -> Self {
        let program = options.program.find();
        let cli = program::find("redis-cli", "Debian's package redis-tools");
        let command =
            command(program, arguments(&options, certificate.as_ref(), &folder), &options);
        let kind = Kind {
            name: options.program.name(),
            ready: "Ready to accept connections",
            ending: Signal::Kill,
            command: Box::new(command),
        };
        Self { server: Server::start_in(folder, kind), options, certificate, cli }
    }

    /// Its URL, with user and password if it has some: `redis://127.0.0.1:PORT`, or `rediss://…` with TLS.
    pub fn url(&self) -> String {
        self.url_at(&self.address())
    }

    /// Its URL through a proxy in front of it.
    pub fn url_through(&self, proxy: &Proxy) -> String {
        self.url_at(&proxy.address())
    }

    /// The path of its Unix socket, if it was to have one.
    pub fn socket(&self) -> Option<PathBuf> {
        self.options.socket.then(|| self.folder().path().join(SOCKET))
    }

    /// Its URL by its Unix socket, if it was to have one.
    pub fn url_by_socket(&self) -> Option<String> {
        self.socket().map(|path| format!("redis+unix://{}", path.display()))
    }

    /// The file with the certificate, in PEM, that clients have to trust, if it speaks TLS.
    pub fn authority(&self) -> Option<PathBuf> {
        self.certificate.as_ref().map(Certificate::authority)
    }

    /// Asks it with redis-cli and gives the answer, one line per item.
    ///
    /// # Panics
    ///
    /// When the answer is an error, or there is none.
    pub fn ask(&self, command: &[&str]) -> String {
        program::run(&mut self.question(command)).trim_end().to_owned()
    }

    fn question(&self, command: &[&str]) -> Command {
        let mut cli = self.cli();
        // With -e an error answer is a failure.
        cli.args(["-e", "-h", "127.0.0.1", "-p", &self.port().to_string()]).args(command);
        cli
    }

    /// redis-cli, told how to connect, but not to whom.
    pub(super) fn cli(&self) -> Command {
        let mut cli = Command::new(&self.cli);
        if let Some((name, password)) = self.options.user {
            cli.args(["--no-auth-warning", "--user", name, "--pass", password]);
        }
        if let Some(certificate) = &self.certificate {
            cli.args(certificate.for_cli());
        }
        cli
    }

    /// The value of a field of `INFO`, such as `role` or `used_memory`.
    ///
    /// # Panics
    ///
    /// When there is no answer, also not the second time: Sentinels cut all connections of a server that they
    /// make a replica.
    pub fn info(&self, field: &str) -> Option<String> {
        let first = program::output(&mut self.question(&["INFO"]));
        let info = match first.status.success() {
            true => String::from_utf8_lossy(&first.stdout).into_owned(),
            false => self.ask(&["INFO"]),
        };
        let mut fields = info.lines().filter_map(|line| line.trim_end().split_once(':'));
        fields.find(|(name, _)| *name == field).map(|(_, value)| value.to_owned())
    }

    fn url_at(&self, address: &str) -> String {
        let scheme = if self.options.tls { "rediss" } else { "redis" };
        let user = self.options.user;
        let user = user.map(|(name, password)| format!("{name}:{password}@")).unwrap_or_default();
        format!("{scheme}://{user}{address}")
    }
}

impl Deref for Redis {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl RedisProgram {
    pub(super) fn find(self) -> PathBuf {
        match self {
            Self::Redis => program::find("redis-server", "Debian's package redis-server"),
            Self::Valkey => valkey::find(),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
        }
    }
}

const SOCKET: &str = "redis.sock";

fn command(
    program: PathBuf,
    arguments: Vec<String>,
    options: &RedisOptions,
) -> impl Fn(u16) -> Command + Send + Sync + 'static {
    let port_argument = if options.tls { "--tls-port" } else { "--port" };
    let clustered = options.clustered;
    move |port| {
        let mut command = Command::new(&program);
        command.args([port_argument, &port.to_string()]).args(&arguments);
        if clustered {
            command.args(["--cluster-port", &port::of_bus(port).to_string()]);
        }
        command
    }
}

/// The arguments of the server, but for the port.
fn arguments(
    options: &RedisOptions,
    certificate: Option<&Certificate>,
    folder: &Folder,
) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut set = |words: &[&str]| arguments.extend(words.iter().map(ToString::to_string));
    set(&["--bind", "127.0.0.1", "--dir", &folder.file("")]);
    set(&["--save", "", "--appendonly", "no"]);
    // A replica gets what its master has at once, and not after the usual wait for more replicas.
    set(&["--repl-diskless-sync-delay", "0"]);
    if let Some((name, password)) = options.user {
        set(&["--user", name, "on", &format!(">{password}"), "~*", "&*", "+@all"]);
        set(&["--user", "default", "off"]);
    }
    if let Some(certificate) = certificate {
        for (name, value) in certificate.for_redis() {
            set(&[&format!("--{name}"), &value]);
        }
    }
    if options.socket {
        set(&["--unixsocket", &folder.file(SOCKET)]);
    }
    if let Some(bytes) = options.maxmemory {
        set(&["--maxmemory", &bytes.to_string(), "--maxmemory-policy", "noeviction"]);
    }
    if let Some(port) = options.replica_of {
        set(&["--replicaof", "127.0.0.1", &port.to_string()]);
    }
    if options.clustered {
        set(&["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]);
        // A server that was built without TLS does not know the setting.
        if options.tls {
            set(&["--tls-cluster", "yes"]);
        }
    }
    arguments.extend_from_slice(&options.settings);
    arguments
}
