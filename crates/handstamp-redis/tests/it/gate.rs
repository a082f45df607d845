use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use handstamp_testing::servers::Redis;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a gate holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// What the server answers to commands, but not what it tells of changes.
    Answers,
    /// What the server tells of changes, and whatever else it says to who has asked to be told.
    Changes,
    Nothing,
}

/// A way to a server that holds back some of what it says.
pub(crate) struct Gate {
    pub(crate) url: String,
    held: watch::Sender<Held>,
}

impl Gate {
    pub(crate) async fn before(server: &Redis) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let held = watch::Sender::new(Held::Nothing);
        let (gate, address) = (held.clone(), server.address());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&address).await.unwrap();
                tokio::spawn(pass(client, server, gate.subscribe()));
            }
        });
        Self { url, held }
    }

    /// What was held back before arrives, unless it is held back now.
    pub(crate) fn hold(&self, held: Held) {
        self.held.send_replace(held);
    }
}

/// Passes on what is not held back. A connection that asks to be told of changes is for these alone.
async fn pass(client: TcpStream, server: TcpStream, mut held: watch::Receiver<Held>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let tells = Arc::new(AtomicBool::new(false));
    let is_telling = tells.clone();
    tokio::spawn(async move {
        let mut bytes = vec![0; 65536];
        while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
            if bytes[..read].windows(8).any(|word| word == b"TRACKING") {
                tells.store(true, Ordering::SeqCst);
            }
            if to_server.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    });
    let passes = |held: &Held| match held {
        Held::Answers => is_telling.load(Ordering::SeqCst),
        Held::Changes => !is_telling.load(Ordering::SeqCst),
        Held::Nothing => true,
    };
    let mut bytes = vec![0; 65536];
    while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
        if held.wait_for(passes).await.is_err() {
            return;
        }
        if to_client.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
