//! One PostgreSQL server.

use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;

use super::certificate::Certificate;
use super::folder::Folder;
use super::process::Signal;
use super::program;
use super::proxy::Proxy;
use super::server::{Kind, Server};

/// The user that PostgreSQL runs as where we are root, because it refuses to run as that.
pub(super) const USER: &str = "postgres";

pub(super) const PACKAGE: &str = "Debian's package postgresql";

/// What a PostgreSQL server is to be like.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    /// How many connections it takes; PostgreSQL's own default is 100.
    pub max_connections: Option<u16>,
    /// Whether it speaks TLS, with a certificate of an [authority of its own](Postgres::authority). Clients
    /// that don't ask for it are served as well.
    pub tls: bool,
    /// More of its settings, each as `name=value`.
    pub settings: Vec<String>,
}

/// A PostgreSQL server with a superuser `postgres` who needs no password, and with pg_stat_statements loaded
/// (in the database `postgres` created, too). It is a [`Server`]: it can be killed and started again, and
/// keeps its data then.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    certificate: Option<Certificate>,
    psql: PathBuf,
}

impl Postgres {
    /// Starts one that is nobody else's.
    #[must_use]
    pub fn start(options: PostgresOptions) -> Self {
        let program = program::find("postgres", PACKAGE);
        let psql = program::find("psql", PACKAGE);
        let folder = Folder::create();
        let certificate = options.tls.then(|| Certificate::create(&folder));
        let user = folder.is_made_by_root().then_some(USER);
        initialize(&folder, user);
        let arguments = arguments(&options, certificate.as_ref(), &folder);
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
        let postgres = Self { server: Server::start_in(folder, kind), certificate, psql };
        postgres.ask("CREATE EXTENSION pg_stat_statements");
        postgres
    }

    /// Its URL: `postgres://postgres@127.0.0.1:PORT/postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of another database on it.
    pub fn url_of(&self, database: &str) -> String {
        url(&self.address(), database)
    }

    /// Its URL through a proxy in front of it.
    pub fn url_through(&self, proxy: &Proxy) -> String {
        url(&proxy.address(), "postgres")
    }

    /// Its URL by its Unix socket.
    pub fn url_by_socket(&self) -> String {
        let folder = self.folder().file("").replace('/', "%2F");
        url(&format!("{folder}:{}", self.port()), "postgres")
    }

    /// The file with the certificate, in PEM, that clients have to trust, if it speaks TLS.
    pub fn authority(&self) -> Option<PathBuf> {
        self.certificate.as_ref().map(Certificate::authority)
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

pub(super) fn url(address: &str, database: &str) -> String {
    format!("postgres://postgres@{address}/{database}")
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
fn arguments(
    options: &PostgresOptions,
    certificate: Option<&Certificate>,
    folder: &Folder,
) -> Vec<String> {
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
    if let Some(certificate) = certificate {
        set("ssl=on".to_owned());
        set(format!("ssl_cert_file={}", certificate.chain().display()));
        set(format!("ssl_key_file={}", certificate.key().display()));
    }
    options.settings.iter().cloned().for_each(set);
    arguments
}
