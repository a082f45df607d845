//! Whatever stands in a store, it is read or counts as missing; and what was read is written back.
#![no_main]

use handstamp_fuzz::{CREDENTIAL, load, manager, now, put};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    let (sessions, store) = manager();
    put(&store, document);
    let session = load(&sessions, "x-auth-token", CREDENTIAL.as_bytes());
    if session.is_new() {
        return;
    }
    let keys = session.keys();
    let _ = session.flash("info", "hello");
    session.insert("fuzz", 1).expect("any session takes a key");
    now(sessions.commit(&session)).expect("a memory store does not fail");
    let again = load(&sessions, "x-auth-token", CREDENTIAL.as_bytes());
    assert!(keys.iter().all(|key| again.keys().contains(key)));
    assert_eq!(again.get::<i64>("fuzz").expect("it is a number"), Some(1));
});
