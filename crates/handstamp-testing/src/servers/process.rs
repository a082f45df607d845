//! A server's process, which ends with ours.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

/// Starts the program `$2 …` and ends when it does. What it reads are signals for the program, one a line,
/// and it says when each is sent. When there is nothing more to read, because the other end is closed or its
/// process is gone, it ends the program: by signal `$1`, and by SIGKILL if that takes longer than five
/// seconds.
///
/// A signal goes to the program's children, too. PostgreSQL's would outlive a SIGKILL for some moments, and
/// go on after a SIGSTOP.
const KEEPER: &str = r#"
ending=$1
shift
exec 3<&0 </dev/null
"$@" 3<&- >&2 &
server=$!
signal() {
    kill "-$1" $server $(cat /proc/$server/task/$server/children 2>/dev/null) 2>/dev/null
}
{
    while read -r name <&3; do
        signal "$name"
        echo done
    done
    signal CONT
    kill "-$ending" $server
    tries=100
    while [ $tries -gt 0 ] && kill -0 $server; do
        tries=$((tries - 1))
        sleep 0.05
    done
    signal KILL
} 2>/dev/null &
watcher=$!
wait $server
status=$?
kill $watcher 2>/dev/null
exit $status
"#;

/// What a process can be told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signal {
    /// Go on after [`Self::Stop`].
    Continue,
    /// End without a chance to do anything before.
    Kill,
    /// End at once; PostgreSQL takes its shared memory with it.
    Quit,
    /// Stand still: connections stay open and nothing is answered.
    Stop,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Continue => "CONT",
            Self::Kill => "KILL",
            Self::Quit => "QUIT",
            Self::Stop => "STOP",
        }
    }
}

/// A running process. Dropping it ends it, and so does the end of ours.
#[derive(Debug)]
pub(super) struct Process {
    keeper: Child,
    lifeline: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a command that writes to a log, and that is ended by this signal.
    pub(super) fn start(command: &Command, log: &Path, ending: Signal) -> Self {
        let log = File::create(log).expect("our folder can be written");
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh", ending.name()])
            .arg(command.get_program())
            .args(command.get_args())
            // Out of the terminal's reach: Ctrl-C is for us, and our end is for the keeper.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // The program's own output goes there, too.
            .stderr(log)
            .spawn()
            .expect("sh is on every Unix system");
        let lifeline = keeper.stdin.take();
        let answers = keeper.stdout.take().expect("its output is a pipe");
        Self { keeper, lifeline, answers: BufReader::new(answers) }
    }

    /// How the process ended, if it has.
    pub(super) fn ending(&mut self) -> Option<ExitStatus> {
        self.keeper.try_wait().expect("the process is our child")
    }

    /// Sends the process a signal. One that has ended hears nothing.
    pub(super) fn signal(&mut self, signal: Signal) {
        let Some(lifeline) = &mut self.lifeline else { return };
        if writeln!(lifeline, "{}", signal.name()).is_ok() {
            // Until it is sent, or there is nobody any more to send it.
            let _ = self.answers.read_line(&mut String::new());
        }
    }

    /// Waits until the process has ended.
    pub(super) fn wait(mut self) {
        let _ = self.keeper.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.keeper.wait();
    }
}
