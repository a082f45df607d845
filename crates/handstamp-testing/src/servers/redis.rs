//! One Redis server.

use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;

use super::folder::Folder;
use super::process::Signal;
use super::program;
use super::server::{Kind, Server};

/// What a Redis server is to be like. By default it keeps all it is given, in memory only, for everybody.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// The only user, by name and password. Without one, everybody may do everything.
    pub user: Option<(&'static str, &'static str)>,
    /// Whether it listens on a Unix socket, too.
    pub socket: bool,
    /// How many bytes it may keep before it answers writes with `OOM command not allowed`.
    pub maxmemory: Option<u64>,
    /// The port of the server that it is a replica of.
    pub replica_of: Option<u16>,
    /// More of its settings, each as its name and values: `["--maxclients", "10"]`.
    pub settings: Vec<String>,
}

/// A Redis server. It is a [`Server`]: it can be killed and started again. What it kept is lost then, as it
/// writes nothing to disk.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    options: RedisOptions,
    cli: PathBuf,
}

impl Redis {
    /// Starts one that is nobody else's.
    #[must_use]
    pub fn start(options: RedisOptions) -> Self {
        let program = program::find("redis-server", "Debian's package redis-server");
        let cli = program::find("redis-cli", "Debian's package redis-tools");
        let folder = Folder::create();
        let arguments = arguments(&options, &folder);
        let kind = Kind {
            name: "Redis",
            ready: "Ready to accept connections",
            ending: Signal::Kill,
            command: Box::new(move |port| {
                let mut command = Command::new(&program);
                command.args(["--port", &port.to_string()]).args(&arguments);
                command
            }),
        };
        Self { server: Server::start_in(folder, kind), options, cli }
    }

    /// Its URL, with user and password if it has some: `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://{}{}", self.credentials(), self.address())
    }

    /// The path of its Unix socket, if it was to have one.
    pub fn socket(&self) -> Option<PathBuf> {
        self.options.socket.then(|| self.folder().path().join(SOCKET))
    }

    /// Asks it with redis-cli and gives the answer, one line per item.
    ///
    /// # Panics
    ///
    /// When the answer is an error, or there is none.
    pub fn ask(&self, command: &[&str]) -> String {
        let mut cli = Command::new(&self.cli);
        // With -e an error answer is a failure.
        cli.args(["-e", "-h", "127.0.0.1", "-p", &self.port().to_string()]);
        if let Some((name, password)) = self.options.user {
            cli.args(["--no-auth-warning", "--user", name, "--pass", password]);
        }
        program::run(cli.args(command)).trim_end().to_owned()
    }

    fn credentials(&self) -> String {
        self.options.user.map(|(name, password)| format!("{name}:{password}@")).unwrap_or_default()
    }
}

impl Deref for Redis {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

const SOCKET: &str = "redis.sock";

/// The arguments of redis-server, but for the port.
fn arguments(options: &RedisOptions, folder: &Folder) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut set = |words: &[&str]| arguments.extend(words.iter().map(ToString::to_string));
    set(&["--bind", "127.0.0.1", "--dir", &folder.path().display().to_string()]);
    set(&["--save", "", "--appendonly", "no"]);
    if let Some((name, password)) = options.user {
        set(&["--user", name, "on", &format!(">{password}"), "~*", "&*", "+@all"]);
        set(&["--user", "default", "off"]);
    }
    if options.socket {
        set(&["--unixsocket", &folder.file(SOCKET)]);
    }
    if let Some(bytes) = options.maxmemory {
        set(&["--maxmemory", &bytes.to_string(), "--maxmemory-policy", "noeviction"]);
    }
    if let Some(port) = options.replica_of {
        set(&["--replicaof", "127.0.0.1", &port.to_string()]);
        // A replica gets what its master has at once, and not after the usual wait for more replicas.
        set(&["--repl-diskless-sync-delay", "0"]);
    }
    arguments.extend_from_slice(&options.settings);
    arguments
}
