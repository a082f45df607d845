//! The sessions of an owner.
//!
//! # Where the truth is
//! Whose session it is stands beside the session, in its slot, and is written with it by one script (but while
//! the slot moves: see [`apart`](crate::apart)). An owner's
//! list only says where to look: it may name too many, never too few, and whoever reads it asks for each entry
//! whether the session lives and is his. On one server the same script writes the list, too. On a Cluster the
//! list is in a slot of its own, so it takes two steps, in this order: **a session is entered in the list
//! before it is written**. If the second step is lost, the entry is wrong, and is taken out by who reads it. If a
//! list has lost an entry (a failover can lose the last writes of one server and not of another), the next
//! write or touch of the session enters it again.
//!
//! With [`wait`](crate::RedisOptions::wait), a login waits for replicas after each of the two steps: its entry may
//! be on another master than itself, and a session that outlived its entry would be missed by a revocation. No
//! other entry waits. That of a touch is there already with another time, and stays for weeks after that.
//!
//! An entry leaves a list only when its time has run out and the session was seen not to live. One that is
//! wrong before that gets a minute: a session that is being created is entered, but does not live yet, and
//! takes seconds at most. No list is ever read and then written back.
//!
//! # Revocation
//! It ends one session at a time, each by a script that ends it only if it is the owner's, until a reading of
//! the list finds nothing that was not dealt with. What must not happen: a session that rotates escapes under
//! its new id. The engine rotates in three steps: (1) the new id is entered, (2) the new session is created,
//! (3) the old one becomes a stub, if it still is what it was; if it is gone, the new one is deleted.
//!
//! Take the last reading, R. All of its entries were dealt with, and at R one of the rotating session's ids lives.
//! - Its old id lives at R: then it was entered before R, so it is among those that were dealt with. It was
//!   ended then, or it was not the owner's. So it does not live at R.
//! - Its new id lives at R, so it was entered before R, and was dealt with. It was not ended, so it was not
//!   there yet: step 2 came between dealing with it and R. This is why dealing with a missing session leaves
//!   a mark in its place. Step 2 meets the mark, takes it away, and goes back to step 1. It is entered anew
//!   then, with another time of expiry (lists have microseconds), and an entry with another time was not
//!   dealt with.
//! - It gets a third id: the same holds for that one, as the second is now the old one.
//!
//! On one server steps 1 and 2 are one script, and no mark is needed. Sessions that begin while a revocation is
//! under way may stay; the readings end after a while, however many begin, and that is an error then.
//!
//! A session that can't be ended keeps no other from it: the first error is told when all was tried.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use handstamp::SessionId;
use handstamp::store::{
    BoxFuture, Record, SessionIndex, StoreError, StoreErrorKind, Stored, Version,
};
use redis::Value;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tokio::task::JoinSet;

use crate::apart::are_apart;
use crate::connection::{Request, slot};
use crate::error::{answer, nonsense, refusal};
use crate::lifetime::{milliseconds, remaining};
use crate::scripts;
use crate::store::{Inner, RedisStore, read, text};

/// How many sessions of a list are asked for at once.
const AT_ONCE: usize = 256;

/// How often a revocation reads the list. Rotations are done long before; only new logins keep coming.
const READINGS: usize = 100;

/// By how much a list may be wrong about a time before it is put right, in milliseconds.
const DRIFT: f64 = 60_000.0;

/// An entry of an owner's list.
#[derive(Clone, Copy, Debug)]
struct Entry {
    id: SessionId,
    /// When it expires, by the server's clock, in milliseconds.
    expires: f64,
}

/// A list as it was read.
#[derive(Debug)]
struct List {
    /// When it was read, by the server's clock, in milliseconds.
    now: f64,
    entries: Vec<Entry>,
}

impl List {
    /// Its time has run out by the list, which may not know that it was extended.
    fn overdue(&self, entry: &Entry) -> i32 {
        i32::from(entry.expires <= self.now)
    }
}

/// A session of a list that was looked at.
struct Look {
    entry: Entry,
    /// How long it has left, and its document if it was asked for. `None`: it lives no more or is not his.
    living: Option<(Duration, Value)>,
}

impl Inner {
    /// Creates a session of an owner. `false`: a living one has its id.
    pub(crate) async fn create_owned(
        &self,
        id: &SessionId,
        document: &[u8],
        lifetime: u64,
        owner: &str,
    ) -> Result<bool, StoreError> {
        let (key, beside) = (self.layout.session(id), self.layout.owner(id));
        let list = self.layout.list(owner);
        let cluster = self.connection.is_cluster();
        let mut keys = vec![key.as_str(), beside.as_str()];
        if !cluster {
            keys.push(&list);
        }
        let mut run = scripts::CREATE.call(&keys);
        run.arg(document).arg(lifetime).arg(owner).arg(id.as_str());
        let request = Request::script(&scripts::CREATE, [run]).or_apart();
        loop {
            if cluster {
                self.enter_to_last(id, owner, lifetime).await?;
            }
            let answer = match self.try_to_last(&key, request.clone()).await? {
                refused if are_apart(&refused) => {
                    self.create_apart(id, document, lifetime, owner).await?
                }
                answered => answer(answered)?,
            };
            return match answer {
                Value::Int(0) => Ok(false),
                Value::Int(1) => Ok(true),
                // A revocation was here between the two steps.
                Value::Int(2) => continue,
                _ => Err(nonsense()),
            };
        }
    }

    /// Replaces a session that is to be an owner's, and gives what the script has answered.
    pub(crate) async fn update_owned(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
        owner: &str,
    ) -> Result<Value, StoreError> {
        let key = self.layout.session(id);
        let his = format!("={owner}");
        let update = async |must_be_his| {
            let run = self.updating(id, version, record, &his, must_be_his);
            let request = Request::script(&scripts::UPDATE, [run]).or_apart();
            match self.attempt(&key, &request).await? {
                refused if are_apart(&refused) => {
                    self.update_apart(id, version, record, &his, must_be_his).await
                }
                answered => answer(answered),
            }
        };
        if !self.connection.is_cluster() {
            return update(false).await;
        }
        // Nearly always it is his already, and in his list: so both steps may be done at once.
        let entering = self.enter(id, owner, milliseconds(record.lifetime));
        let (entered, answer) = tokio::join!(entering, update(true));
        match answer? {
            Value::Int(1) => {
                entered?;
                update(false).await
            }
            answer => Ok(answer),
        }
    }

    /// Enters a session in its owner's list again, after a touch. If that fails, the next write does it.
    pub(crate) async fn touched(&self, id: &SessionId, owner: &str, lifetime: Duration) {
        match milliseconds(lifetime) {
            0 => self.leave(id, owner, None).await,
            lifetime if self.connection.is_cluster() => {
                let _ = self.enter(id, owner, lifetime).await;
            }
            _ => {}
        }
    }

    /// Marks a session in the list of its former owner as not his. If that fails, whoever reads the list does
    /// it. On one server the script has done it already.
    pub(crate) async fn leave(&self, id: &SessionId, before: &str, now: Option<&str>) {
        if self.connection.is_cluster() && now != Some(before) {
            let _ = self.prune(before, &[*id]).await;
        }
    }

    async fn enter(&self, id: &SessionId, owner: &str, lifetime: u64) -> Result<(), StoreError> {
        let list = self.layout.list(owner);
        self.ask(&list, &entering(&list, id, lifetime)).await.map(drop)
    }

    /// The same, and it waits for replicas, if that was wished.
    async fn enter_to_last(
        &self,
        id: &SessionId,
        owner: &str,
        lifetime: u64,
    ) -> Result<(), StoreError> {
        let list = self.layout.list(owner);
        self.ask_to_last(&list, entering(&list, id, lifetime)).await.map(drop)
    }

    async fn prune(&self, owner: &str, ids: &[SessionId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let list = self.layout.list(owner);
        let mut run = scripts::PRUNE.call(&[&list]);
        for id in ids {
            run.arg(id.as_str());
        }
        self.ask(&list, &Request::script(&scripts::PRUNE, [run])).await.map(drop)
    }

    async fn entries(&self, owner: &str) -> Result<List, StoreError> {
        let list = self.layout.list(owner);
        let run = scripts::ENTRIES.call(&[&list]);
        let answer = self.ask(&list, &Request::script(&scripts::ENTRIES, [run])).await?;
        let Value::Array(items) = answer else { return Err(nonsense()) };
        let items: Vec<String> = items.iter().map(text).collect::<Result<_, _>>()?;
        let number = |text: &String| text.parse::<f64>().map_err(|_| nonsense());
        let Some((now, pairs)) = items.split_first() else { return Err(nonsense()) };
        let mut entries = Vec::with_capacity(pairs.len() / 2);
        for pair in pairs.chunks_exact(2) {
            // What is no id was not entered by us.
            if let Some(id) = SessionId::parse(&pair[0]) {
                entries.push(Entry { id, expires: number(&pair[1])? });
            }
        }
        Ok(List { now: number(now)?, entries })
    }

    /// The sessions of an owner that live. The list is put right where it is wrong.
    async fn look(self: &Arc<Self>, owner: &str, documents: bool) -> Result<Vec<Look>, StoreError> {
        let list = self.entries(owner).await?;
        let owner: Arc<str> = owner.into();
        let looks = each(&list.entries, |entry| {
            let (inner, owner, overdue) = (self.clone(), owner.clone(), list.overdue(&entry));
            async move { inner.look_at(entry, &owner, overdue, documents).await }
        })
        .await?;
        self.put_right(&owner, list.now, &looks).await;
        Ok(looks.into_iter().filter(|look| look.living.is_some()).collect())
    }

    async fn look_at(
        &self,
        entry: Entry,
        owner: &str,
        overdue: i32,
        document: bool,
    ) -> Result<Look, StoreError> {
        let (key, beside) = (self.layout.session(&entry.id), self.layout.owner(&entry.id));
        let mut run = scripts::LOOK.call(&[&key, &beside]);
        run.arg(owner).arg(overdue).arg(i32::from(document));
        let items = match self.ask(&key, &Request::script(&scripts::LOOK, [run])).await? {
            Value::Nil => return Ok(Look { entry, living: None }),
            Value::Array(items) => items,
            _ => return Err(nonsense()),
        };
        let mut items = items.into_iter();
        let Some(Value::Int(left)) = items.next() else { return Err(nonsense()) };
        let document = items.next().unwrap_or(Value::Nil);
        Ok(Look { entry, living: remaining(left).map(|left| (left, document)) })
    }

    /// Takes out of a list what is wrong in it, and corrects when its sessions expire. This only tidies up, so it
    /// does not matter if it fails.
    async fn put_right(self: &Arc<Self>, owner: &Arc<str>, now: f64, looks: &[Look]) {
        let dead: Vec<_> =
            looks.iter().filter(|look| look.living.is_none()).map(|look| look.entry.id).collect();
        let _ = self.prune(owner, &dead).await;
        for look in looks {
            let Some((left, _)) = look.living else { continue };
            let wrong_by = look.entry.expires - (now + left.as_secs_f64() * 1000.0);
            if wrong_by.abs() > DRIFT {
                let _ = self.enter(&look.entry.id, owner, milliseconds(left)).await;
            }
        }
    }

    /// Ends the sessions of an owner: see the module docs.
    async fn revoke(
        self: &Arc<Self>,
        owner: &Arc<str>,
        except: Option<SessionId>,
    ) -> Result<usize, StoreError> {
        let mut ends = Ends::default();
        let all = self.end_all(owner, except, &mut ends).await;
        if self.connection.is_cluster() {
            // This only tidies up: whoever reads the list next would do it.
            let _ = self.prune(owner, &ends.dealt_with.into_iter().collect::<Vec<_>>()).await;
        }
        let lasting = self.confirm(&ends.ended).await;
        all.and(lasting).map(|()| ends.ended.len())
    }

    /// Ends as many as it can, and gives the first error then.
    async fn end_all(
        self: &Arc<Self>,
        owner: &Arc<str>,
        except: Option<SessionId>,
        ends: &mut Ends,
    ) -> Result<(), StoreError> {
        let (mut seen, mut first) = (HashSet::new(), Ok(()));
        for _ in 0..READINGS {
            let list = match self.entries(owner).await {
                Ok(list) => list,
                Err(error) => return first.and(Err(error)),
            };
            let is_new = |entry: &Entry| seen.insert((entry.id, entry.expires.to_bits()));
            let others = list.entries.iter().filter(|entry| Some(entry.id) != except).copied();
            let open: Vec<Entry> = others.filter(is_new).collect();
            if open.is_empty() {
                return first;
            }
            let outcomes = each(&open, |entry| {
                let (inner, owner, overdue) = (self.clone(), owner.clone(), list.overdue(&entry));
                async move { Ok((entry.id, inner.end(&entry.id, &owner, overdue).await)) }
            });
            for (id, outcome) in outcomes.await? {
                first = first.and(outcome.map(|ended| ends.note(id, ended)));
            }
        }
        first.and(Err(endless()))
    }

    /// Ends a session if it is the owner's, and says whether it was.
    async fn end(&self, id: &SessionId, owner: &str, overdue: i32) -> Result<bool, StoreError> {
        let (key, beside) = (self.layout.session(id), self.layout.owner(id));
        let mut run = scripts::END.call(&[&key, &beside]);
        run.arg(owner).arg(overdue).arg(id.as_str()).arg(self.lists());
        let _changing = self.changing(id);
        let request = Request::script(&scripts::END, [run]).or_apart();
        let answer = match self.attempt(&key, &request).await? {
            refused if are_apart(&refused) => self.end_apart(id, owner, overdue).await?,
            answered => answer(answered)?,
        };
        match answer {
            Value::Int(ended) => Ok(ended == 1),
            _ => Err(nonsense()),
        }
    }

    /// Waits until replicas have these ends, if that was wished: once for each master. To wait for each
    /// end by itself would take as many times as long, and a replica that is missing would stop them all.
    async fn confirm(self: &Arc<Self>, ended: &[SessionId]) -> Result<(), StoreError> {
        if self.wait.is_none() || ended.is_empty() {
            return Ok(());
        }
        let map = self.connection.fresh_map().await?;
        let master = |id| map.as_ref()?.master(slot::of(self.layout.session(id).as_bytes()));
        let of_each: HashMap<_, _> = ended.iter().map(|id| (master(id), *id)).collect();
        let of_each: Vec<_> = of_each.into_values().collect();
        let outcomes = each(&of_each, |id| {
            let inner = self.clone();
            async move { Ok(inner.confirm_one(&id).await) }
        });
        outcomes.await?.into_iter().collect()
    }

    /// Replicas get what a master writes in its order. So one that has a write of now has all before it,
    /// whichever connections they came by; and `WAIT` is about the writes of its own connection only.
    async fn confirm_one(&self, id: &SessionId) -> Result<(), StoreError> {
        let key = self.layout.milestone(id);
        let mut set = redis::cmd("SET");
        set.arg(&key).arg("").arg("PX").arg(1);
        self.ask_to_last(&key, Request::write([set])).await.map(drop)
    }
}

fn entering(list: &str, id: &SessionId, lifetime: u64) -> Request {
    let mut run = scripts::ENTER.call(&[list]);
    run.arg(id.as_str()).arg(lifetime);
    Request::script(&scripts::ENTER, [run])
}

/// What a revocation has done.
#[derive(Debug, Default)]
struct Ends {
    /// Sessions that were ended, or were not the owner's.
    dealt_with: HashSet<SessionId>,
    ended: Vec<SessionId>,
}

impl Ends {
    fn note(&mut self, id: SessionId, ended: bool) {
        self.dealt_with.insert(id);
        if ended {
            self.ended.push(id);
        }
    }
}

/// Asks for many, some of them at once.
async fn each<I, T, F>(items: &[I], ask: impl Fn(I) -> F) -> Result<Vec<T>, StoreError>
where
    I: Copy,
    T: Send + 'static,
    F: Future<Output = Result<T, StoreError>> + Send + 'static,
{
    let mut answers = Vec::with_capacity(items.len());
    for some in items.chunks(AT_ONCE) {
        let mut asking: JoinSet<Result<T, StoreError>> =
            some.iter().map(|item| ask(*item)).collect();
        while let Some(answer) = asking.join_next().await {
            answers.push(answer.map_err(|_| runtime_ended())??);
        }
    }
    Ok(answers)
}

fn endless() -> StoreError {
    let advice = "sessions of this user kept coming while they were revoked, so some may live; stop the logins \
                  first, then revoke again";
    refusal(StoreErrorKind::Unavailable, advice)
}

fn runtime_ended() -> StoreError {
    let advice = "the async runtime that asked the server has ended";
    refusal(StoreErrorKind::Unavailable, advice)
}

/// Keeps callers of this handle from seeing an owner whose sessions have ended by half. A revocation takes
/// several steps, and goes on when its caller has gone away.
#[derive(Debug)]
pub(crate) struct Revocations {
    /// Some owners share a lock: they wait for each other, which is rare and short.
    locks: [Arc<RwLock<()>>; 64],
    hasher: RandomState,
}

impl Default for Revocations {
    fn default() -> Self {
        Self { locks: std::array::from_fn(|_| Arc::default()), hasher: RandomState::new() }
    }
}

impl Revocations {
    async fn none(&self, owner: &str) -> OwnedRwLockReadGuard<()> {
        self.lock(owner).read_owned().await
    }

    async fn begin(&self, owner: &str) -> OwnedRwLockWriteGuard<()> {
        self.lock(owner).write_owned().await
    }

    fn lock(&self, owner: &str) -> Arc<RwLock<()>> {
        let hash = self.hasher.hash_one(owner) as usize;
        self.locks[hash % self.locks.len()].clone()
    }
}

impl SessionIndex for RedisStore {
    fn list<'a>(
        &'a self,
        owner: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(SessionId, Stored)>, StoreError>> {
        Box::pin(async move {
            let _none = self.0.revocations.none(owner).await;
            let mut sessions = Vec::new();
            for look in self.0.look(owner, true).await? {
                let Some((left, document)) = look.living else { continue };
                let left = Value::Int(i64::try_from(milliseconds(left)).unwrap_or(i64::MAX));
                sessions.extend(read(document, left)?.map(|stored| (look.entry.id, stored)));
            }
            Ok(sessions)
        })
    }

    fn count<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move {
            let _none = self.0.revocations.none(owner).await;
            Ok(self.0.look(owner, false).await?.len())
        })
    }

    fn revoke<'a>(
        &'a self,
        owner: &'a str,
        except: Option<&'a SessionId>,
    ) -> BoxFuture<'a, Result<usize, StoreError>> {
        let (inner, except) = (self.0.clone(), except.copied());
        Box::pin(async move {
            let begun = inner.revocations.begin(owner).await;
            let owner: Arc<str> = owner.into();
            // In a task of its own, so that it is done wholly even if nobody waits for it any more.
            let revoking = tokio::spawn(async move {
                let _begun = begun;
                inner.revoke(&owner, except).await
            });
            revoking.await.map_err(|_| runtime_ended())?
        })
    }
}
