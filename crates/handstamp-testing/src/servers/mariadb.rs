//! One MariaDB server.

use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;

use super::certificate::Certificate;
use super::folder::Folder;
use super::process::Signal;
use super::program;
use super::proxy::Proxy;
use super::server::{Kind, Server};

const PACKAGE: &str = "Debian's package mariadb-server-core";

/// A MariaDB server with an empty database `handstamp` and a superuser `root` who needs no password. It is a
/// [`Server`]: it can be killed and started again, and keeps its data then.
#[derive(Debug)]
pub struct MariaDb {
    server: Server,
    certificate: Option<Certificate>,
    client: PathBuf,
}

impl MariaDb {
    /// Starts one that is nobody else's.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one that is nobody else's, with more of mariadbd's arguments: `--max-connections=10`.
    #[must_use]
    pub fn start_with(settings: &[&str]) -> Self {
        Self::start_in(Folder::create(), None, settings)
    }

    /// Starts one that is nobody else's and speaks TLS, with a certificate of an
    /// [authority of its own](Self::authority). Clients that don't ask for it are served as well.
    #[must_use]
    pub fn start_with_tls() -> Self {
        let folder = Folder::create();
        let certificate = Certificate::create(&folder);
        let chain = format!("--ssl-cert={}", certificate.chain().display());
        let key = format!("--ssl-key={}", certificate.key().display());
        Self::start_in(folder, Some(certificate), &[&chain, &key])
    }

    fn start_in(folder: Folder, certificate: Option<Certificate>, settings: &[&str]) -> Self {
        let program = program::find("mariadbd", PACKAGE);
        let client = program::find("mariadb", "Debian's package mariadb-client-core");
        initialize(&folder);
        let mut arguments = common_arguments(&folder);
        arguments.extend(settings.iter().map(ToString::to_string));
        let kind = Kind {
            name: "MariaDB",
            ready: "ready for connections.",
            ending: Signal::Kill,
            command: Box::new(move |port| {
                let mut command = Command::new(&program);
                command.args(&arguments).arg(format!("--port={port}"));
                command
            }),
        };
        let mariadb = Self { server: Server::start_in(folder, kind), certificate, client };
        mariadb.ask_in("", "CREATE DATABASE handstamp");
        mariadb
    }

    /// The URL of its database `handstamp`: `mysql://root@127.0.0.1:PORT/handstamp`.
    pub fn url(&self) -> String {
        self.url_of("handstamp")
    }

    /// The URL of another database on it.
    pub fn url_of(&self, database: &str) -> String {
        url(&self.address(), database)
    }

    /// The URL of its database `handstamp` through a proxy in front of it.
    pub fn url_through(&self, proxy: &Proxy) -> String {
        url(&proxy.address(), "handstamp")
    }

    /// The URL of its database `handstamp` by its Unix socket.
    pub fn url_by_socket(&self) -> String {
        format!("mysql://root@localhost/handstamp?socket={}", self.folder().file(SOCKET))
    }

    /// The file with the certificate, in PEM, that clients have to trust, if it speaks TLS.
    pub fn authority(&self) -> Option<PathBuf> {
        self.certificate.as_ref().map(Certificate::authority)
    }

    /// Runs SQL in the database `handstamp` and gives the rows, one a line, with tabs between their columns.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn ask(&self, sql: &str) -> String {
        self.ask_in("handstamp", sql)
    }

    fn ask_in(&self, database: &str, sql: &str) -> String {
        let mut command = Command::new(&self.client);
        command.args(["--no-defaults", "--user=root", "--host=127.0.0.1", "--protocol=tcp"]);
        command.arg(format!("--port={}", self.port()));
        command.args(["--batch", "--skip-column-names", "--execute", sql, database]);
        program::run(&mut command).trim_end().to_owned()
    }
}

impl Deref for MariaDb {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

const SOCKET: &str = "mariadb.sock";

fn url(address: &str, database: &str) -> String {
    format!("mysql://root@{address}/{database}")
}

fn initialize(folder: &Folder) {
    let program = program::find("mariadb-install-db", PACKAGE);
    let mut command = Command::new(program);
    command.args(common_arguments(folder));
    program::run(command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]));
}

/// What mariadb-install-db and mariadbd have to be told alike.
fn common_arguments(folder: &Folder) -> Vec<String> {
    let mut arguments = vec![
        // No file of this machine's; it has to be the first argument.
        "--no-defaults".to_owned(),
        format!("--datadir={}", folder.file("data")),
        format!("--socket={}", folder.file(SOCKET)),
        format!("--pid-file={}", folder.file("mariadb.pid")),
        // At its start a server removes the temporary tables there, those of others, too.
        format!("--tmpdir={}", folder.file("")),
        "--bind-address=127.0.0.1".to_owned(),
        // What outlives the server's process is enough: no test cuts the machine's power.
        "--innodb-flush-log-at-trx-commit=2".to_owned(),
        "--innodb-log-file-size=16M".to_owned(),
    ];
    if folder.is_made_by_root() {
        // It refuses to run as root by accident.
        arguments.push("--user=root".to_owned());
    }
    arguments
}
