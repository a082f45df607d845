use std::path::{Path, PathBuf};
use std::process::Command;

use handstamp::SessionStore;
use handstamp::store::StoreErrorKind;
use handstamp_mysql::{MySqlOptions, MySqlStore};
use handstamp_testing::servers::MariaDb;
use tempfile::TempDir;

use crate::support::{failed, id, put, record};

#[tokio::test]
async fn a_server_that_wants_tls_is_reached_if_its_certificate_is_trusted() {
    let (certificate, server) = encrypted();
    let options = MySqlOptions::new().create_table_if_missing(true);

    failed(options.connect(&server.url()).await, StoreErrorKind::Refused);

    let options = options.ca_file(certificate.file("server.crt"));
    let store = options.connect(&server.url()).await.unwrap();
    put(&store, &id("a"), &record("{}")).await;
    assert!(store.load(&id("a")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_server_whose_certificate_nobody_trusts_is_not_reached() {
    let (_certificate, server) = encrypted();
    let url = format!("{}?require_ssl=true", server.url());
    failed(MySqlStore::connect(&url).await, StoreErrorKind::Unavailable);
    let other = Certificate::new();
    let options = MySqlOptions::new().ca_file(other.file("server.crt"));
    failed(options.connect(&server.url()).await, StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn a_server_that_can_not_encrypt_is_not_reached_by_who_wants_it() {
    let server = MariaDb::start_with(&["--skip-ssl"]);
    let url = format!("{}?require_ssl=true", server.url());
    let said = failed(MySqlStore::connect(&url).await, StoreErrorKind::Unavailable);
    assert!(said.contains("SSL"), "{said}");
}

/// A server that takes encrypted connections only, once it has a database.
fn encrypted() -> (Certificate, MariaDb) {
    let certificate = Certificate::new();
    let server = MariaDb::start_with(&[
        &format!("--ssl-cert={}", certificate.file("server.crt").display()),
        &format!("--ssl-key={}", certificate.file("server.key").display()),
    ]);
    server.ask("ALTER USER root@localhost REQUIRE SSL");
    (certificate, server)
}

/// A certificate for 127.0.0.1 that vouches for itself.
struct Certificate(TempDir);

impl Certificate {
    fn new() -> Self {
        let certificate = Self(tempfile::tempdir().unwrap());
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-days", "1", "-subj", "/CN=server of a test", "-nodes"]);
        command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
        command.args(["-addext", "subjectAltName=IP:127.0.0.1"]);
        command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        command.arg("-out").arg(certificate.file("server.crt"));
        command.arg("-keyout").arg(certificate.file("server.key"));
        let made = command.output().expect("openssl runs; it is in Debian's package openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        certificate
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::join(self.0.path(), name)
    }
}
