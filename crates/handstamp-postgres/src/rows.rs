//! From rows to what the contract speaks of.

use std::sync::Arc;
use std::time::Duration;

use handstamp::SessionId;
use handstamp::store::{Stored, Version};
use sha2::{Digest, Sha256};
use tokio_postgres::{Error, Row};

/// What a version is: the first half of the document's SHA-256, as the server computes it, too. A writer
/// that knows nothing of versions changes it all the same.
pub(crate) fn version(document: &[u8]) -> Version {
    let digest = Sha256::digest(document);
    let (half, _) = digest.split_at(16);
    Version(half.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)))
}

/// A version as the statements take it.
pub(crate) fn digest(version: Version) -> [u8; 16] {
    version.0.to_be_bytes()
}

/// The version in a column that the server computed. `None`: NULL.
pub(crate) fn version_at(row: &Row, column: usize) -> Result<Option<Version>, Error> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    Ok(bytes.map(|bytes| Version(bytes.iter().fold(0, |n, byte| n << 8 | u128::from(*byte)))))
}

/// The session whose document is in this column, and its seconds left in the next. `None`: it is over.
pub(crate) fn stored_at(row: &Row, column: usize) -> Result<Option<Stored>, Error> {
    let Some(document) = row.try_get::<_, Option<&str>>(column)? else { return Ok(None) };
    let Some(remaining) = duration(row.try_get(column + 1)?) else { return Ok(None) };
    let document: Arc<[u8]> = document.as_bytes().into();
    Ok(Some(Stored { version: version(&document), document, remaining }))
}

/// The session of a row of document, seconds left and `sid`. `None`: it is over, or its `sid` is no id.
pub(crate) fn session(row: &Row) -> Result<Option<(SessionId, Stored)>, Error> {
    let id = SessionId::parse(row.try_get(2)?);
    Ok(id.zip(stored_at(row, 0)?))
}

/// A number that is counted.
pub(crate) fn number_at(row: &Row, column: usize) -> Result<usize, Error> {
    let number: i64 = row.try_get(column)?;
    Ok(usize::try_from(number).unwrap_or_default())
}

/// `None`: there is no time left. The server has read its clock twice, and time may have run out between.
fn duration(seconds: f64) -> Option<Duration> {
    let time = Duration::try_from_secs_f64(seconds);
    // What is too long to be counted is an eternity.
    let time = if seconds > 0.0 { time.unwrap_or(Duration::MAX) } else { Duration::ZERO };
    (!time.is_zero()).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_first_half_of_the_digest() {
        // SHA-256 of the empty text: e3b0c442 98fc1c14 9afbf4c8 996fb924 …
        assert_eq!(version(b""), Version(0xe3b0_c442_98fc_1c14_9afb_f4c8_996f_b924));
        assert_eq!(digest(version(b""))[..2], [0xe3, 0xb0]);
    }

    #[test]
    fn time_left_is_never_zero() {
        assert_eq!(duration(0.0), None);
        assert_eq!(duration(-1.0), None);
        assert_eq!(duration(f64::NAN), None);
        assert_eq!(duration(1.5), Some(Duration::from_millis(1500)));
        assert_eq!(duration(f64::INFINITY), Some(Duration::MAX));
    }
}
