//! One PostgreSQL server.

use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;

use super::folder::Folder;
use super::process::Signal;
use super::program;
use super::server::{Kind, Server};

/// The user that PostgreSQL runs as where we are root, because it refuses to run as that.
const USER: &str = "postgres";

const PACKAGE: &str = "Debian's package postgresql";

/// What a PostgreSQL server is to be like.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    /// How many connections it takes; PostgreSQL's own default is 100.
    pub max_connections: Option<u16>,
    /// More of its settings, each as `name=value`.
    pub settings: Vec<String>,
}

/// A PostgreSQL server with a superuser `postgres` who needs no password, and with pg_stat_statements loaded
/// (in the database `postgres` created, too). It is a [`Server`]: it can be killed and started again, and
/// keeps its data then.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    psql: PathBuf,
}

impl Postgres {
    /// Starts one that is nobody else's.
    #[must_use]
    pub fn start(options: PostgresOptions) -> Self {
        let program = program::find("postgres", PACKAGE);
        let psql = program::find("psql", PACKAGE);
        let folder = Folder::create();
        let user = folder.is_made_by_root().then_some(USER);
        initialize(&folder, user);
        let arguments = arguments(&options, &folder);
        let kind = Kind {
            name: "PostgreSQL",
            ready: "database system is ready to accept connections",
            ending: Signal::Quit,
            command: Box::new(move |port| {
                let mut command = program::as_user(user, &program);
                command.args(["-p", &port.to_string()]).args(&arguments);
                command
            }),
        };
        let postgres = Self { server: Server::start_in(folder, kind), psql };
        postgres.ask("CREATE EXTENSION pg_stat_statements");
        postgres
    }

    /// Its URL: `postgres://postgres@127.0.0.1:PORT/postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of another database on it.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}", self.address())
    }

    /// Runs SQL with psql and gives the rows, one a line, with `|` between their columns.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn ask(&self, sql: &str) -> String {
        ask(&self.psql, &self.url(), sql)
    }
}

impl Deref for Postgres {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// Runs SQL with psql where this URL leads.
pub(super) fn ask(psql: &PathBuf, url: &str, sql: &str) -> String {
    let mut command = Command::new(psql);
    // -X: no file of the user's; -q, -A, -t: nothing but the rows.
    command.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]);
    program::run(&mut command).trim_end().to_owned()
}

fn initialize(folder: &Folder, user: Option<&str>) {
    if let Some(user) = user {
        folder.give_to(user);
    }
    let program = program::find("initdb", PACKAGE);
    let mut command = program::as_user(user, program);
    command.args(["-D", &folder.file("data"), "-U", "postgres", "-A", "trust", "-E", "UTF8"]);
    program::run(command.args(["--locale=C", "--no-sync"]));
}

/// The arguments of postgres, but for the port.
fn arguments(options: &PostgresOptions, folder: &Folder) -> Vec<String> {
    let mut arguments =
        vec!["-D".to_owned(), folder.file("data"), "-k".to_owned(), folder.file("")];
    let mut set = |setting: String| arguments.extend(["-c".to_owned(), setting]);
    set("listen_addresses=127.0.0.1".to_owned());
    // What outlives the server's process is enough: no test cuts the machine's power.
    set("fsync=off".to_owned());
    set("shared_preload_libraries=pg_stat_statements".to_owned());
    if let Some(connections) = options.max_connections {
        set(format!("max_connections={connections}"));
    }
    options.settings.iter().cloned().for_each(set);
    arguments
}
