//! How long to wait before the next attempt: longer each time, and not as long as everybody else.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(20);
/// So that a server that is back is used again within half a second.
const LONGEST: Duration = Duration::from_millis(500);

/// The waits of one who tries again and again.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait now. After the first failure: not at all.
    pub(crate) fn next(&mut self) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.saturating_sub(1).min(10));
        let wait = if self.failures == 0 { Duration::ZERO } else { doubled.min(LONGEST) };
        self.failures = self.failures.saturating_add(1);
        jittered(wait)
    }
}

/// Between half of a time and all of it.
pub(crate) fn jittered(time: Duration) -> Duration {
    // Without random bytes, everybody waits as long: slower, but not wrong.
    let random = getrandom::u32().unwrap_or(u32::MAX);
    time.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_half_a_second_and_stay_there() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(), Duration::ZERO);
        let mut longest = FIRST;
        for _ in 0..20 {
            let wait = backoff.next();
            assert!(wait >= longest / 2 && wait <= longest, "{wait:?} of {longest:?}");
            longest = (longest * 2).min(LONGEST);
        }
    }

    /// Those who lost one server together are not to come back together.
    #[test]
    fn waits_differ_and_fill_their_range() {
        let waits: Vec<_> = (0..200).map(|_| jittered(LONGEST)).collect();
        // To miss one of the quarters by chance is as likely as to guess a key of 80 bits.
        let quarter = LONGEST / 8;
        for n in 0..4 {
            let from = LONGEST / 2 + quarter * n;
            assert!(waits.iter().any(|wait| (from..=from + quarter).contains(wait)), "{from:?}");
        }
    }
}
