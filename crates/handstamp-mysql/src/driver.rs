//! What the driver is told: the URL's settings, and what the store depends on.

use std::time::Duration;

use mysql_async::{Opts, OptsBuilder, PoolConstraints, PoolOpts, SslOpts};
use rustls::crypto::{CryptoProvider, ring};

use crate::MySqlOptions;
use crate::connections::SETUP;

/// How long a connection stays open that nobody uses.
const IDLE: Duration = Duration::from_secs(60);

/// How soon the system finds out that the server's machine is gone.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The server and its database, without user and password.
pub(crate) fn server_name(opts: &Opts) -> String {
    let database = opts.db_name().unwrap_or_default();
    match opts.socket() {
        Some(socket) => format!("{socket}/{database}"),
        None => format!("{}:{}/{database}", opts.ip_or_hostname(), opts.tcp_port()),
    }
}

/// What to do about a parameter of the URL that [`set_up`] would overrule.
pub(crate) fn parameter_of_the_store(url: &str) -> Option<String> {
    let (_, parameters) = url.split_once('?')?;
    let names = parameters.split('&').filter_map(|parameter| parameter.split('=').next());
    let name = names.into_iter().find_map(|name| OURS.iter().find(|ours| **ours == name))?;
    Some(format!(
        "the parameter {name} of the URL is the store's own affair; leave it out (how many \
         connections there are, `MySqlOptions::connections` sets)"
    ))
}

/// Parameters of the driver's URLs.
const OURS: [&str; 9] = [
    "abs_conn_ttl",
    "abs_conn_ttl_jitter",
    "client_found_rows",
    "inactive_connection_ttl",
    "pool_max",
    "pool_min",
    "prefer_socket",
    "reset_connection",
    "ttl_check_interval",
];

/// The driver's options: the URL's, and what this store depends on.
pub(crate) fn set_up(opts: Opts, options: &MySqlOptions) -> Opts {
    // Nobody else uses a connection, so it need not be reset, and keeps its prepared statements.
    let pool = PoolOpts::new()
        .with_constraints(PoolConstraints::new(1, options.connections).unwrap_or_default())
        .with_inactive_connection_ttl(IDLE)
        .with_reset_connection(false);
    let keepalive = opts.tcp_keepalive().unwrap_or(KEEPALIVE);
    let tls = tls(&opts, options);
    let built: Opts = OptsBuilder::from_opts(opts)
        .client_found_rows(true)
        .pool_opts(pool)
        // The driver would leave the address that it was given for the server's own socket.
        .prefer_socket(false)
        .setup(SETUP.to_vec())
        .ssl_opts(tls)
        .tcp_keepalive(Some(keepalive))
        .into();
    if built.ssl_opts().is_some() && CryptoProvider::get_default().is_none() {
        // If another crate brings a second one, rustls does not choose. Whoever has chosen stays.
        drop(ring::default_provider().install_default());
    }
    built
}

fn tls(opts: &Opts, options: &MySqlOptions) -> Option<SslOpts> {
    let urls = opts.ssl_opts().cloned();
    match &options.ca_file {
        None => urls,
        Some(file) => Some(
            urls.unwrap_or_default()
                .with_root_certs(vec![file.clone().into()])
                .with_disable_built_in_roots(true),
        ),
    }
}
