//! What is asked of a server in one round trip, and how that can fail.

use std::time::Duration;

use redis::{Cmd, Pipeline, RedisError, Value};

use crate::error::code;
use crate::lifetime::milliseconds;
use crate::scripts::Script;

/// Commands that go to one server at once. They need not be done at once: each is a step of its own.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    commands: Vec<Cmd>,
    /// The script that they all run.
    script: Option<&'static Script>,
    /// To do it twice is to do it once, so that it may be sent again if its answer was lost.
    repeatable: bool,
    /// Its last command waits until replicas have it.
    waits: bool,
    /// Whoever asks knows what to do while its keys are apart.
    apart: bool,
}

impl Request {
    /// Commands that change something.
    pub(crate) fn write(commands: impl IntoIterator<Item = Cmd>) -> Self {
        Self {
            commands: commands.into_iter().collect(),
            script: None,
            repeatable: false,
            waits: false,
            apart: false,
        }
    }

    /// Commands that change nothing.
    pub(crate) fn read(commands: impl IntoIterator<Item = Cmd>) -> Self {
        Self { repeatable: true, ..Self::write(commands) }
    }

    /// Runs of one script.
    pub(crate) fn script(script: &'static Script, runs: impl IntoIterator<Item = Cmd>) -> Self {
        Self { script: Some(script), ..Self::write(runs) }
    }

    /// The same, and then a wait until so many replicas have what was written before.
    pub(crate) fn waiting(mut self, wait: Wait) -> Self {
        let mut command = redis::cmd("WAIT");
        command.arg(wait.replicas).arg(milliseconds(wait.timeout));
        self.commands.push(command);
        Self { waits: true, ..self }
    }

    /// The same, and "its keys are on two servers just now" is an answer, not a reason to try again.
    pub(crate) fn or_apart(self) -> Self {
        Self { apart: true, ..self }
    }

    pub(crate) fn may_be_apart(&self) -> bool {
        self.apart
    }

    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    pub(crate) fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    pub(crate) fn pipeline(&self) -> Pipeline {
        let mut pipeline = Pipeline::with_capacity(self.commands.len());
        for command in &self.commands {
            pipeline.add_command(command.clone());
        }
        pipeline
    }

    /// The same for a server that is about to get the slot: each command has to say that it knows.
    pub(crate) fn asking(&self) -> Self {
        let commands = self.commands.iter().flat_map(|one| [redis::cmd("ASKING"), one.clone()]);
        Self { commands: commands.collect(), ..*self }
    }

    /// The same with the script, if the server has said that it does not know it.
    pub(crate) fn teaching(&self, answers: &[Value]) -> Option<Self> {
        let unknown = answers.iter().any(|answer| code(answer) == Some("NOSCRIPT"));
        let script = self.script.filter(|_| unknown)?;
        let commands = std::iter::once(script.load()).chain(self.commands.iter().cloned());
        Some(Self { commands: commands.collect(), script: None, ..*self })
    }
}

/// For how many replicas a write waits, and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) replicas: usize,
    pub(crate) timeout: Duration,
}

/// No answer has come.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) error: RedisError,
    /// Whether it was sent, so that it may have been done.
    pub(crate) sent: bool,
}
