//! A folder for a server's files, which goes when its value is dropped or this process ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::program;

/// Makes the folder, waits until the other end of its input is closed, and removes the folder.
///
/// Servers may end a moment after us and still write, so removing is tried again for ten seconds.
const KEEPER: &str = r#"
folder=$(mktemp -d "${TMPDIR:-/tmp}/handstamp.XXXXXX") && chmod 755 "$folder" && echo "$folder" || exit 1
read -r _
tries=100
until rm -rf "$folder" 2>/dev/null; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || exit 1
    sleep 0.1
done
"#;

/// A temporary folder that others may enter: PostgreSQL runs as another user where we are root.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    keeper: Child,
    /// Closed when this value is dropped, and by the system when this process ends.
    lifeline: Option<ChildStdin>,
    is_made_by_root: bool,
}

impl Folder {
    pub(super) fn create() -> Self {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER])
            // Out of the terminal's reach: Ctrl-C is for us, and our end is for the keeper.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh is on every Unix system");
        let mut line = String::new();
        let answer = keeper.stdout.take().expect("its output is a pipe");
        BufReader::new(answer).read_line(&mut line).expect("the keeper names its folder");
        assert!(!line.is_empty(), "no temporary folder could be made, see above");
        let lifeline = keeper.stdin.take();
        let path = PathBuf::from(line.trim_end());
        let metadata = fs::metadata(&path).expect("our folder is there");
        Self { path, keeper, lifeline, is_made_by_root: metadata.uid() == 0 }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether we are root.
    pub(super) fn is_made_by_root(&self) -> bool {
        self.is_made_by_root
    }

    /// Gives it and all in it to another user, as only root can.
    pub(super) fn give_to(&self, user: &str) {
        program::run(Command::new("chown").args(["-R", &format!("{user}:")]).arg(&self.path));
    }

    /// The path of a file in this folder, as text for a command line or a URL.
    pub(super) fn file(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.keeper.wait();
    }
}
