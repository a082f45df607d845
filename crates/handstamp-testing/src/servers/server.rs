//! What all servers have in common: a folder, a port, and a process that can be killed and started again.

use std::fmt;
use std::fs;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::port;
use super::process::{Process, Signal};

/// How long a server may take until it is ready. Many tests may be starting theirs, on two processors.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How many ports are tried when others are faster to take them.
const PORTS: usize = 10;

/// What sets one kind of server apart.
pub(super) struct Kind {
    /// Its name, for messages.
    pub(super) name: &'static str,
    /// What it writes to its log when it can be asked.
    pub(super) ready: &'static str,
    /// The signal that ends it at once and leaves nothing behind.
    pub(super) ending: Signal,
    /// The command that runs it in the foreground, on this port.
    pub(super) command: Box<dyn Fn(u16) -> Command + Send + Sync>,
}

/// A server of any kind, on a port of 127.0.0.1.
///
/// Between this process and the server stands a shell, which reads from a pipe that we hold. However this
/// process ends, the system closes the pipe, and the shell ends the server and removes its files.
pub struct Server {
    kind: Kind,
    port: u16,
    // Before the folder, so that it is dropped before.
    process: Mutex<Option<Process>>,
    folder: Folder,
}

impl Server {
    /// Starts a server with its files in this folder, on a free port.
    pub(super) fn start_in(folder: Folder, kind: Kind) -> Self {
        let server = (0..PORTS).find_map(|_| {
            let port = port::free();
            let process = run(&kind, port, &folder)?;
            Some((port, process))
        });
        let Some((port, process)) = server else {
            panic!("{} found {PORTS} ports taken, one after the other", kind.name)
        };
        Self { kind, port, process: Mutex::new(Some(process)), folder }
    }

    /// The port it listens on, which stays the same when it is started again.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address it listens on: `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Whether its process runs. One that is [paused](Self::pause) does.
    pub fn is_running(&self) -> bool {
        self.process().as_mut().is_some_and(is_running)
    }

    /// Kills it with SIGKILL and waits until it is gone. Nothing happens to one that is not running.
    pub fn kill(&self) {
        if let Some(mut process) = self.process().take() {
            process.signal(Signal::Kill);
            process.wait();
        }
    }

    /// Starts it again, on its port and with its files, and waits until it is ready. Nothing happens to one
    /// that is running.
    ///
    /// # Panics
    ///
    /// When it does not start, or another process has taken its port.
    pub fn start_again(&self) {
        let mut process = self.process();
        if process.as_mut().is_some_and(is_running) {
            return;
        }
        *process = run(&self.kind, self.port, &self.folder);
        assert!(process.is_some(), "{}'s port {} is taken", self.kind.name, self.port);
    }

    /// Kills it and starts it again.
    pub fn restart(&self) {
        self.kill();
        self.start_again();
    }

    /// Makes it stand still, as a machine that hangs: connections stay open, and nothing is answered.
    pub fn pause(&self) {
        self.signal(Signal::Stop);
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.signal(Signal::Continue);
    }

    /// What it has written to its log since it was started.
    pub fn log(&self) -> String {
        log(&self.folder)
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = self.process().as_mut() {
            process.signal(signal);
        }
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        // A start that panicked leaves no process, and that is a state like others.
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(self.kind.name).field("port", &self.port).finish_non_exhaustive()
    }
}

fn is_running(process: &mut Process) -> bool {
    process.ending().is_none()
}

/// What PostgreSQL says when the processes of a server that was killed have not all gone yet.
const REMAINS: &str = "pre-existing shared memory block";

/// Runs a server until it is ready, or gives none if its port is taken.
fn run(kind: &Kind, port: u16, folder: &Folder) -> Option<Process> {
    let command = (kind.command)(port);
    let start_process = || Process::start(&command, &folder.path().join(LOG), kind.ending);
    let mut process = start_process();
    let start = Instant::now();
    // Its log is a file, and nothing tells when one grows: so we look again and again.
    loop {
        let ending = process.ending();
        let log = log(folder);
        match ending {
            None if log.contains(kind.ready) => return Some(process),
            None if start.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(10)),
            None => panic!("{} is not ready after {PATIENCE:?}:\n{}", kind.name, end_of(&log)),
            Some(_) if log.contains("Address already in use") => return None,
            Some(_) if log.contains(REMAINS) && start.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(50));
                process = start_process();
            }
            Some(status) => panic!("{} ended ({status}):\n{}", kind.name, end_of(&log)),
        }
    }
}

/// Waits for what no server tells of itself, by asking again and again.
pub(super) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "after {PATIENCE:?} it is not so that {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

const LOG: &str = "log";

fn log(folder: &Folder) -> String {
    let bytes = fs::read(folder.path().join(LOG)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last lines of a log.
fn end_of(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU16, Ordering};

    use super::*;

    /// A server that runs the script for its port.
    fn start(script: impl Fn(u16) -> String + Send + Sync + 'static) -> Server {
        let command = Box::new(move |port| {
            let mut command = Command::new("sh");
            command.args(["-c", &script(port)]);
            command
        });
        let kind = Kind { name: "Script", ready: "it is up", ending: Signal::Kill, command };
        Server::start_in(Folder::create(), kind)
    }

    #[test]
    fn another_port_is_tried_where_one_is_taken() {
        let first = AtomicU16::new(0);
        let server = start(move |port| {
            match first.compare_exchange(0, port, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => "echo bind: Address already in use; exit 1".into(),
                Err(first) => format!("echo {first} was taken; echo it is up; exec sleep 60"),
            }
        });
        assert!(server.log().contains("was taken"));
        assert!(!server.log().contains(&format!("{} was taken", server.port())));
    }

    #[test]
    fn a_server_is_started_again_until_what_a_kill_has_left_of_it_is_gone() {
        let folder = Folder::create();
        let remains = folder.file("remains");
        fs::write(&remains, "").unwrap();
        let server = start(move |_| {
            format!(
                "if [ -e {remains} ]; then rm {remains}; echo pre-existing shared memory block; exit 1; fi; \
                 echo it is up; exec sleep 60"
            )
        });
        assert!(server.is_running());
    }

    #[test]
    #[should_panic(expected = "Script ended (exit status: 4):\nwhat a pity")]
    fn a_server_that_does_not_start_is_a_failure_with_its_log() {
        start(|_| "echo what a pity >&2; exit 4".into());
    }

    #[test]
    fn a_server_that_has_ended_by_itself_is_not_running() {
        let server = start(|_| "echo it is up; exec sleep 0.1".into());
        wait_until("it has ended", || !server.is_running());
        server.pause();
        server.kill();
    }
}
