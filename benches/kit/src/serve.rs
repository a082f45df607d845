//! A target as a server of its own process.

use std::error::Error;
use std::io::{self, Read as _, Write as _};

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime;

/// Serves on a free loopback port, which it prints, until its standard input ends.
pub(crate) fn serve(
    build: impl AsyncFnOnce() -> Result<Router, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    // One worker each: the other core is the load generator's.
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let router = build().await?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("{}", listener.local_addr()?.port());
        io::stdout().flush()?;
        std::thread::spawn(|| {
            // Whatever comes, even an error, the one who started this process is done with it.
            let _ = io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(0);
        });
        // Accepted connections are served on the worker, not on this thread.
        tokio::spawn(async move { axum::serve(listener, router).await }).await??;
        Ok(())
    })
}
