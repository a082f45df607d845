//! Walking through all sessions, by `SCAN`: one server after the other, a few keys at a time.
//!
//! The server's cursor means something only on the server that has given it, and only as long as that runs. So
//! ours says which it was. If another answers, or slots have moved meanwhile, the walk begins again: a session
//! may then be met twice, but none is missed. Only one that is being moved to another server at that moment may be:
//! whoever was walked through may get it afterwards.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use handstamp::SessionId;
use handstamp::store::{BoxFuture, Cursor, Page, SessionScan, StoreError, StoreErrorKind, Stored};
use redis::Value;

use crate::connection::{Address, Map, Request};
use crate::error::{answer, code, nonsense, refusal};
use crate::scripts;
use crate::store::{Inner, RedisStore, read, reading};

/// How many keys a server looks at in one step, at most: it answers nobody else meanwhile.
const STEP: usize = 1000;

/// How often a clear walks through everything. Rotations are done long before; only new sessions keep coming.
const WALKS: usize = 32;

/// Where a walk goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    /// Which map of the Cluster it is about. Zero: one server.
    map: u64,
    /// The how many-th master it is at.
    master: usize,
    /// That server's run, if it says so.
    run: String,
    /// That server's cursor.
    cursor: u64,
}

/// Some keys of one server, and where to go on.
struct Step {
    master: Option<Address>,
    keys: Vec<Vec<u8>>,
    next: Option<Place>,
}

impl Inner {
    async fn step(&self, from: Option<Place>, most: usize) -> Result<Step, StoreError> {
        let map = self.connection.fresh_map().await?;
        let fingerprint = map.as_ref().map_or(0, |map| map.fingerprint());
        let mut place = from
            .filter(|place| place.map == fingerprint)
            .unwrap_or_else(|| Place { map: fingerprint, ..Place::default() });
        let masters = map.map(|map: Arc<Map>| map.masters()).unwrap_or_default();
        let master = masters.get(place.master);
        if master.is_none() && place.map != 0 {
            return Err(no_cursor());
        }
        let (mut run, mut cursor, mut keys) = self.some_keys(master, place.cursor, most).await?;
        if place.cursor != 0 && run != place.run {
            // Another server has answered: its cursors are others.
            (place.master, place.cursor) = (0, 0);
            (run, cursor, keys) = self.some_keys(masters.first(), 0, most).await?;
        }
        let master = masters.get(place.master).cloned();
        let next = match cursor {
            0 if place.master + 1 < masters.len() => {
                Some(Place { master: place.master + 1, run: String::new(), cursor: 0, ..place })
            }
            0 => None,
            cursor => Some(Place { run, cursor, ..place }),
        };
        Ok(Step { master, keys, next })
    }

    /// Some keys of one server: with its run, and where it goes on.
    async fn some_keys(
        &self,
        master: Option<&Address>,
        cursor: u64,
        most: usize,
    ) -> Result<(String, u64, Vec<Vec<u8>>), StoreError> {
        let mut info = redis::cmd("INFO");
        info.arg("server");
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(self.layout.pattern()).arg("COUNT").arg(most);
        let answers = self.connection.ask_master(master, &Request::read([info, scan])).await?;
        let Ok([info, scan]) = <[Value; 2]>::try_from(answers) else { return Err(nonsense()) };
        let Value::Array(scan) = answer(scan)? else { return Err(nonsense()) };
        let Ok([next, keys]) = <[Value; 2]>::try_from(scan) else { return Err(nonsense()) };
        let next = redis::from_redis_value(next).map_err(|_| nonsense())?;
        let Value::Array(keys) = keys else { return Err(nonsense()) };
        let bytes = |key| match key {
            Value::BulkString(bytes) => Ok(bytes),
            _ => Err(nonsense()),
        };
        Ok((run_of(info), next, keys.into_iter().map(bytes).collect::<Result<_, _>>()?))
    }

    /// Reads sessions that a server has named.
    async fn read_all(
        &self,
        master: Option<&Address>,
        ids: &[SessionId],
    ) -> Result<Vec<(SessionId, Stored)>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let commands = ids.iter().flat_map(|id| reading(&self.layout.session(id)));
        let answers = self.connection.ask_master(master, &Request::read(commands)).await?;
        let (pairs, []) = answers.as_chunks::<2>() else { return Err(nonsense()) };
        let mut sessions = Vec::new();
        for (id, [document, left]) in ids.iter().zip(pairs) {
            let stored = match code(document).or(code(left)) {
                // It has moved to another server just now.
                Some("MOVED" | "ASK" | "TRYAGAIN") => self.load(id).await?,
                // It is no session.
                Some("WRONGTYPE") => None,
                _ => read(answer(document.clone())?, answer(left.clone())?)?,
            };
            sessions.extend(stored.map(|stored| (*id, stored)));
        }
        Ok(sessions)
    }

    /// Ends what stands under keys that a server has named, and says how many keys and how many sessions.
    async fn drop_all(
        &self,
        master: Option<&Address>,
        keys: &[Vec<u8>],
    ) -> Result<(usize, usize), StoreError> {
        let (mut dropped, mut sessions) = (0, 0);
        // A key that is no text has nobody beside it, and is nobody's session.
        let named: Vec<&str> = keys.iter().filter_map(|key| str::from_utf8(key).ok()).collect();
        if named.is_empty() {
            return Ok((0, 0));
        }
        let run = |key: &str| scripts::DROP.call(&[key, &self.layout.beside(key)]);
        let request = Request::script(&scripts::DROP, named.iter().map(|key| run(key)));
        let answers = self.connection.ask_master(master, &request).await?;
        for (key, ended) in named.into_iter().zip(answers) {
            let ended = match code(&ended) {
                Some("MOVED" | "ASK" | "TRYAGAIN") => {
                    self.ask(key, &Request::script(&scripts::DROP, [run(key)])).await?
                }
                _ => answer(ended)?,
            };
            if ended == Value::Int(1) {
                dropped += 1;
                sessions += usize::from(self.layout.id(key.as_bytes()).is_some());
            }
        }
        self.forget_all();
        Ok((dropped, sessions))
    }

    fn ids(&self, keys: &[Vec<u8>]) -> Vec<SessionId> {
        let mut met = HashSet::new();
        let ids = keys.iter().filter_map(|key| self.layout.id(key));
        ids.filter(|id| met.insert(*id)).collect()
    }
}

/// The run of a server, as its `INFO` says. Empty: it does not say so to this user.
fn run_of(info: Value) -> String {
    let text = redis::from_redis_value::<String>(info).unwrap_or_default();
    let run = text.lines().find_map(|line| line.strip_prefix("run_id:"));
    run.map(|run| run.trim().to_owned()).unwrap_or_default()
}

impl SessionScan for RedisStore {
    fn page<'a>(
        &'a self,
        from: Option<&'a Cursor>,
        most: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move {
            let from = from.map(|cursor| place(cursor).ok_or_else(no_cursor)).transpose()?;
            let step = self.0.step(from, most.clamp(1, STEP)).await?;
            let ids = self.0.ids(&step.keys);
            let sessions = self.0.read_all(step.master.as_ref(), &ids).await?;
            Ok(Page { sessions, next: step.next.as_ref().map(cursor) })
        })
    }

    fn total<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move {
            // A server may name a key twice. Eight bytes tell it from all others, as good as certainly.
            let (hasher, mut met) = (RandomState::new(), HashSet::new());
            let mut from = None;
            loop {
                let step = self.0.step(from, STEP).await?;
                met.extend(self.0.ids(&step.keys).iter().map(|id| hasher.hash_one(id)));
                match step.next {
                    Some(place) => from = Some(place),
                    None => return Ok(met.len()),
                }
            }
        })
    }

    /// Whatever lived when a walk began is met by it, also when it rotates meanwhile: its old id stays as a
    /// stub, and is met. So when a walk meets nothing, nothing lived when it began.
    fn clear<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move {
            let mut ended = 0;
            for _ in 0..WALKS {
                let (mut from, mut dropped) = (None, 0);
                loop {
                    let step = self.0.step(from, STEP).await?;
                    let (keys, sessions) =
                        self.0.drop_all(step.master.as_ref(), &step.keys).await?;
                    dropped += keys;
                    ended += sessions;
                    match step.next {
                        Some(place) => from = Some(place),
                        None => break,
                    }
                }
                if dropped == 0 {
                    break;
                }
            }
            Ok(ended)
        })
    }
}

/// Tells our cursors from those of other stores.
const PREFIX: &str = "scan-";

/// What [`place`] reads.
fn cursor(place: &Place) -> Cursor {
    let Place { map, master, run, cursor } = place;
    Cursor(format!("{PREFIX}{map:x}-{master}-{run}-{cursor}"))
}

/// Where to go on. `None`: it is no cursor of this kind of store.
fn place(cursor: &Cursor) -> Option<Place> {
    let parts: Vec<&str> = cursor.0.strip_prefix(PREFIX)?.split('-').collect();
    let [map, master, run, cursor] = parts[..] else { return None };
    let alphanumeric = run.bytes().all(|byte| byte.is_ascii_alphanumeric());
    Some(Place {
        map: u64::from_str_radix(map, 16).ok()?,
        master: master.parse().ok()?,
        run: alphanumeric.then(|| run.to_owned())?,
        cursor: cursor.parse().ok()?,
    })
}

fn no_cursor() -> StoreError {
    let advice = "the cursor is not one of this store's; a walk begins without one";
    refusal(StoreErrorKind::Refused, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_its_place_back() {
        for expected in [
            Place::default(),
            Place { map: u64::MAX, master: 7, run: "0a9f".into(), cursor: u64::MAX },
        ] {
            assert_eq!(place(&cursor(&expected)), Some(expected));
        }
    }

    #[test]
    fn what_is_no_cursor_is_none() {
        for text in
            ["", "scan", "scan-", "scan-1-2-3", "scan-x-0--0", "scan-0-0-é-0", "scan-0-0--0-0"]
        {
            assert!(place(&Cursor(text.into())).is_none(), "{text}");
        }
    }
}
