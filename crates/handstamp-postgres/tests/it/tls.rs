use std::sync::OnceLock;

use handstamp::store::StoreErrorKind;
use handstamp_postgres::PostgresOptions;
use handstamp_testing::servers::{Postgres, PostgresOptions as Server};

use crate::support::{id, living, options, put, record, said, table};

/// A server that speaks TLS, for the tests of this module.
fn server() -> &'static Postgres {
    static SHARED: OnceLock<Postgres> = OnceLock::new();
    SHARED.get_or_init(|| Postgres::start(Server { tls: true, ..Server::default() }))
}

/// Connects, and says whether the connections are encrypted.
async fn encrypted(options: PostgresOptions, parameters: &str) -> String {
    let name = table();
    let url = format!("{}?application_name={name}&{parameters}", server().url());
    let store = options.table_name(&name).connect(&url).await.unwrap();
    put(&store, &id("a"), &record("{}")).await;
    living(&store, &id("a")).await;
    server().ask(&format!(
        "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
         WHERE application_name = '{name}'"
    ))
}

#[tokio::test]
async fn a_connection_is_encrypted_when_the_url_asks_for_it() {
    let authority = server().authority().unwrap();
    for mode in ["require", "verify-ca", "verify-full"] {
        let trusting = options("").ca_file(&authority);
        assert_eq!(encrypted(trusting, &format!("sslmode={mode}")).await, "t", "{mode}");
    }
    let in_url = format!("sslmode=verify-full&sslrootcert={}", authority.display());
    assert_eq!(encrypted(options(""), &in_url).await, "t");
}

#[tokio::test]
async fn a_connection_is_encrypted_by_preference_and_not_if_that_is_declined() {
    assert_eq!(encrypted(options(""), "sslmode=prefer").await, "t");
    assert_eq!(encrypted(options(""), "sslmode=disable").await, "f");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let url = format!("{}?sslmode=require", server().url());
    let error = options(&table()).connect(&url).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(said(&error).contains("UnknownIssuer"), "{}", said(&error));
}

#[tokio::test]
async fn a_certificate_of_another_name_is_not_trusted() {
    // The certificate is for 127.0.0.1 and localhost.
    let url = format!("postgres://postgres@127.0.0.2:{}/postgres?sslmode=require", server().port());
    let url = format!("{url}&hostaddr=127.0.0.1");
    let authority = server().authority().unwrap();
    let error = options(&table()).ca_file(authority).connect(&url).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(said(&error).contains("NotValidForName"), "{}", said(&error));
}

#[tokio::test]
async fn a_server_without_tls_is_not_talked_to_when_the_url_asks_for_it() {
    let plain = handstamp_testing::servers::postgres();
    let url = format!("{}?sslmode=require", plain.url());
    let options = options(&table()).ca_file(server().authority().unwrap());
    assert!(options.connect(&url).await.is_err());
}

#[tokio::test]
async fn a_file_without_certificates_is_refused_by_name() {
    for file in ["/no/such/file.pem", file!()] {
        let options = PostgresOptions::new().ca_file(file);
        let error =
            options.connect("postgres://me@localhost/app?sslmode=require").await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        assert!(said(&error).contains(file), "{}", said(&error));
    }
}
