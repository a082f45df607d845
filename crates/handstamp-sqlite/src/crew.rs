//! Threads that work through one queue, for as long as the crew is kept.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::queue::Queue;
use crate::task::Task;

/// The queue of tasks that a crew works through.
pub(crate) type Tasks = Queue<Box<dyn Task>>;

/// Some threads and their queue. When it is dropped, they finish what waits, and end.
pub(crate) struct Crew {
    tasks: Arc<Tasks>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    /// A crew of no threads yet.
    pub(crate) fn new() -> Self {
        Self { tasks: Arc::new(Queue::new()), threads: Vec::new() }
    }

    /// Adds a thread. `work` returns when the queue is closed and empty.
    pub(crate) fn hire(
        &mut self,
        name: &str,
        work: impl FnOnce(&Tasks) + Send + 'static,
    ) -> io::Result<()> {
        let tasks = self.tasks.clone();
        let work = move || {
            let _end = tasks.end_with();
            work(&tasks);
        };
        self.threads.push(thread::Builder::new().name(name.into()).spawn(work)?);
        Ok(())
    }

    /// Where the crew's tasks are put.
    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.tasks.close();
        for thread in self.threads.drain(..) {
            // An answer may wake a future that holds the store and is dropped for it, on this very
            // thread, which can't wait for itself.
            if thread.thread().id() != thread::current().id() {
                // A panic in there has been reported by then, and has closed the queue.
                drop(thread.join());
            }
        }
    }
}
