//! Makes connections: where to, as whom, with which certificates, and how long to wait.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    ProtocolVersion, RedisConnectionInfo, RedisResult, TlsCertificates,
};

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// As whom to connect.
#[derive(Clone, Default)]
pub(crate) struct User {
    pub(crate) name: Option<String>,
    pub(crate) password: Option<String>,
}

/// How long to wait, for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) connect: Duration,
    pub(crate) response: Duration,
    /// For a server that has gone away.
    pub(crate) absence: Duration,
}

/// How many requests may wait to be sent. Beyond them, callers wait.
const QUEUE: usize = 1024;

/// Connects to servers that all take the same user.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(crate) user: User,
    pub(crate) database: i64,
    /// Whether to speak TLS.
    pub(crate) tls: bool,
    /// Whom to trust in place of the system's authorities, in PEM.
    pub(crate) authorities: Option<Vec<u8>>,
    pub(crate) patience: Patience,
}

impl Dialer {
    /// Connects. Push messages go to `pushes`, also that the connection has ended.
    pub(crate) async fn dial(
        &self,
        address: &Address,
        pushes: impl AsyncPushSender,
    ) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.patience.connect))
            .set_response_timeout(Some(self.patience.response))
            .set_pipeline_buffer_size(QUEUE)
            .set_push_sender(pushes);
        self.client(address)?.get_multiplexed_async_connection_with_config(&config).await
    }

    fn client(&self, address: &Address) -> RedisResult<Client> {
        let info = self.info(address)?;
        match &self.authorities {
            Some(pem) if self.tls => {
                let root_cert = Some(pem.clone());
                Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
            }
            _ => Client::open(info),
        }
    }

    fn info(&self, address: &Address) -> RedisResult<ConnectionInfo> {
        let address = match address.clone() {
            Address::Tcp(host, port) if self.tls => {
                ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
            }
            Address::Tcp(host, port) => ConnectionAddr::Tcp(host, port),
            Address::Unix(path) => ConnectionAddr::Unix(path),
        };
        let mut redis = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_lib_name("handstamp", env!("CARGO_PKG_VERSION"))
            .set_db(self.database);
        if let Some(name) = &self.user.name {
            redis = redis.set_username(name);
        }
        if let Some(password) = &self.user.password {
            redis = redis.set_password(password);
        }
        let info = address.into_connection_info()?;
        Ok(info.set_tcp_settings(self.tcp()).set_redis_settings(redis))
    }

    /// A connection whose other end is gone without a word is noticed by the system, too, at the latest
    /// when our own checks are.
    fn tcp(&self) -> TcpSettings {
        let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(30));
        let settings = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        #[cfg(target_os = "linux")]
        let settings = settings.set_user_timeout(self.patience.response);
        settings
    }
}

/// Shows neither the user nor the password.
impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("tls", &self.tls).finish_non_exhaustive()
    }
}
