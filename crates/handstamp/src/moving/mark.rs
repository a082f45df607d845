//! What a passage leaves under a session's id: a slot in the new store, a claim in the old one.
//!
//! Both are documents, since some stores take nothing but JSON. For an application that shares one of the
//! stores and knows nothing of passages, they are an empty session that is over.

use std::sync::Arc;

use crate::store::{StoreError, StoreErrorKind};

/// How every mark begins: with what no application and no engine writes in this order.
const OPENING: &str =
    r#"{"cookie":{"originalMaxAge":null,"expires":null},"__handstamp":{"until":0,"passage":""#;
const SLOT: &str = r#""}}"#;
const CLAIM: &str = r#""},"document":"#;
const CLOSING: &str = "}";

/// The name of one passage, which no other passage has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passage(u128);

const DIGITS: usize = 32;

impl Passage {
    pub(super) fn new() -> Result<Self, StoreError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)
            .map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }

    /// What keeps the place in the new store.
    pub(super) fn slot(self) -> Arc<[u8]> {
        format!("{OPENING}{:032x}{SLOT}", self.0).into_bytes().into()
    }

    /// What holds the document in the old store until it has arrived.
    pub(super) fn claim(self, document: &[u8]) -> Arc<[u8]> {
        let start = format!("{OPENING}{:032x}{CLAIM}", self.0);
        [start.as_bytes(), document, CLOSING.as_bytes()].concat().into()
    }
}

/// What stands under an id, in either store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A passage of this name, with this document.
    Claim(Passage, Arc<[u8]>),
    Session,
    Slot(Passage),
}

impl Standing {
    pub(super) fn read(bytes: &[u8]) -> Self {
        read_mark(bytes).unwrap_or(Self::Session)
    }
}

pub(super) fn is_mark(bytes: &[u8]) -> bool {
    read_mark(bytes).is_some()
}

fn read_mark(bytes: &[u8]) -> Option<Standing> {
    let (digits, rest) = bytes.strip_prefix(OPENING.as_bytes())?.split_at_checked(DIGITS)?;
    // `from_str_radix` would take a sign, too.
    let digits = str::from_utf8(digits).ok().filter(|digits| !digits.contains('+'))?;
    let passage = Passage(u128::from_str_radix(digits, 16).ok()?);
    if rest == SLOT.as_bytes() {
        return Some(Standing::Slot(passage));
    }
    let document = rest.strip_prefix(CLAIM.as_bytes())?.strip_suffix(CLOSING.as_bytes())?;
    Some(Standing::Claim(passage, document.into()))
}

/// What is written to end what stands under an id.
pub(super) fn over() -> Arc<[u8]> {
    br#"{"cookie":{"originalMaxAge":null,"expires":null}}"#[..].into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::{SessionConfig, Timestamp};

    #[test]
    fn a_mark_is_read_as_it_was_written_whatever_the_document() {
        let passage = Passage::new().unwrap();
        assert_eq!(Standing::read(&passage.slot()), Standing::Slot(passage));
        let nested = Passage::new().unwrap().claim(b"{}");
        for document in [b"{}", &b""[..], b"}", b"\xff\0", &nested, br#""},"document":{}}"#] {
            let claim = Standing::Claim(passage, document.into());
            assert_eq!(Standing::read(&passage.claim(document)), claim);
        }
    }

    #[test]
    fn what_is_nearly_a_mark_is_a_session() {
        let passage = Passage(0xabc);
        let (slot, claim) = (passage.slot(), passage.claim(b"{}"));
        for mark in [&slot, &claim] {
            for length in 0..mark.len() {
                // Only a whole mark is one; a claim may end early with its document.
                let is_mark = is_mark(&mark[..length]);
                assert!(!is_mark || mark[..length].ends_with(b"}"), "{length}");
            }
        }
        let with_spaces = String::from_utf8_lossy(&slot).replace(':', ": ");
        let no_number = String::from_utf8_lossy(&slot).replace("000abc", "00+abc");
        let no_hex = String::from_utf8_lossy(&slot).replace("abc", "xyz");
        for text in ["", "{}", r#"{"cookie":{}}"#, &with_spaces, &no_number, &no_hex] {
            assert!(!is_mark(text.as_bytes()), "{text}");
        }
        assert!(!is_mark(&over()));
    }

    /// Who shares a store and knows nothing of passages takes a mark for a session that is over.
    #[test]
    fn the_engine_reads_a_mark_as_a_document_that_is_over() {
        let passage = Passage::new().unwrap();
        let document = br#"{"cookie":{},"user":"alice","__handstamp":{"owner":"alice"}}"#;
        for mark in [passage.slot(), passage.claim(document)] {
            let read = Document::parse(&mark, &SessionConfig::strict()).unwrap();
            assert_eq!(read.facts.until, Some(Timestamp::default()));
            assert!(read.data.get("user").is_none() && read.facts.owner.is_none());
        }
    }
}
