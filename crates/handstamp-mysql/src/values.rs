//! What is stored, as the statements take it.

use std::time::Duration;

use handstamp::SessionId;
use handstamp::store::Version;
use mysql_async::Value;
use sha2::{Digest, Sha256};

pub(crate) fn key(id: &SessionId) -> Value {
    Value::from(id.as_str())
}

/// A lifetime as the statements take it. The column's end is far nearer than the longest.
pub(crate) fn microseconds(lifetime: Duration) -> Value {
    let longest = Duration::from_secs(u32::MAX.into());
    let lifetime = lifetime.min(longest);
    let rounded_up = lifetime.as_nanos().div_ceil(1000);
    Value::from(u64::try_from(rounded_up).unwrap_or(u64::MAX))
}

/// The version of a session with this document.
pub(crate) fn version_of(document: &[u8]) -> Version {
    let digest: [u8; 32] = Sha256::digest(document).into();
    let (first, _) = digest.split_at(16);
    Version(first.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)))
}

/// An owner as the column holds it, in hexadecimal.
pub(crate) fn owner_digest(owner: &str) -> String {
    Sha256::digest(owner).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn number(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
