//! Numbers, amounts, times and long texts, as people read them.

use std::time::Duration;

use handstamp::Timestamp;
use maud::{Markup, html};

/// A number with its thousands apart: `12,345`.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// `1 item`, `2 items`.
pub(crate) fn counted(number: usize, one: &str, more: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { more })
}

/// An amount of cents: `€6.50`.
pub(crate) fn price(cents: u32) -> String {
    format!("€{}.{:02}", cents / 100, cents % 100)
}

/// A moment, for people and for programs.
pub(crate) fn moment(moment: Timestamp) -> Markup {
    let millis = i64::try_from(moment.as_millis()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    let (exact, short) = (time.strftime("%Y-%m-%dT%H:%M:%SZ"), time.strftime("%-d %b %Y, %H:%M"));
    html! { time datetime=(exact.to_string()) { (short.to_string()) " UTC" } }
}

/// How long ago something was, roughly.
pub(crate) fn ago(elapsed: Duration) -> String {
    if elapsed < Duration::from_secs(60) {
        "just now".into()
    } else {
        format!("{} ago", span(elapsed))
    }
}

/// A length of time in its largest unit, rounded down: `3 minutes`.
pub(crate) fn span(length: Duration) -> String {
    const UNITS: [(u64, &str); 4] =
        [(24 * 60 * 60, "day"), (60 * 60, "hour"), (60, "minute"), (1, "second")];
    let seconds = length.as_secs();
    let (unit, name) = UNITS.iter().find(|(unit, _)| seconds >= *unit).unwrap_or(&UNITS[3]);
    let number = seconds / unit;
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}

/// The beginning and the end of a text, for what must not be shown whole.
pub(crate) fn shorten_middle(text: &str, keep: usize) -> String {
    let length = text.chars().count();
    if length <= 2 * keep + 1 {
        return text.to_owned();
    }
    let start: String = text.chars().take(keep).collect();
    let end: String = text.chars().skip(length - keep).collect();
    format!("{start}…{end}")
}

/// The beginning of a text: at most so many bytes of it.
pub(crate) fn shorten_end(text: &str, most: usize) -> &str {
    let ends = text.char_indices().map(|(start, letter)| start + letter.len_utf8());
    &text[..ends.take_while(|end| *end <= most).last().unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn amounts_have_two_digits_after_the_point() {
        assert_eq!(
            (price(5), price(650), price(12_000)),
            ("€0.05".into(), "€6.50".into(), "€120.00".into())
        );
    }

    #[test]
    fn times_are_said_in_their_largest_unit() {
        let said = |seconds| ago(Duration::from_secs(seconds));
        assert_eq!(said(59), "just now");
        assert_eq!(said(60), "1 minute ago");
        assert_eq!(said(3 * 3600 + 59), "3 hours ago");
        assert_eq!(said(30 * 86400), "30 days ago");
        assert_eq!(span(Duration::ZERO), "0 seconds");
    }

    #[test]
    fn moments_are_readable_by_both() {
        assert_eq!(
            moment(Timestamp::from_millis(784_111_777_000)).into_string(),
            "<time datetime=\"1994-11-06T08:49:37Z\">6 Nov 1994, 08:49 UTC</time>"
        );
    }

    #[test]
    fn long_texts_lose_their_middle_or_their_end() {
        assert_eq!(shorten_middle("abcdefghij", 3), "abc…hij");
        assert_eq!(shorten_middle("abcdefg", 3), "abcdefg");
        assert_eq!(shorten_end("für", 2), "f");
        assert_eq!(shorten_end("für", 9), "für");
    }
}
