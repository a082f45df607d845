//! Randomness in pauses, so that many processes do not all come at the same moment.

use std::time::Duration;

/// Between half of this time and all of it.
pub(crate) fn jittered(time: Duration) -> Duration {
    time.mul_f64(0.5 + fraction() / 2.0)
}

/// Between half of this time and one and a half of it.
pub(crate) fn around(time: Duration) -> Duration {
    time.mul_f64(0.5 + fraction())
}

/// From zero to one. The middle, if the operating system has no randomness to give.
fn fraction() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_within_their_bounds() {
        let second = Duration::from_secs(1);
        for _ in 0..1000 {
            assert!((second / 2..=second).contains(&jittered(second)));
            assert!((second / 2..=second * 3 / 2).contains(&around(second)));
        }
    }
}
