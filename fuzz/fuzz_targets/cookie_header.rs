//! Whatever stands in a header, no session is found that was not signed by us.
#![no_main]

use handstamp_fuzz::{load, manager};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    let (sessions, _) = manager();
    for header in ["cookie", "authorization", "x-auth-token"] {
        assert!(load(&sessions, header, value).is_new());
    }
});
