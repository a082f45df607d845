use std::sync::Mutex;
use std::time::Duration;

use handstamp::SessionStore;
use log::{LevelFilter, Log, Metadata, Record};

use crate::support::{id, owned, put, store};

/// What no other test writes.
const SECRET: &str = "a-secret-that-nobody-may-read";

/// Keeps what tells of statements, and what tells of the secret.
struct Listening(Mutex<Vec<String>>);

static LISTENING: Listening = Listening(Mutex::new(Vec::new()));

impl Log for Listening {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let text = record.args().to_string();
        if text.contains(SECRET) || text.starts_with("executing statement s") {
            self.0.lock().unwrap().push(text);
        }
    }

    fn flush(&self) {}
}

/// As whoever looks for a mistake has it log.
#[tokio::test]
async fn nothing_that_is_stored_is_logged() {
    log::set_logger(&LISTENING).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let (store, _) = store().await;
    let (secret, document) = (id(SECRET), format!(r#"{{"password":"{SECRET}"}}"#));
    let version = put(&store, &secret, &owned(&document, SECRET)).await;
    store.update(&secret, version, &owned(&document, SECRET)).await.unwrap();
    store.load(&secret).await.unwrap();
    store.touch(&secret, Duration::from_secs(60)).await.unwrap();
    store.index().unwrap().list(SECRET).await.unwrap();
    store.index().unwrap().revoke(SECRET, None).await.unwrap();
    let logged = LISTENING.0.lock().unwrap();
    assert!(!logged.is_empty(), "nothing is logged of any statement, so this proves nothing");
    let of_secrets: Vec<_> = logged.iter().filter(|text| text.contains(SECRET)).collect();
    assert!(of_secrets.is_empty(), "{of_secrets:?}");
}
