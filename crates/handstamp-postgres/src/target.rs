//! The server, and how to connect to it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use handstamp::store::StoreErrorKind;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{CancelToken, Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::Failure;
use crate::tls;
use crate::url::Url;

/// What carries a client's messages, for as long as it is polled.
pub(crate) type Driver = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// How idle a connection is before the operating system asks whether the other side is still there.
/// PostgreSQL's own default is two hours.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_DEFAULT: Duration = Duration::from_secs(2 * 60 * 60);

/// How often it asks then, and how often in vain.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// Where to connect to, and how. Knows the password and shows it to nobody.
#[derive(Clone)]
pub(crate) struct Target {
    config: Config,
    tls: MakeRustlsConnect,
    /// What the server is called in errors.
    pub(crate) place: Arc<str>,
    /// How long a connection, and a statement, may take.
    pub(crate) timeout: Duration,
    /// Whether a pooler hands out its connections by the transaction, so that none keeps a state.
    pub(crate) pooled: bool,
}

impl Target {
    /// Reads certificates if it needs them.
    pub(crate) fn new(
        url: Url,
        ca_file: Option<&Path>,
        timeout: Duration,
        pooled: bool,
    ) -> Result<Self, Failure> {
        let mut config = url.config;
        let place = place(&config);
        let ca_file = ca_file.or(url.ca_file.as_deref());
        let tls = tls::connector(config.get_ssl_mode() == SslMode::Require, ca_file)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(timeout);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(timeout * 2);
        }
        if config.get_keepalives_idle() == KEEPALIVE_DEFAULT {
            config.keepalives_idle(KEEPALIVE);
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(KEEPALIVE_INTERVAL);
        }
        if config.get_keepalives_retries().is_none() {
            config.keepalives_retries(KEEPALIVE_RETRIES);
        }
        if config.get_application_name().is_none() {
            config.application_name("handstamp");
        }
        Ok(Self { config, tls, place, timeout, pooled })
    }

    /// The same server, for statements that have to be brief: the server stops those that are not, so that
    /// they hold nothing up that waits behind them.
    ///
    /// A pooler takes no such settings. Ours come first, so that what the URL says has the last word.
    pub(crate) fn brief(&self) -> Self {
        let mut brief = self.clone();
        if !self.pooled {
            let millis = self.timeout.as_millis();
            let ours = format!("-c statement_timeout={millis} -c lock_timeout={}", millis / 2);
            let theirs = self.config.get_options().unwrap_or_default();
            brief.config.options(format!("{ours} {theirs}"));
        }
        brief
    }

    /// Connects once.
    pub(crate) async fn connect(&self) -> Result<(Client, Driver), Failure> {
        let advice = || format!("can't connect to PostgreSQL at {}", self.place);
        match timeout(self.timeout, self.config.connect(self.tls.clone())).await {
            Ok(Ok(connected)) => Ok(connected),
            Ok(Err(error)) => Err(Failure::from(error).within(advice())),
            Err(_) => {
                let late = format!("{}: it did not answer within {:?}", advice(), self.timeout);
                Err(Failure::new(StoreErrorKind::Unavailable, late))
            }
        }
    }

    /// Asks the server to give up what a connection is waiting for. It is a courtesy: the connection is
    /// given up in any case.
    pub(crate) async fn cancel(&self, token: CancelToken) {
        drop(timeout(self.timeout, token.cancel_query(self.tls.clone())).await);
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.place)
    }
}

/// Host, port and database: what may be shown of a URL.
fn place(config: &Config) -> Arc<str> {
    let ports = config.get_ports();
    let host = |(n, host): (usize, &Host)| {
        let name = match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        };
        let port = ports.get(n).or(ports.first()).copied().unwrap_or(5432);
        format!("{name}:{port}")
    };
    let hosts: Vec<_> = config.get_hosts().iter().enumerate().map(host).collect();
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("{}/{database}", hosts.join(",")).into()
}
