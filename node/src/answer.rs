//! Answers at once, or later.
//!
//! A promise that Node makes for an addon costs as much as twenty answers at once. So work is begun on the spot where
//! that can be the end of it: with the memory store, and with one that keeps sessions near. For what has to wait
//! JavaScript gets nothing for now, and is told [later](Late). What talks to a server is in the runtime from the
//! beginning: it waits in any case, and JavaScript's thread has better things to do. Only where it may be known here is
//! it looked for here first.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use napi::bindgen_prelude::{Either, Either4, within_runtime_if_available};

use crate::error::{Failure, Thrown};
use crate::late::Late;
use crate::user::UserSessionRecord;

/// All that JavaScript is ever answered. One type, for one function takes all late answers.
pub(crate) type Value =
    Either4<Option<String>, f64, bool, Either<Vec<String>, Vec<UserSessionRecord>>>;

/// The answer to a call, or nothing: it comes later.
pub(crate) type Answer = Either<Value, ()>;

/// Where work on a store is begun.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin {
    /// On JavaScript's thread.
    Here,
    /// The same, for work that may go on with a connection.
    HereWithRuntime,
    /// On the runtime's threads. Connections work in its context only.
    InRuntime,
}

/// Begins some work. What is done then is returned or thrown; what isn't is told later.
pub(crate) fn answer<T: IntoValue>(
    begin: Begin,
    late: &Late,
    ticket: u32,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<Answer, Thrown> {
    let mut work = without_panics(work);
    // Nobody is woken by this waker: whatever it was left with is asked again by the runtime.
    let mut poll = || Pin::new(&mut work).poll(&mut Context::from_waker(Waker::noop()));
    let begun = match begin {
        Begin::Here => poll(),
        Begin::HereWithRuntime => within_runtime_if_available(poll),
        Begin::InRuntime => Poll::Pending,
    };
    if let Poll::Ready(outcome) = begun {
        return Ok(Either::A(outcome?.into_value()));
    }
    late.wait(ticket, work);
    Ok(Either::B(()))
}

/// Does what can't wait. A panic is an error.
pub(crate) fn at_once<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Thrown> {
    let outcome = catch_unwind(AssertUnwindSafe(work));
    Ok(outcome.unwrap_or_else(|_| Err(Failure::panic()))?)
}

/// What a call answers with, for JavaScript.
pub(crate) trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for () {
    fn into_value(self) -> Value {
        Either4::A(None)
    }
}

impl IntoValue for String {
    fn into_value(self) -> Value {
        Either4::A(Some(self))
    }
}

impl IntoValue for Option<String> {
    fn into_value(self) -> Value {
        Either4::A(self)
    }
}

impl IntoValue for Option<f64> {
    fn into_value(self) -> Value {
        self.map_or(Either4::A(None), Either4::B)
    }
}

impl IntoValue for u64 {
    fn into_value(self) -> Value {
        Either4::B(self as f64)
    }
}

impl IntoValue for bool {
    fn into_value(self) -> Value {
        Either4::C(self)
    }
}

impl IntoValue for Vec<String> {
    fn into_value(self) -> Value {
        Either4::D(Either::A(self))
    }
}

impl IntoValue for Vec<UserSessionRecord> {
    fn into_value(self) -> Value {
        Either4::D(Either::B(self))
    }
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
