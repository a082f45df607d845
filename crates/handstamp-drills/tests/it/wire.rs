//! A wire to a server that counts round trips.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How much is carried at once: more than any message of these tests.
const PIECE: usize = 64 * 1024;

/// Carries connections to a server and counts how often somebody asks and then waits for an answer.
///
/// What is sent without waiting for the answer to what was sent before shares its round trip.
#[derive(Debug)]
pub(crate) struct Wire {
    address: String,
    trips: Arc<AtomicUsize>,
    _connections: JoinSet<()>,
}

impl Wire {
    /// Listens in front of a server's address, on the present runtime.
    pub(crate) async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let trips = Arc::new(AtomicUsize::new(0));
        let count = trips.clone();
        let mut all = JoinSet::new();
        all.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(carry(client, server.clone(), count.clone()));
            }
        });
        Self { address, trips, _connections: all }
    }

    /// The address that clients connect to: `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// How many round trips there were since this was last asked.
    pub(crate) fn take(&self) -> usize {
        self.trips.swap(0, Ordering::SeqCst)
    }
}

async fn carry(client: TcpStream, server: String, trips: Arc<AtomicUsize>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let (mut asked, mut answered) = (vec![0; PIECE], vec![0; PIECE]);
    let mut waits = false;
    loop {
        // Neither read loses anything when the other one is faster.
        let carried = tokio::select! {
            biased;
            size = from_server.read(&mut answered) => match size {
                Ok(size @ 1..) => {
                    waits = false;
                    to_client.write_all(&answered[..size]).await
                }
                _ => return,
            },
            size = from_client.read(&mut asked) => match size {
                Ok(size @ 1..) => {
                    if !waits && !is_check(&asked[..size]) {
                        trips.fetch_add(1, Ordering::SeqCst);
                    }
                    waits = true;
                    to_server.write_all(&asked[..size]).await
                }
                _ => return,
            },
        };
        if carried.is_err() {
            return;
        }
    }
}

/// Whether it is no more than the question whether a Redis server is there. It is asked every second or so,
/// in whatever moment.
fn is_check(asked: &[u8]) -> bool {
    asked == b"*1\r\n$4\r\nPING\r\n"
}
