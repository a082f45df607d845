//! Which keys hold what.
//!
//! - **A session** is a string at `prefix` + id: the document, with its time to live. It is what
//!   connect-redis 9 and 10 keep there, so their applications and ours read and write the same sessions.
//! - **Its owner**, if it has one, stands beside it in a key of the same slot: `{sess:ID}:owner`. One script
//!   on one slot can so write both. It does not begin with the prefix, so connect-redis's walks don't meet it.
//! - **The list of an owner** is a sorted set in a slot of its own: the ids, by the time they expire.

use handstamp::SessionId;
use handstamp::store::{StoreError, StoreErrorKind};

use crate::connection::slot::{self, Tag};
use crate::error::refusal;

/// How keys are named under one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    prefix: String,
    /// The prefix has a hash tag, so that all sessions are in one slot.
    tagged: bool,
    /// Everything before an owner's name in the key of its list.
    lists: String,
}

impl Layout {
    /// # Errors
    /// `Refused`: with this prefix a session and its owner would not be in one slot.
    pub(crate) fn new(prefix: &str) -> Result<Self, StoreError> {
        let tagged = match slot::tag(prefix) {
            Tag::Some(_) => true,
            Tag::None if !prefix.contains(['{', '}']) => false,
            Tag::None => {
                let advice = "a key prefix may have braces only around a hash tag, as `{app}:sess:` \
                              has; take another prefix";
                return Err(refusal(StoreErrorKind::Refused, advice));
            }
        };
        // The length makes it certain where the prefix ends, and the bar is in no session id: so the list
        // of one store is never a key of another.
        let lists = format!("handstamp:owner|{}|{prefix}", prefix.len());
        Ok(Self { prefix: prefix.to_owned(), tagged, lists })
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The key of a session.
    pub(crate) fn session(&self, id: &SessionId) -> String {
        format!("{}{}", self.prefix, id.as_str())
    }

    /// The key of whose session it is.
    pub(crate) fn owner(&self, id: &SessionId) -> String {
        self.beside(&self.session(id))
    }

    /// The key of whose session stands under this key.
    pub(crate) fn beside(&self, session: &str) -> String {
        if self.tagged { format!("owner|{session}") } else { format!("{{{session}}}:owner") }
    }

    /// A key in the slot of a session that is written only to have written something there: it is gone
    /// after a millisecond.
    pub(crate) fn milestone(&self, id: &SessionId) -> String {
        let session = self.session(id);
        if self.tagged { format!("wait|{session}") } else { format!("{{{session}}}:wait") }
    }

    /// The key of an owner's list.
    pub(crate) fn list(&self, owner: &str) -> String {
        format!("{}{owner}", self.lists)
    }

    /// What [`list`](Self::list) puts before the owner.
    pub(crate) fn lists(&self) -> &str {
        &self.lists
    }

    /// The pattern of `SCAN` that all sessions match.
    pub(crate) fn pattern(&self) -> String {
        let mut pattern = String::new();
        for character in self.prefix.chars() {
            if "*?[]^\\".contains(character) {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('*');
        pattern
    }

    /// The session that a key is of. `None`: it is no session's.
    pub(crate) fn id(&self, key: &[u8]) -> Option<SessionId> {
        SessionId::parse(str::from_utf8(key.strip_prefix(self.prefix.as_bytes())?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(prefix: &str) -> Layout {
        Layout::new(prefix).expect("the prefix can be used")
    }

    fn id(text: &str) -> SessionId {
        SessionId::parse(text).expect("it is an id")
    }

    #[test]
    fn a_session_and_its_owner_are_in_one_slot_whatever_the_prefix() {
        for prefix in ["sess:", "", "a b", "{app}:sess:", "app{x}", "*", "{a}{b}", "é:"] {
            for name in ["a", "A:b~c+d=", "x.y"] {
                let (layout, id) = (layout(prefix), id(name));
                let (session, owner) = (layout.session(&id), layout.owner(&id));
                assert_eq!(
                    slot::of(layout.milestone(&id).as_bytes()),
                    slot::of(session.as_bytes())
                );
                assert_eq!(
                    slot::of(session.as_bytes()),
                    slot::of(owner.as_bytes()),
                    "{session} {owner}"
                );
                assert_ne!(session, owner);
            }
        }
    }

    #[test]
    fn a_prefix_that_parts_a_session_from_its_owner_is_refused() {
        for prefix in ["}", "a}b:", "{}x:", "a{b:", "{"] {
            let error = Layout::new(prefix).expect_err(prefix);
            assert_eq!(error.kind(), StoreErrorKind::Refused);
        }
    }

    #[test]
    fn a_session_is_where_connect_redis_looks_for_it() {
        assert_eq!(layout("sess:").session(&id("abc")), "sess:abc");
    }

    #[test]
    fn nothing_but_a_session_begins_with_the_prefix_and_has_an_id() {
        for prefix in ["sess:", "", "handstamp:", "{", "owner:"] {
            let Ok(layout) = Layout::new(prefix) else { continue };
            assert_eq!(layout.id(layout.session(&id("a")).as_bytes()), Some(id("a")));
            assert_eq!(layout.id(layout.owner(&id("a")).as_bytes()), None);
            assert_eq!(layout.id(layout.list("alice").as_bytes()), None);
        }
    }

    #[test]
    fn lists_of_different_owners_and_prefixes_are_different_keys() {
        assert_ne!(layout("a").list("b:c"), layout("ab:").list("c"));
        assert_ne!(layout("a").list("bc"), layout("a").list("b"));
    }

    #[test]
    fn a_prefix_is_no_pattern() {
        assert_eq!(layout("a*b?[c]\\d^:").pattern(), "a\\*b\\?\\[c\\]\\\\d\\^:*");
    }
}
