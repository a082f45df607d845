//! Tells whoever opened the store when the server goes and comes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use handstamp::store::ConnectionEvent;
use redis::RedisError;

use crate::error::reason;

/// Whom to tell, if anybody.
#[derive(Clone, Default)]
pub(crate) struct Observer(pub(crate) Option<Arc<dyn Fn(ConnectionEvent) + Send + Sync>>);

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer(..)")
    }
}

/// Tells each change once.
#[derive(Debug, Default)]
pub(crate) struct Events {
    observer: Observer,
    told: AtomicU8,
}

const MADE: u8 = 1;
const LOST: u8 = 2;

impl Events {
    pub(crate) fn told_to(observer: Observer) -> Self {
        Self { observer, told: AtomicU8::new(0) }
    }

    pub(crate) fn made(&self) {
        if self.told.swap(MADE, Ordering::SeqCst) != MADE {
            self.tell(ConnectionEvent::Made);
        }
    }

    pub(crate) fn lost(&self, error: &RedisError) {
        if self.told.swap(LOST, Ordering::SeqCst) != LOST {
            self.tell(ConnectionEvent::Lost(reason(error)));
        }
    }

    fn tell(&self, event: ConnectionEvent) {
        if let Some(observer) = &self.observer.0 {
            observer(event);
        }
    }
}
