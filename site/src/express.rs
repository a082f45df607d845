//! The Express half of the site: a program of Node.js, our child. Neither half stays when the other ends.
//!
//! The child lives as long as its standard input, which we hold. So it ends with us, also when we are
//! killed, and on every system.

use std::future::pending;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::arguments::Keep;

/// The Express half, if there is one.
pub(crate) struct Express(Option<Half>);

struct Half {
    child: Child,
    /// What it lives on. Kept apart, because waiting for a child closes its input.
    input: ChildStdin,
    /// Where it prints to. Closed, it would be in the way of whatever it may still have to say.
    _output: BufReader<ChildStdout>,
    address: String,
}

impl Express {
    /// Starts the program, if one is given, and waits until it listens: on the port after ours, or on
    /// any if ours is any.
    pub(crate) async fn start(
        program: Option<&Path>,
        keep: &Keep,
        port: u16,
        our_address: &str,
    ) -> Result<Self, String> {
        let (Some(program), Some(base)) = (program, keep.base()) else { return Ok(Self(None)) };
        let port = if port == 0 { 0 } else { port.wrapping_add(1) };
        let mut command = Command::new("node");
        command.arg(program).arg("--base").arg(base).args(["--port", &port.to_string()]);
        command.args(["--axum", our_address]);
        if let Keep::Server { url, .. } = keep {
            // Everybody on this machine can read a command line, and the URL may hold a password.
            command.env("STORE_URL", url);
        }
        Half::of(command).await.map(|half| Self(Some(half)))
    }

    pub(crate) fn address(&self) -> Option<&str> {
        self.0.as_ref().map(|half| &*half.address)
    }

    /// Waits until it ends without having been told to, and says so.
    pub(crate) async fn ended(&mut self) -> String {
        let Some(half) = &mut self.0 else { return pending().await };
        match half.child.wait().await {
            Ok(status) => format!("the Express half has ended ({status})"),
            Err(error) => format!("the Express half can’t be waited for: {error}"),
        }
    }

    /// Ends it, after the requests that it is busy with, unless they take longer than this.
    pub(crate) async fn stop(self, patience: Duration) {
        let Some(Half { mut child, input, .. }) = self.0 else { return };
        drop(input);
        // Whatever has not ended by then is killed when it is dropped.
        let _ = timeout(patience, child.wait()).await;
    }
}

impl Half {
    async fn of(mut command: Command) -> Result<Self, String> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let spawned = command.spawn();
        let mut child = spawned.map_err(|error| format!("node can’t be started: {error}"))?;
        let input = child.stdin.take().expect("it is piped");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        let read = output.read_line(&mut line).await;
        read.map_err(|error| format!("the Express half can’t be listened to: {error}"))?;
        match line.trim_end().strip_prefix("listening on ") {
            Some(address) => {
                Ok(Self { address: address.to_owned(), child, input, _output: output })
            }
            None => Err("the Express half does not start; what it says of that is above".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of Node.js in the place of the Express half.
    async fn run(script: &str) -> Result<Express, String> {
        let mut command = Command::new("node");
        command.args(["-e", script]);
        Half::of(command).await.map(|half| Express(Some(half)))
    }

    const LISTENS: &str = "console.log('listening on http://nowhere'); process.stdin.resume()";

    #[tokio::test]
    async fn it_ends_when_it_is_told_to() {
        let express = run(LISTENS).await.unwrap();
        assert_eq!(express.address(), Some("http://nowhere"));
        let end = timeout(Duration::from_secs(60), express.stop(Duration::MAX)).await;
        assert!(end.is_ok());
    }

    #[tokio::test]
    async fn its_own_end_is_noticed() {
        let mut express = run("console.log('listening on x'); process.exitCode = 3").await.unwrap();
        assert_eq!(express.ended().await, "the Express half has ended (exit status: 3)");
    }

    #[tokio::test]
    async fn one_that_does_not_start_is_an_error() {
        let failure = run("").await.err().unwrap();
        assert!(failure.starts_with("the Express half does not start"));
    }
}
