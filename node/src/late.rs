//! Answers that come later.
//!
//! To wake a thread costs more than most work on a session does, and so does a packet of one command. So what
//! JavaScript begins in one turn of its loop is handed to the runtime together, at the end of the turn. It is one task
//! there: most of its commands leave in one packet, and what is answered together is told together.

use std::cell::RefCell;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{FuturesUnordered, Stream};
use napi::Status;
use napi::bindgen_prelude::spawn;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

use crate::answer::{IntoValue, Value};
use crate::error::Failure;

/// Who is told late answers. It keeps no process alive: JavaScript does that as long as it waits.
pub(crate) type Tell =
    ThreadsafeFunction<Vec<LateAnswer>, (), Vec<LateAnswer>, Status, false, true>;

/// How many answers are told at once by the runtime. The first of them waits for the last.
const TOGETHER: usize = 16;

/// What JavaScript's thread has begun, and who is told.
pub(crate) struct Late {
    tell: Arc<Tell>,
    waiting: RefCell<Vec<BoxFuture<'static, LateAnswer>>>,
}

impl Late {
    pub(crate) fn told_to(tell: Tell) -> Self {
        Self { tell: Arc::new(tell), waiting: RefCell::default() }
    }

    /// Keeps some work until the turn is [over](Self::go_on).
    pub(crate) fn wait<T: IntoValue>(
        &self,
        ticket: u32,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) {
        let told = work.map(move |outcome| LateAnswer::new(ticket, outcome));
        self.waiting.borrow_mut().push(told.boxed());
    }

    /// Hands all that waits to the runtime. What has been done by then is returned, if it may be looked at on this
    /// thread.
    pub(crate) fn go_on(&self, look_here: bool) -> Vec<LateAnswer> {
        let mut waiting = self.waiting.take();
        let done = if look_here { take_ready(&mut waiting) } else { Vec::new() };
        match waiting.len() {
            0 => {}
            // A set of one would wake itself once more for nothing.
            1 => waiting.into_iter().for_each(|work| self.hand_over(work.into_stream())),
            _ => self.hand_over(waiting.into_iter().collect::<FuturesUnordered<_>>()),
        }
        done
    }

    fn hand_over(&self, work: impl Stream<Item = LateAnswer> + Send + 'static) {
        let tell = self.tell.clone();
        spawn(work.ready_chunks(TOGETHER).for_each(move |answers| {
            // When Node is shutting down, there is nobody any more to be told.
            tell.call(answers, ThreadsafeFunctionCallMode::NonBlocking);
            std::future::ready(())
        }));
    }
}

fn take_ready<T>(waiting: &mut Vec<BoxFuture<'static, T>>) -> Vec<T> {
    let mut ready = Vec::new();
    waiting.retain_mut(|work| match work.now_or_never() {
        Some(answer) => {
            ready.push(answer);
            false
        }
        None => true,
    });
    ready
}

/// The answer to a call: its ticket; code and message, if it has failed; the value, if not.
#[derive(Debug)]
#[napi(object, object_from_js = false)]
pub struct LateAnswer {
    /// The call's.
    pub ticket: u32,
    /// What went wrong.
    pub failure: Option<Vec<String>>,
    /// What it has come to.
    pub value: Option<Value>,
}

impl LateAnswer {
    fn new<T: IntoValue>(ticket: u32, outcome: Result<T, Failure>) -> Self {
        match outcome {
            Ok(value) => Self { ticket, failure: None, value: Some(value.into_value()) },
            Err(failure) => Self { ticket, failure: Some(failure.into_words()), value: None },
        }
    }
}
