//! Lifetimes as the server counts them: in milliseconds.

use std::time::Duration;

/// What an eternity is on the server, and what a session has left that has no time to live there (as
/// connect-redis with `disableTTL` stores them): a hundred years.
const ETERNITY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A lifetime in milliseconds, rounded up: only a lifetime of zero is zero.
pub(crate) fn milliseconds(lifetime: Duration) -> u64 {
    let lifetime = lifetime.min(ETERNITY);
    let whole = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
    whole + u64::from(!lifetime.subsec_nanos().is_multiple_of(1_000_000))
}

/// What an answer of `PTTL` says. `None`: the key is missing, or has no time left.
pub(crate) fn remaining(milliseconds: i64) -> Option<Duration> {
    match milliseconds {
        -1 => Some(ETERNITY),
        left => u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_millis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zero_is_zero_and_eternities_can_be_counted() {
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::from_micros(1001)), 2);
        assert_eq!(milliseconds(Duration::from_millis(5)), 5);
        assert_eq!(milliseconds(Duration::MAX), 3_153_600_000_000);
    }

    #[test]
    fn a_key_without_time_to_live_has_an_eternity_left() {
        assert_eq!(remaining(-1), Some(ETERNITY));
        assert_eq!(remaining(-2), None);
        assert_eq!(remaining(0), None);
        assert_eq!(remaining(1), Some(Duration::from_millis(1)));
    }
}
