//! The scripts that the server runs: each is one step on the keys of one slot.
//!
//! They are text files beside this one. A server is asked to run a script by its digest, and gets the text
//! only if it does not know it.

use std::fmt::Write;
use std::sync::LazyLock;

use redis::Cmd;
use sha1::{Digest, Sha1};

/// A script and the digest by which servers know it.
#[derive(Debug)]
pub(crate) struct Script {
    text: String,
    digest: String,
}

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident: $($file:literal)+;)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: LazyLock<Script> =
                LazyLock::new(|| Script::new(concat!($(include_str!($file), "\n"),+)));
        )*

        #[cfg(test)]
        const ALL: &[(&str, &LazyLock<Script>)] = &[$((stringify!($name), &$name)),*];
    };
}

scripts! {
    /// Says whose a session is that is about to be created.
    CLAIM: "claim.lua";
    /// Creates a session of an owner.
    CREATE: "clock.lua" "enter.lua" "create.lua";
    /// Ends a session and gives what it held.
    DELETE: "delete.lua";
    /// Ends a session, whoever's it is.
    DROP: "drop.lua";
    /// Ends a session of a list.
    END: "end.lua";
    /// Puts a session into a list.
    ENTER: "clock.lua" "enter.lua" "enter_alone.lua";
    /// Reads a list.
    ENTRIES: "clock.lua" "entries.lua";
    /// Looks at a session of a list.
    LOOK: "look.lua";
    /// Takes sessions out of a list.
    PRUNE: "clock.lua" "prune.lua";
    /// Replaces a session without its owner.
    REPLACE: "replace.lua";
    /// Sets how long a session has left.
    TOUCH: "clock.lua" "enter.lua" "touch.lua";
    /// Replaces a session.
    UPDATE: "clock.lua" "enter.lua" "update.lua";
}

impl Script {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), digest: hexadecimal(&Sha1::digest(text.as_bytes())) }
    }

    /// The command that runs it, if the server knows it.
    pub(crate) fn call(&self, keys: &[&str]) -> Cmd {
        self.command("EVALSHA", &self.digest, keys)
    }

    /// The command that teaches the server the script.
    pub(crate) fn load(&self) -> Cmd {
        let mut command = redis::cmd("SCRIPT");
        command.arg("LOAD").arg(&self.text);
        command
    }

    fn command(&self, name: &str, script: &str, keys: &[&str]) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(keys.len()).arg(keys);
        command
    }
}

/// Bytes as a script's `sha1hex` spells them.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // To write into a string never fails.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_is_another() {
        for (n, (name, script)) in ALL.iter().enumerate() {
            for (other, same) in &ALL[..n] {
                assert_ne!(script.digest, same.digest, "{name} {other}");
            }
        }
    }
}
