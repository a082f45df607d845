//! PgBouncer in front of a PostgreSQL server.

use std::fs;
use std::ops::Deref;
use std::path::PathBuf;

use super::folder::Folder;
use super::postgres::{self, Postgres};
use super::process::Signal;
use super::program;
use super::server::{Kind, Server};

/// A PgBouncer that gives its clients a connection for the time of a transaction. It is a [`Server`]: it can
/// be killed and started again.
#[derive(Debug)]
pub struct PgBouncer {
    server: Server,
    psql: PathBuf,
}

impl PgBouncer {
    /// Starts one in front of a server, of which it takes at most ten connections for each database.
    #[must_use]
    pub fn start(postgres: &Postgres) -> Self {
        let program = program::find("pgbouncer", "Debian's package pgbouncer");
        let psql = program::find("psql", postgres::PACKAGE);
        let folder = Folder::create();
        // Like PostgreSQL, it refuses to run as root.
        let user = folder.is_made_by_root().then_some(postgres::USER);
        let file = folder.path().join("pgbouncer.ini");
        let behind = postgres.port();
        let kind = Kind {
            name: "PgBouncer",
            ready: "process up",
            ending: Signal::Kill,
            command: Box::new(move |port| {
                // It takes its port from nowhere else.
                fs::write(&file, configuration(port, behind)).expect("our folder can be written");
                let mut command = program::as_user(user, &program);
                command.arg(&file);
                command
            }),
        };
        Self { server: Server::start_in(folder, kind), psql }
    }

    /// Its URL: `postgres://postgres@127.0.0.1:PORT/postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of another database behind it.
    pub fn url_of(&self, database: &str) -> String {
        postgres::url(&self.address(), database)
    }

    /// Runs SQL with psql and gives the rows, one a line, with `|` between their columns.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn ask(&self, sql: &str) -> String {
        postgres::ask(&self.psql, &self.url(), sql)
    }
}

impl Deref for PgBouncer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn configuration(port: u16, behind: u16) -> String {
    format!(
        "\
[databases]
* = host=127.0.0.1 port={behind} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 10
max_client_conn = 1000
"
    )
}
