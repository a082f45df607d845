//! Finds the master that the Sentinels agree on.

use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, from_redis_value};
use tokio::sync::mpsc::unbounded_channel;

use super::dialer::{Address, Dialer};
use super::link::in_time;

/// The Sentinels, and which master they are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Sentinels {
    pub(crate) addresses: Vec<Address>,
    pub(crate) master: String,
    /// Sentinels have users of their own.
    pub(crate) dialer: Dialer,
}

impl Sentinels {
    /// Connects to a server, if it is a master.
    pub(crate) async fn connect(
        &self,
        master: &Address,
        dialer: &Dialer,
        pushes: impl AsyncPushSender,
    ) -> RedisResult<MultiplexedConnection> {
        let mut connection = dialer.dial(master, pushes).await?;
        match redis::cmd("ROLE").query_async::<Vec<redis::Value>>(&mut connection).await {
            Ok(role) if role.first().is_some_and(is_master) => Ok(connection),
            // Sentinels learn late of a master that has just been made a replica.
            Ok(_) => Err(RedisError::from((ErrorKind::Io, "the master was made a replica"))),
            // A user who may not ask for it can do without: a replica refuses its writes.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) => {
                Ok(connection)
            }
            Err(error) => Err(error),
        }
    }

    /// Where the master listens, as the first Sentinel says that knows.
    pub(crate) async fn find(&self) -> RedisResult<Address> {
        let mut last = RedisError::from((ErrorKind::EmptySentinelList, "there are no Sentinels"));
        // Each has a share of the time: one that hangs must not keep us from asking the next.
        let share = self.dialer.patience.connect / (self.addresses.len().max(1) as u32 + 1);
        for sentinel in &self.addresses {
            match in_time(share, self.ask(sentinel)).await {
                Ok(Some(master)) => return Ok(master),
                Ok(None) => {
                    let message = "no Sentinel knows a master of this name";
                    last = RedisError::from((ErrorKind::MasterNameNotFoundBySentinel, message));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn ask(&self, sentinel: &Address) -> RedisResult<Option<Address>> {
        let (pushes, _pushed) = unbounded_channel();
        let mut connection = self.dialer.dial(sentinel, pushes).await?;
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.master);
        let place: Option<(String, u16)> = command.query_async(&mut connection).await?;
        Ok(place.map(|(host, port)| Address::Tcp(host, port)))
    }
}

fn is_master(role: &redis::Value) -> bool {
    from_redis_value::<String>(role.clone()).is_ok_and(|role| role == "master")
}
