//! How much memory a session takes beside its document. It is a test binary of its own, because it
//! measures the whole process: no other test may allocate meanwhile.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with its line")]

use std::sync::Arc;
use std::time::Duration;

use handstamp::store::Record;
use handstamp::{MemoryStore, SessionId, SessionStore};

/// Just after the tables have doubled, when they are emptiest.
const SESSIONS: usize = 235_000;
const DOCUMENT: usize = 200;

#[tokio::test]
async fn a_session_takes_at_most_160_bytes_beside_its_document() {
    let store = MemoryStore::new();
    let before = resident_bytes();
    for _ in 0..SESSIONS {
        // Each session has a document of its own, as in life.
        let document = Arc::from("x".repeat(DOCUMENT).into_bytes());
        let record = Record { document, lifetime: Duration::from_secs(60 * 60), owner: None };
        store.create(&SessionId::random().unwrap(), &record).await.unwrap();
    }
    let bytes = (resident_bytes() - before) / SESSIONS - DOCUMENT;
    assert_eq!(store.len(), SESSIONS);
    assert!((90..=160).contains(&bytes), "{bytes} bytes per session");
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
