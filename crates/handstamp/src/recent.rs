//! Credentials that were verified lately: a visitor's every request brings the same one, and an HMAC
//! costs more than all else that a read does.
//!
//! Only good credentials are kept, so nothing is learnt here about bad ones. Text is compared only
//! where 64 bits of a keyed hash agree, which nobody outside can bring about: so the time it takes
//! tells nothing about what is kept.

use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};

use hashbrown::DefaultHashBuilder;

use crate::credential::Verified;

/// How many are kept. A visitor comes again within seconds or minutes; then the next one may have the
/// place.
const PLACES: usize = 4096;

/// The last credential verified at each place.
pub(crate) struct Recent {
    hasher: DefaultHashBuilder,
    places: Box<[Mutex<Option<Box<Known>>>]>,
}

struct Known {
    hash: u64,
    value: Box<str>,
    verified: Verified,
}

impl Recent {
    pub(crate) fn new() -> Self {
        let places = (0..PLACES).map(|_| Mutex::default()).collect();
        Self { hasher: DefaultHashBuilder::default(), places }
    }

    /// What was found when this value was verified, or what `verify` finds now.
    pub(crate) fn get_or(
        &self,
        value: &str,
        verify: impl FnOnce() -> Option<Verified>,
    ) -> Option<Verified> {
        let hash = self.hasher.hash_one(value);
        let place = &self.places[usize::try_from(hash % PLACES as u64).unwrap_or_default()];
        if let Some(known) = &*place.lock().unwrap_or_else(PoisonError::into_inner)
            && known.hash == hash
            && *known.value == *value
        {
            return Some(known.verified);
        }
        let verified = verify()?;
        let known = Box::new(Known { hash, value: value.into(), verified });
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Some(verified)
    }
}

/// Shows nothing: credentials are secrets.
impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionId;

    #[test]
    fn a_good_credential_is_verified_once_and_a_bad_one_every_time() {
        let recent = Recent::new();
        let good = Verified { id: SessionId::parse("id").unwrap(), by_old_key: true };
        assert!(recent.get_or("good", || Some(good)).is_some());
        let known = recent.get_or("good", || panic!("it is known")).unwrap();
        assert!(known.id == good.id && known.by_old_key);
        for _ in 0..2 {
            assert!(recent.get_or("bad", || None).is_none());
        }
        assert!(recent.get_or("good ", || None).is_none(), "no other spelling");
    }

    #[test]
    fn more_credentials_than_places_do_not_mix() {
        let recent = Recent::new();
        let ids: Vec<SessionId> = (0..3 * PLACES).map(|_| SessionId::random().unwrap()).collect();
        for _ in 0..2 {
            for id in &ids {
                let found =
                    recent.get_or(id.as_str(), || Some(Verified { id: *id, by_old_key: false }));
                assert_eq!(found.unwrap().id, *id);
            }
        }
    }
}
