//! The server, and how to connect to it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use handstamp::store::StoreErrorKind;
use tokio::time::timeout;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode};
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
    /// How to connect to each of the hosts.
    hosts: Vec<Config>,
    tls: MakeRustlsConnect,
    /// What the server is called in errors.
    pub(crate) place: Arc<str>,
    /// How long a connection to a host, and a statement, may take.
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
            // A name may stand for two addresses, and the second shall be tried in time.
            config.connect_timeout(timeout / 2);
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
        Ok(Self { hosts: one_by_one(config), tls, place, timeout, pooled })
    }

    /// The same server, for statements that have to be brief: the server stops those that are not, so that
    /// they hold nothing up that waits behind them.
    pub(crate) fn brief(&self) -> Self {
        let millis = self.timeout.as_millis();
        self.with(&format!("-c statement_timeout={millis} -c lock_timeout={}", millis / 2))
    }

    /// The same server, for statements that may take their time, but not to wait for what is locked.
    pub(crate) fn long(&self) -> Self {
        self.with(&format!("-c lock_timeout={}", self.timeout.as_millis() / 2))
    }

    /// With settings of the server's for the connection. A pooler takes none.
    fn with(&self, settings: &str) -> Self {
        let mut target = self.clone();
        for config in target.hosts.iter_mut().filter(|_| !self.pooled) {
            // Ours come first, so that what the URL says has the last word.
            let theirs = config.get_options().unwrap_or_default();
            let all = format!("{settings} {theirs}");
            config.options(all);
        }
        target
    }

    /// Connects once, to the first host that takes the connection. Each has its time, so that one which is
    /// silent does not keep the next from being tried.
    pub(crate) async fn connect(&self) -> Result<(Client, Driver), Failure> {
        let mut failure = None;
        for host in self.in_turn() {
            match self.connect_to(host).await {
                Ok(connected) => return Ok(connected),
                Err(why) => failure = Some(why),
            }
        }
        let advice = format!("can't connect to PostgreSQL at {}", self.place);
        let none = || Failure::new(StoreErrorKind::Refused, "there is no host");
        Err(failure.unwrap_or_else(none).within(advice))
    }

    async fn connect_to(&self, host: &Config) -> Result<(Client, Driver), Failure> {
        let connected = timeout(self.timeout, host.connect(self.tls.clone())).await;
        connected.map_or_else(
            |_| {
                let late = format!("it did not answer within {:?}", self.timeout);
                Err(Failure::new(StoreErrorKind::Unavailable, late))
            },
            |connected| connected.map_err(Failure::from),
        )
    }

    /// The hosts in the order in which they are to be tried.
    fn in_turn(&self) -> Vec<&Config> {
        let mut hosts: Vec<_> = self.hosts.iter().collect();
        let balanced = |host: &&Config| host.get_load_balance_hosts() == LoadBalanceHosts::Random;
        if hosts.first().is_some_and(balanced) {
            // Without randomness they stay as they are.
            hosts.sort_by_cached_key(|_| getrandom::u32().unwrap_or_default());
        }
        hosts
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

/// A configuration for each of the hosts.
///
/// If there are not as many hosts as addresses or ports, it stays whole, and is refused when it connects.
fn one_by_one(config: Config) -> Vec<Config> {
    let hosts = config.get_hosts().len();
    let (addresses, ports) = (config.get_hostaddrs().len(), config.get_ports().len());
    let number = hosts.max(addresses);
    let fits = |length| length == 0 || length == number;
    if number < 2 || !fits(hosts) || !fits(addresses) || !(ports == 1 || fits(ports)) {
        return vec![config];
    }
    (0..number).map(|n| only(&config, n)).collect()
}

/// The same for one of the hosts. A configuration can't be told to forget the others.
fn only(config: &Config, n: usize) -> Config {
    let mut only = Config::new();
    match config.get_hosts().get(n) {
        Some(Host::Tcp(name)) => drop(only.host(name)),
        #[cfg(unix)]
        Some(Host::Unix(path)) => drop(only.host_path(path)),
        None => {}
    }
    config.get_hostaddrs().get(n).map(|address| only.hostaddr(*address));
    let ports = config.get_ports();
    ports.get(n).or(ports.first()).map(|port| only.port(*port));
    config.get_user().map(|user| only.user(user));
    config.get_password().map(|password| only.password(password));
    config.get_dbname().map(|name| only.dbname(name));
    config.get_options().map(|options| only.options(options));
    config.get_application_name().map(|name| only.application_name(name));
    config.get_connect_timeout().map(|time| only.connect_timeout(*time));
    config.get_tcp_user_timeout().map(|time| only.tcp_user_timeout(*time));
    config.get_keepalives_interval().map(|time| only.keepalives_interval(time));
    config.get_keepalives_retries().map(|number| only.keepalives_retries(number));
    only.keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding())
        .load_balance_hosts(config.get_load_balance_hosts());
    only
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_is_connected_to_as_the_url_says() {
        let parameters = "user=u password=p dbname=d options='-c a=b' application_name=x \
            sslmode=require sslnegotiation=direct connect_timeout=3 tcp_user_timeout=4 keepalives=0 \
            keepalives_idle=5 keepalives_interval=6 keepalives_retries=7 \
            target_session_attrs=read-write channel_binding=require load_balance_hosts=random";
        let config = |hosts: &str| format!("{hosts} {parameters}").parse::<Config>().unwrap();
        let one = |hosts: &str| config(hosts);
        assert_eq!(
            one_by_one(config("host=a,/b hostaddr=127.0.0.1,127.0.0.2 port=1,2")),
            [one("host=a hostaddr=127.0.0.1 port=1"), one("host=/b hostaddr=127.0.0.2 port=2")]
        );
        assert_eq!(
            one_by_one(config("host=a,b port=1")),
            [one("host=a port=1"), one("host=b port=1")]
        );
        for whole in ["host=a", "host=a,b hostaddr=127.0.0.1", "host=a,b port=1,2,3"] {
            assert_eq!(one_by_one(config(whole)), [config(whole)]);
        }
    }
}
