//! A wire to a server that knows what clients say on it, and can hold back what the server answers.

use std::mem;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Carries connections to a server, and writes down each message of their clients when it comes.
#[derive(Debug)]
pub(crate) struct Wire {
    address: String,
    said: Arc<Mutex<Vec<Message>>>,
    answers_pass: watch::Sender<bool>,
    _connections: JoinSet<()>,
}

/// A message of a client's.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The number of its connection on this wire.
    pub(crate) connection: usize,
    /// The letter that the protocol has for its kind: `P` to parse, `B` to bind, `E` to execute, `S` to sync.
    pub(crate) kind: u8,
    content: Vec<u8>,
}

impl Message {
    /// The name and the text of the statement that it wants parsed.
    pub(crate) fn parsed(&self) -> Option<(&str, &str)> {
        let mut texts = self.content.split(|byte| *byte == 0).map(|text| str::from_utf8(text));
        let (name, sql) = (texts.next()?.ok()?, texts.next()?.ok()?);
        (self.kind == b'P').then_some((name, sql))
    }
}

impl Wire {
    /// Listens in front of a server's address, on the present runtime.
    pub(crate) async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let said = Arc::<Mutex<Vec<Message>>>::default();
        let (answers_pass, passing) = watch::channel(true);
        let mut all = JoinSet::new();
        let log = said.clone();
        all.spawn(async move {
            let mut connections = JoinSet::new();
            for connection in 0.. {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(&server).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let (log, passing) = (log.clone(), passing.clone());
                connections.spawn(async move {
                    tokio::select! {
                        () = carry_messages(from_client, to_server, connection, &log) => {}
                        () = carry_answers(from_server, to_client, passing) => {}
                    }
                });
            }
        });
        Self { address, said, answers_pass, _connections: all }
    }

    /// The URL of the server's database `postgres` through this wire.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.address)
    }

    /// What was said since this was last asked.
    pub(crate) fn take(&self) -> Vec<Message> {
        mem::take(&mut *self.said.lock().unwrap())
    }

    /// Lets no answer through any more.
    pub(crate) fn hold_answers(&self) {
        self.answers_pass.send_replace(false);
    }

    /// Lets all answers through, those that were held back first.
    pub(crate) fn let_answers_pass(&self) {
        self.answers_pass.send_replace(true);
    }
}

async fn carry_messages(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    connection: usize,
    log: &Mutex<Vec<Message>>,
) {
    let mut stream = Stream::default();
    let mut piece = vec![0; 64 * 1024];
    while let Ok(size @ 1..) = from.read(&mut piece).await {
        stream.bytes.extend_from_slice(&piece[..size]);
        while let Some((kind, content)) = stream.message() {
            log.lock().unwrap().push(Message { connection, kind, content });
        }
        if to.write_all(&piece[..size]).await.is_err() {
            return;
        }
    }
}

async fn carry_answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut passing: watch::Receiver<bool>,
) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(size @ 1..) = from.read(&mut piece).await {
        let passes = passing.wait_for(|passes| *passes).await.is_ok();
        if !passes || to.write_all(&piece[..size]).await.is_err() {
            return;
        }
    }
}

/// What a client has sent and was not read yet.
#[derive(Default)]
struct Stream {
    bytes: Vec<u8>,
    is_greeted: bool,
}

/// Asks for TLS, before the greeting.
const TLS: &[u8] = &80_877_103_u32.to_be_bytes();

impl Stream {
    /// The kind and the content of the next message that is whole. Those up to the greeting have no kind, and
    /// are left out.
    fn message(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            let kind = usize::from(self.is_greeted);
            let (length, _) = self.bytes.get(kind..)?.split_first_chunk()?;
            let end = kind + usize::try_from(u32::from_be_bytes(*length)).unwrap();
            if self.bytes.len() < end {
                return None;
            }
            let rest = self.bytes.split_off(end);
            let message = mem::replace(&mut self.bytes, rest);
            let content = &message[kind + 4..];
            if self.is_greeted {
                return Some((message[0], content.to_vec()));
            }
            self.is_greeted = content != TLS;
        }
    }
}
