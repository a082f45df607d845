//! What a request did to its session, in order, so that it can be done again on a fresh document
//! when another request was faster: the merge.
//!
//! Keys that only the others changed stay as the others left them. A key that both changed goes to
//! the later writer, unless it was written by `update`: then its closure runs again.

use std::fmt;
use std::sync::Arc;

use crate::config::Expiry;
use crate::document::Document;
use crate::facts::Device;
use crate::object::Object;
use crate::{SessionConfig, SessionError, Timestamp};

/// One step of a handler.
#[derive(Clone)]
pub(crate) enum Change {
    /// Everything of the application goes, what others wrote meanwhile included.
    Clear,
    /// express-session's `cookie` object, from code that keeps it itself.
    Cookie(Arc<str>),
    Device(Device),
    Expiry(Expiry),
    /// The session belongs to this owner. Another owner's data don't stay.
    Login(Arc<str>),
    Remove(Arc<str>),
    /// Nothing changes, but the session is written.
    Rewrite,
    /// The client is given a credential.
    Sent,
    Set(Arc<str>, Arc<str>),
    Update(Arc<str>, Arc<Compute>),
}

/// Computes a key's new value from its current one; both are JSON, `None` is no value.
pub(crate) type Compute =
    dyn Fn(Option<&[u8]>) -> Result<Option<Arc<str>>, SessionError> + Send + Sync;

/// The steps of a request since its session was last read or saved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes(Vec<Change>);

impl Changes {
    /// Notes a step. `kept`: so many steps are being saved at this moment and must stay as they are.
    pub(crate) fn push(&mut self, change: Change, kept: usize) {
        if let Change::Set(key, _) | Change::Remove(key) = &change {
            self.forget(&key.clone(), kept);
        }
        self.0.push(change);
    }

    /// Does all steps on this document.
    pub(crate) fn apply(
        &self,
        document: &mut Document,
        config: &SessionConfig,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        self.0.iter().try_for_each(|change| change.apply(document, config, now))
    }

    /// Those steps that only add to this document: what a request may do to a session that it can't
    /// see. They set keys that are not there, and let an `update` go on from what is.
    pub(crate) fn additions(&self, to: &Document) -> Self {
        let adds = |change: &&Change| match change {
            Change::Set(key, _) => to.data.get(key).is_none(),
            Change::Update(..) => true,
            _ => false,
        };
        Self(self.0.iter().filter(adds).cloned().collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Drops the steps that have been saved.
    pub(crate) fn saved(&mut self, count: usize) {
        self.0.drain(..count.min(self.0.len()));
    }

    /// Whether the session was given an expiry.
    pub(crate) fn set_expiry(&self) -> bool {
        self.0.iter().any(|change| matches!(change, Change::Expiry(_)))
    }

    /// Drops earlier steps on a key that is written over: a loop over one key must not grow a list.
    fn forget(&mut self, key: &str, kept: usize) {
        let kept = kept.min(self.0.len());
        let later = self.0.split_off(kept);
        self.0.extend(later.into_iter().filter(|change| change.key() != Some(key)));
    }
}

impl Change {
    pub(crate) fn apply(
        &self,
        document: &mut Document,
        config: &SessionConfig,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        match self {
            Self::Clear => document.data = Object::default(),
            Self::Cookie(cookie) => document.set_cookie(cookie, config, now),
            Self::Device(device) => document.facts.device = Some(device.clone()),
            Self::Expiry(expiry) => document.set_expiry(*expiry, config, now),
            Self::Login(owner) => login(document, owner, config, now),
            Self::Remove(key) => document.data.remove(key),
            Self::Rewrite => {}
            Self::Sent => document.note_sent(now),
            Self::Set(key, value) => document.data.set(key, Arc::clone(value)),
            Self::Update(key, compute) => match compute(document.data.get(key))? {
                Some(value) => document.data.set(key, value),
                None => document.data.remove(key),
            },
        }
        Ok(())
    }

    fn key(&self) -> Option<&str> {
        match self {
            Self::Remove(key) | Self::Set(key, _) | Self::Update(key, _) => Some(key),
            Self::Clear
            | Self::Cookie(_)
            | Self::Device(_)
            | Self::Expiry(_)
            | Self::Login(_)
            | Self::Rewrite
            | Self::Sent => None,
        }
    }
}

/// Shows the kind of step and its key, never a value.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear => f.write_str("Clear"),
            Self::Cookie(_) => f.write_str("Cookie"),
            Self::Device(_) => f.write_str("Device"),
            Self::Expiry(expiry) => write!(f, "{expiry:?}"),
            Self::Login(_) => f.write_str("Login"),
            Self::Remove(key) => write!(f, "Remove({key})"),
            Self::Rewrite => f.write_str("Rewrite"),
            Self::Sent => f.write_str("Sent"),
            Self::Set(key, _) => write!(f, "Set({key})"),
            Self::Update(key, _) => write!(f, "Update({key})"),
        }
    }
}

/// Authentication starts the session's time anew (NIST SP 800-63B-4, section 5.2).
fn login(document: &mut Document, owner: &Arc<str>, config: &SessionConfig, now: Timestamp) {
    if document.facts.owner.as_ref().is_some_and(|before| before != owner) {
        document.data = Object::default();
        document.facts.device = None;
    }
    document.facts.owner = Some(Arc::clone(owner));
    document.facts.created = Some(now);
    document.facts.until = None;
    // Whether this user wants to be remembered is asked anew, too.
    document.set_expiry(config.expiry, config, now);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn config() -> SessionConfig {
        SessionConfig::strict()
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_763_845_794_054)
    }

    fn document(members: &[(&str, i64)]) -> Document {
        let mut document = Document::new(&config(), now());
        members.iter().for_each(|(name, value)| document.data.set(name, value.to_string().into()));
        document
    }

    fn set(key: &str, value: i64) -> Change {
        Change::Set(key.into(), value.to_string().into())
    }

    fn add(key: &str, more: i64) -> Change {
        let compute = move |current: Option<&[u8]>| {
            let number: i64 = current.map_or(0, |json| serde_json::from_slice(json).unwrap());
            Ok(Some((number + more).to_string().into()))
        };
        Change::Update(key.into(), Arc::new(compute))
    }

    fn changes(list: impl IntoIterator<Item = Change>) -> Changes {
        let mut changes = Changes::default();
        list.into_iter().for_each(|change| changes.push(change, 0));
        changes
    }

    fn done(list: impl IntoIterator<Item = Change>, on: &[(&str, i64)]) -> String {
        let mut document = document(on);
        changes(list).apply(&mut document, &config(), now()).unwrap();
        String::from_utf8(document.data.to_json()).unwrap()
    }

    #[test]
    fn keys_that_only_others_changed_stay() {
        assert_eq!(done([set("mine", 1)], &[("theirs", 2)]), r#"{"theirs":2,"mine":1}"#);
    }

    #[test]
    fn the_later_writer_of_a_key_wins_and_an_update_runs_again() {
        assert_eq!(done([set("key", 1)], &[("key", 2)]), r#"{"key":1}"#);
        assert_eq!(done([add("key", 1)], &[("key", 2)]), r#"{"key":3}"#);
        assert_eq!(done([Change::Remove("key".into())], &[("key", 2)]), "{}");
    }

    #[test]
    fn steps_on_one_key_are_done_in_their_order() {
        assert_eq!(done([set("key", 1), add("key", 2)], &[("key", 9)]), r#"{"key":3}"#);
        assert_eq!(done([add("key", 2), set("key", 1)], &[("key", 9)]), r#"{"key":1}"#);
        assert_eq!(done([add("key", 1), add("key", 1)], &[("key", 9)]), r#"{"key":11}"#);
        assert_eq!(done([Change::Clear, set("key", 1)], &[("other", 9)]), r#"{"key":1}"#);
    }

    #[test]
    fn a_loop_over_one_key_keeps_one_step() {
        assert_eq!(changes((0..1000).map(|value| set("key", value))).len(), 1);
    }

    #[test]
    fn steps_that_are_being_saved_are_not_touched_by_later_ones() {
        let mut changes = changes([set("key", 1)]);
        changes.push(set("key", 2), 1);
        assert_eq!(changes.len(), 2);
        changes.saved(1);
        let mut document = document(&[]);
        changes.apply(&mut document, &config(), now()).unwrap();
        assert_eq!(String::from_utf8(document.data.to_json()).unwrap(), r#"{"key":2}"#);
    }

    #[test]
    fn another_owner_does_not_get_the_former_ones_data() {
        let mut document = document(&[("secret", 1)]);
        changes([Change::Login("alice".into())]).apply(&mut document, &config(), now()).unwrap();
        assert_eq!(
            String::from_utf8(document.data.to_json()).unwrap(),
            r#"{"secret":1}"#,
            "an anonymous visitor's data stay"
        );
        changes([Change::Login("alice".into())]).apply(&mut document, &config(), now()).unwrap();
        assert_eq!(
            String::from_utf8(document.data.to_json()).unwrap(),
            r#"{"secret":1}"#,
            "signing in again keeps them"
        );
        changes([Change::Login("bob".into())]).apply(&mut document, &config(), now()).unwrap();
        assert_eq!(String::from_utf8(document.data.to_json()).unwrap(), "{}");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Add(u8, i64),
        Remove(u8),
        Set(u8, i64),
    }

    impl Step {
        fn change(&self) -> Change {
            match self {
                Self::Add(key, more) => add(&format!("k{key}"), *more),
                Self::Remove(key) => Change::Remove(format!("k{key}").into()),
                Self::Set(key, value) => set(&format!("k{key}"), *value),
            }
        }

        fn model(&self, map: &mut BTreeMap<String, i64>) {
            match self {
                Self::Add(key, more) => *map.entry(format!("k{key}")).or_default() += more,
                Self::Remove(key) => drop(map.remove(&format!("k{key}"))),
                Self::Set(key, value) => drop(map.insert(format!("k{key}"), *value)),
            }
        }
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..5u8, -9..9i64).prop_map(|(key, more)| Step::Add(key, more)),
            (0..5u8).prop_map(Step::Remove),
            (0..5u8, -9..9i64).prop_map(|(key, value)| Step::Set(key, value)),
        ];
        prop::collection::vec(step, 0..8)
    }

    proptest! {
        /// However two writers interleave, the result is what one after the other would have made.
        #[test]
        fn merging_two_writers_is_one_after_the_other(base in steps(), first in steps(), second in steps()) {
            let mut merged = document(&[]);
            for steps in [&base, &first, &second] {
                changes(steps.iter().map(Step::change)).apply(&mut merged, &config(), now()).unwrap();
            }
            let mut model = BTreeMap::new();
            [&base, &first, &second].into_iter().flatten().for_each(|step| step.model(&mut model));
            let names: Vec<_> = merged.data.names().map(std::borrow::Cow::into_owned).collect();
            let found: BTreeMap<String, i64> =
                names.iter().map(|name| (name.clone(), serde_json::from_slice(merged.data.get(name).unwrap()).unwrap())).collect();
            prop_assert_eq!(found, model);
        }
    }
}
