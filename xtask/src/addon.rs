//! The npm package's addon: cargo builds it as a library, Node looks for it beside the package under
//! napi's name for this platform.

use std::env;
use std::env::consts::{ARCH, DLL_PREFIX, DLL_SUFFIX, OS};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::needs;

/// The package of cargo that it is built from.
pub(crate) const PACKAGE: &str = "handstamp-node";

/// Puts what cargo has built where Node looks for it.
pub(crate) fn place() -> io::Result<()> {
    let package = crate::root().join(needs::NODE_PACKAGE);
    replace(&built()?, &package.join(file_name(OS, ARCH)))
}

/// Cargo puts it beside the folder of this program.
fn built() -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    let target = this.ancestors().nth(2).unwrap_or(&this);
    Ok(target.join("release").join(format!("{DLL_PREFIX}handstamp_node{DLL_SUFFIX}")))
}

/// Copies a file, if the copy is not there already. A program that has the former copy open keeps it.
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    if is_copied(from, to)? {
        return Ok(());
    }
    let draft = to.with_extension("node.new");
    fs::copy(from, &draft)?;
    fs::rename(draft, to)
}

fn is_copied(from: &Path, to: &Path) -> io::Result<bool> {
    let from = fs::metadata(from)?;
    let Ok(to) = fs::metadata(to) else { return Ok(false) };
    Ok(from.len() == to.len() && from.modified()? <= to.modified()?)
}

/// The name that the package's `native.ts` looks for.
fn file_name(os: &str, arch: &str) -> String {
    let arch = match arch {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let platform = match os {
        "linux" if cfg!(target_env = "musl") => format!("linux-{arch}-musl"),
        "linux" => format!("linux-{arch}-gnu"),
        "macos" => format!("darwin-{arch}"),
        "windows" => format!("win32-{arch}-msvc"),
        other => format!("{other}-{arch}"),
    };
    format!("handstamp.{platform}.node")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_node_has_for_platforms() {
        assert_eq!(file_name("macos", "aarch64"), "handstamp.darwin-arm64.node");
        assert_eq!(file_name("windows", "x86_64"), "handstamp.win32-x64-msvc.node");
        assert!(file_name("linux", "x86_64").starts_with("handstamp.linux-x64-"));
    }

    #[test]
    fn a_copy_is_replaced_when_there_is_something_newer() {
        let folder = env::temp_dir().join(format!("handstamp-addon-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (from, to) = (folder.join("built"), folder.join("handstamp.node"));
        assert!(replace(&from, &to).is_err(), "nothing is built");
        for content in ["old", "newer"] {
            fs::write(&from, content).unwrap();
            replace(&from, &to).unwrap();
            assert_eq!(fs::read_to_string(&to).unwrap(), content);
        }
        assert!(is_copied(&from, &to).unwrap());
        fs::remove_dir_all(folder).unwrap();
    }
}
