//! Answers at once, or by a promise.
//!
//! A promise costs as much as twenty synchronous answers. So work is begun on the spot: with the memory
//! store it is done then, and only what has to wait goes to the runtime's threads. What talks to a server
//! is there from the beginning: it waits in any case, and JavaScript's thread has better things to do.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use napi::Env;
use napi::bindgen_prelude::{Either, PromiseRaw, ToNapiValue};

use crate::error::{Failure, Thrown};

/// A value for JavaScript, or a promise of it.
pub(crate) type Answer<'env, T> = Either<T, PromiseRaw<'env, T>>;

/// Where work on a store is begun.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin {
    /// On JavaScript's thread.
    Here,
    /// On the runtime's threads. Connections don't work elsewhere.
    InRuntime,
}

/// Begins some work. What is done then is returned or thrown; what isn't is a promise.
pub(crate) fn answer<T: ToNapiValue + Send + 'static>(
    env: &Env,
    begin: Begin,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<Answer<'_, T>, Thrown> {
    let mut work = without_panics(work);
    if let Begin::InRuntime = begin {
        return Ok(Either::B(promise(env, work)?));
    }
    // Nobody is woken by this waker: whatever it was left with is asked again by the runtime.
    match Pin::new(&mut work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Ok(Either::A(outcome?)),
        Poll::Pending => Ok(Either::B(promise(env, work)?)),
    }
}

/// Does what can't wait. A panic is an error.
pub(crate) fn at_once<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Thrown> {
    let outcome = catch_unwind(AssertUnwindSafe(work));
    Ok(outcome.unwrap_or_else(|_| Err(Failure::panic()))?)
}

fn promise<T: ToNapiValue + Send + 'static>(
    env: &Env,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<PromiseRaw<'_, T>, Failure> {
    // The runtime's own errors have no code of ours, so a failure is a value until it is back on
    // JavaScript's thread.
    env.spawn_future_with_callback(async { Ok(work.await) }, |env, outcome| {
        outcome.map_err(|failure: Failure| failure.into_rejection(env))
    })
    .map_err(Failure::of_node)
}

/// The same work; if it panics, it has failed.
fn without_panics<T>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> impl Future<Output = Result<T, Failure>> + Send + Unpin + 'static {
    let mut work = Box::pin(work);
    poll_fn(move |context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(Err(Failure::panic())))
    })
}
