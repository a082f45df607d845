//! The demo site of handstamp, `cargo xtask demo`: what sessions are, shown on the visitor's own.
//!
//! Plain HTML over axum, no script. Here are the start and the end; `app` has the map of the site, and
//! each page is a file of its own.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

use crate::accounts::Accounts;
use crate::app::App;
use crate::arguments::{Arguments, Keep, Request};
use crate::express::Express;
use crate::halves::OtherHalf;
use crate::store::Store;

mod accounts;
mod agent;
mod app;
mod arguments;
mod assets;
mod cart;
mod cookie_cost;
mod csrf;
mod devices;
mod error;
mod explain;
mod express;
mod files;
mod halves;
mod headers;
mod home;
mod inspect;
mod layout;
mod secret;
mod shop;
mod sign_in;
mod store;
mod text;
mod visitor;

/// How long requests may go on after Ctrl-C.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let request = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(request) => request,
        Err(misuse) => {
            eprintln!("error: {misuse}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    let outcome = match request {
        Request::Help => {
            print!("{}", arguments::USAGE);
            Ok(())
        }
        Request::Serve(arguments) => serve(arguments).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { express, keep, port } = arguments;
    let store = Store::open(&keep).await?;
    let (keys, secret) = secret::keys(&keep)?;
    let accounts = Accounts::open(&keep)?;
    let listener = listen(port).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let mut express = Express::start(express.as_deref(), &keep, port, &address).await?;
    let router = app::router(App::new(store, keys, accounts, OtherHalf::at(express.address()))?);
    // It listens for signals from the first time that it is asked: before anybody is told that we run.
    let mut stop_signal = Box::pin(stop_signal());
    if tokio::time::timeout(Duration::ZERO, &mut stop_signal).await.is_ok() {
        return Ok(());
    }
    println!("sessions:  {keep}\nsecret:    {secret}");
    if let Some(address) = express.address() {
        println!("Express:   {address}");
    }
    println!("listening on {address}\nCtrl-C ends it.");

    let (stopping, stopped) = oneshot::channel();
    let serving = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async {
            stop_signal.await;
            println!("\nstopping");
            // Only fails if nobody waits any more, and then the server has ended.
            let _ = stopping.send(());
        });
    tokio::select! {
        ended = serving => ended?,
        () = patience(stopped) => {}
        why = express.ended() => return Err(why.into()),
    }
    express.stop(LAST_REQUESTS).await;
    Ok(())
}

async fn listen(port: u16) -> Result<TcpListener, String> {
    // Loopback only: the site speaks plain HTTP.
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "port {port} is taken; choose another one with `--port N`, or any with `--port 0`"
            )
        }
        _ => format!("can’t listen on port {port}: {error}"),
    })
}

/// Ends when requests have had their time after the stop signal.
async fn patience(stopped: oneshot::Receiver<()>) {
    if stopped.await.is_err() {
        return std::future::pending().await;
    }
    tokio::time::sleep(LAST_REQUESTS).await;
}

/// Ctrl-C, or the signal by which a service manager ends a program.
async fn stop_signal() {
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!("Ctrl-C can’t be waited for: {error}");
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupted => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut signals) => drop(signals.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => {
                write!(f, "{}, an SQLite file; they outlive the server", path.display())
            }
            Self::Memory => f.write_str("in memory; they end with the server"),
            Self::Server { url, .. } => {
                let kind = store::kind(url).unwrap_or("an unknown kind of");
                write!(f, "in {kind} server; they outlive this one")
            }
        }
    }
}
