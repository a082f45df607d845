//! A proxy that makes a network misbehave, as a test tells it.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::{self, Instant};

use super::port;
use super::server::PATIENCE;

/// A proxy between clients and a server. What it is told holds from then on, for connections that are there
/// and for those that come.
///
/// It runs on a thread of its own, so it works while the test's runtime is busy.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts one in front of a server's address, `127.0.0.1:PORT`. If nobody listens there, connections to
    /// the proxy are taken and closed.
    #[must_use]
    pub fn start(server: impl Into<String>) -> Self {
        let control = Arc::new(Control::default());
        let port = port::free();
        let running = Running { port, server: server.into(), control: control.clone() };
        let thread = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be built").block_on(running.listen());
        });
        control.wait_until_listening(true);
        Self { port, control, thread: Some(thread) }
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address that clients connect to: `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Holds back every reply for so long: a round trip takes so much longer.
    pub fn delay(&self, time: Duration) {
        self.control.change(|state| state.delay = time);
    }

    /// Holds everything back in both directions. Connections are taken, and nothing comes back. What was
    /// held back arrives after [`heal`](Self::heal), as after an outage of a real network.
    pub fn black_hole(&self) {
        self.control.change(|state| state.path = Path::BlackHole);
    }

    /// Closes all connections. New ones are welcome.
    pub fn cut(&self) {
        self.control.change(|state| state.cuts += 1);
    }

    /// Closes the connection that carries the next reply but for its first bytes: of all replies from now on,
    /// so many bytes arrive. Afterwards all is well again.
    pub fn cut_after(&self, bytes: usize) {
        self.control.change(|state| state.bytes_until_cut = Some(bytes));
    }

    /// Closes the port: new connections are refused. Those that are there stay, unless they are
    /// [cut](Self::cut).
    pub fn refuse(&self) {
        self.control.change(|state| state.path = Path::Refused);
        self.control.wait_until_listening(false);
    }

    /// Takes back all that it was told.
    pub fn heal(&self) {
        self.control.change(|state| {
            state.path = Path::Open;
            state.delay = Duration::ZERO;
            state.bytes_until_cut = None;
        });
        self.control.wait_until_listening(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.control.change(|state| state.path = Path::Ended);
        // Its end closes all connections. If it has panicked, the test has heard of it.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What the test has said, and whether it has been done.
#[derive(Debug, Default)]
struct Control {
    state: watch::Sender<State>,
    is_listening: Mutex<bool>,
    listening_changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    path: Path,
    delay: Duration,
    /// How often all connections were cut.
    cuts: u64,
    /// How many bytes of replies are let through until a connection is cut.
    bytes_until_cut: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Path {
    #[default]
    Open,
    BlackHole,
    Refused,
    Ended,
}

impl Control {
    fn change(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(change);
    }

    fn set_listening(&self, is_listening: bool) {
        *self.is_listening.lock().unwrap_or_else(PoisonError::into_inner) = is_listening;
        self.listening_changed.notify_all();
    }

    fn wait_until_listening(&self, expected: bool) {
        let guard = self.is_listening.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |is_listening: &mut bool| *is_listening != expected;
        let result = self.listening_changed.wait_timeout_while(guard, PATIENCE, waiting);
        let (is_listening, _) = result.unwrap_or_else(PoisonError::into_inner);
        assert_eq!(*is_listening, expected, "whether the proxy's port is open");
    }

    /// Takes from what may still pass, and says how much that is.
    fn admit(&self, bytes: usize) -> usize {
        let mut admitted = bytes;
        self.state.send_if_modified(|state| {
            if let Some(left) = state.bytes_until_cut {
                admitted = bytes.min(left);
                state.bytes_until_cut = (bytes <= left).then(|| left - bytes);
            }
            // Nobody waits for this.
            false
        });
        admitted
    }
}

/// The proxy's thread.
struct Running {
    port: u16,
    server: String,
    control: Arc<Control>,
}

impl Running {
    async fn listen(self) {
        let mut state = self.control.state.subscribe();
        while self.is_to_listen(&mut state).await {
            let listener = TcpListener::bind(("127.0.0.1", self.port)).await;
            let listener = listener.expect("the proxy's port is free");
            self.control.set_listening(true);
            tokio::select! {
                () = self.accept(&listener) => {}
                _ = state.wait_for(|state| is_closed(state.path)) => {}
            }
            drop(listener);
            self.control.set_listening(false);
        }
    }

    /// Waits until the port is to be open, or gives false at the end.
    async fn is_to_listen(&self, state: &mut watch::Receiver<State>) -> bool {
        let decided = state.wait_for(|state| state.path != Path::Refused).await;
        decided.is_ok_and(|state| state.path != Path::Ended)
    }

    async fn accept(&self, listener: &TcpListener) {
        loop {
            // It fails for connections that are gone again, which is nothing to us.
            let Ok((client, _)) = listener.accept().await else { continue };
            tokio::spawn(connect(client, self.server.clone(), self.control.clone()));
        }
    }
}

fn is_closed(path: Path) -> bool {
    matches!(path, Path::Refused | Path::Ended)
}

/// Lets a client talk to the server, until one of them has enough or the connection is cut.
async fn connect(mut client: TcpStream, server: String, control: Arc<Control>) {
    let mut state = control.state.subscribe();
    let cuts = state.borrow().cuts;
    let talk = async {
        let mut server = TcpStream::connect(server).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::try_join!(
            carry(from_client, to_server, &control, false),
            carry(from_server, to_client, &control, true),
        )
    };
    tokio::select! {
        _ = talk => {}
        _ = state.wait_for(|state| state.cuts != cuts) => {}
    }
}

/// Carries what comes from one side to the other, and the end of it.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    control: &Control,
    is_reply: bool,
) -> io::Result<()> {
    // Reading goes on while a former piece is held back: the delay is one, however many pieces there are.
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(64);
    let read = async move {
        loop {
            let mut piece = Vec::with_capacity(16 * 1024);
            if from.read_buf(&mut piece).await? == 0
                || sender.send((Instant::now(), piece)).await.is_err()
            {
                return Ok(());
            }
        }
    };
    let write = async move {
        let mut state = control.state.subscribe();
        while let Some((arrival, piece)) = pieces.recv().await {
            if is_reply {
                let delay = state.borrow().delay;
                time::sleep_until(arrival + delay).await;
            }
            let _ = state.wait_for(|state| state.path != Path::BlackHole).await;
            let admitted = if is_reply { control.admit(piece.len()) } else { piece.len() };
            to.write_all(&piece[..admitted]).await?;
            if admitted < piece.len() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        to.shutdown().await
    };
    tokio::try_join!(read, write).map(|_| ())
}
