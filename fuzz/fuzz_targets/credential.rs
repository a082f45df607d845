//! Whatever is done to a good credential, it is that credential or none.
#![no_main]

use handstamp_fuzz::{CREDENTIAL, load, manager, put};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|change: (u8, u8, &str)| {
    let (sessions, store) = manager();
    put(&store, br#"{"cookie":{},"key":1}"#);
    let (at, length, text) = change;
    let at = usize::from(at) % (CREDENTIAL.len() + 1);
    let end = (at + usize::from(length)).min(CREDENTIAL.len());
    let changed = format!("{}{text}{}", &CREDENTIAL[..at], &CREDENTIAL[end..]);
    let found = !load(&sessions, "x-auth-token", changed.as_bytes()).is_new();
    // Spaces around, quotes and percent-encoding are other spellings of the same.
    let plain = !changed.contains(['%', '"']) && changed.trim() != CREDENTIAL;
    assert!(!(found && plain), "{changed:?} was accepted");
});
