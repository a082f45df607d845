//! Writers that start at the same moment. A barrier lets them go; whatever the order, the outcome
//! has to be one that some order of whole operations explains.

use std::collections::HashMap;

use handstamp::SessionStore;
use handstamp::store::{Created, Record, Stored, Updated};
use tokio::task::yield_now;

use super::StoreHarness;
use super::toolbox::{
    Caller, Trial, assert_gone, assert_text, conflict, forever, id, nth_id, race, race_two, record,
};

/// How many writers want the same session.
const RIVALS: usize = 8;

pub async fn a_hundred_parallel_increments_end_at_a_hundred<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    t.store.put(&id("counter"), &counter::<H>(0)).await;
    race((0..100).map(|_| increment::<H>(t.caller()))).await;
    assert_eq!(count_in(&t.store.living(&id("counter")).await), 100);
}

pub async fn of_many_creates_with_one_id_exactly_one_is_done<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..H::ROUNDS {
        assert_one_create_wins(&t, n).await;
    }
}

pub async fn of_many_creates_over_an_expired_session_exactly_one_is_done<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..H::ROUNDS {
        t.store.put(&nth_id(n), &record("{}", H::UNIT)).await;
    }
    t.outlive(H::UNIT).await;
    for n in 0..H::ROUNDS {
        assert_one_create_wins(&t, n).await;
    }
}

pub async fn of_many_updates_at_one_version_exactly_one_is_done<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..H::ROUNDS {
        let version = t.store.put(&nth_id(n), &forever::<H>("{}")).await;
        let outcomes = race((0..RIVALS).map(|rival| {
            let store = t.caller();
            async move { store.update(&nth_id(n), version, &counter::<H>(rival)).await }
        }))
        .await;
        let stored = t.store.living(&nth_id(n)).await;
        let (done, lost): (Vec<_>, Vec<_>) = outcomes
            .into_iter()
            .enumerate()
            .partition(|(_, outcome)| matches!(outcome, Updated::Done(_)));
        assert_eq!(done.len(), 1, "{} rivals updated one version", done.len());
        assert_eq!(count_in(&stored), done[0].0, "another document than the winner's is stored");
        for (_, outcome) in lost {
            let current = conflict(outcome);
            assert_eq!(
                (current.document, current.version),
                (stored.document.clone(), stored.version)
            );
        }
    }
}

pub async fn a_session_is_gone_after_delete_raced_update<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..H::ROUNDS {
        let version = t.store.put(&nth_id(n), &counter::<H>(1)).await;
        let (writer, ender) = (t.caller(), t.caller());
        let (updated, deleted) = race_two(
            async move { writer.update(&nth_id(n), version, &counter::<H>(2)).await },
            async move { ender.delete(&nth_id(n)).await },
        )
        .await;
        let last = match updated {
            Updated::Done(_) => counter::<H>(2),
            other => {
                assert_gone(&other);
                counter::<H>(1)
            }
        };
        assert_eq!(deleted, Some(last.document), "delete returns what the session last held");
        assert!(t.store.load(&nth_id(n)).await.is_none(), "update has brought it back");
    }
}

pub async fn a_session_is_gone_after_delete_raced_touch<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..H::ROUNDS {
        t.store.put(&nth_id(n), &counter::<H>(1)).await;
        let (toucher, ender) = (t.caller(), t.caller());
        let (_, deleted) = race_two(
            async move { toucher.touch(&nth_id(n), Trial::<H>::LONG).await },
            async move { ender.delete(&nth_id(n)).await },
        )
        .await;
        assert_eq!(deleted, Some(counter::<H>(1).document));
        assert!(t.store.load(&nth_id(n)).await.is_none(), "touch has brought it back");
    }
}

pub async fn of_many_deletes_exactly_one_returns_the_bytes<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..H::ROUNDS {
        t.store.put(&nth_id(n), &counter::<H>(n)).await;
        let deleted = race((0..RIVALS).map(|_| {
            let store = t.caller();
            async move { store.delete(&nth_id(n)).await }
        }))
        .await;
        assert_eq!(deleted.iter().flatten().count(), 1);
    }
}

pub async fn create_racing_delete_is_done_exactly_if_it_lives_afterwards<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..H::ROUNDS {
        t.store.put(&nth_id(n), &counter::<H>(1)).await;
        let (maker, ender) = (t.caller(), t.caller());
        let (created, deleted) =
            race_two(async move { maker.create(&nth_id(n), &counter::<H>(2)).await }, async move {
                ender.delete(&nth_id(n)).await
            })
            .await;
        assert_eq!(deleted, Some(counter::<H>(1).document));
        let living = t.store.load(&nth_id(n)).await.map(|stored| count_in(&stored));
        assert_eq!(living, matches!(created, Created::Done(_)).then_some(2));
    }
}

pub async fn update_racing_touch_loses_nothing<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for n in 0..H::ROUNDS {
        let version = t.store.put(&nth_id(n), &counter::<H>(1)).await;
        let (writer, toucher) = (t.caller(), t.caller());
        let (updated, touched) = race_two(
            async move { writer.replace(&nth_id(n), version, &counter::<H>(2)).await },
            async move { toucher.touch(&nth_id(n), Trial::<H>::LONG * 2).await },
        )
        .await;
        assert!(touched, "the session lives all the while");
        let stored = t.store.living(&nth_id(n)).await;
        assert_eq!((count_in(&stored), stored.version), (2, updated));
    }
}

pub async fn update_of_an_expired_session_racing_create_is_never_done<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let mut versions = Vec::new();
    for n in 0..H::ROUNDS {
        versions.push(t.store.put(&nth_id(n), &record(r#"{"count":1}"#, H::UNIT)).await);
    }
    t.outlive(H::UNIT).await;
    for (n, version) in versions.into_iter().enumerate() {
        let (maker, writer) = (t.caller(), t.caller());
        let (created, updated) =
            race_two(async move { maker.put(&nth_id(n), &counter::<H>(2)).await }, async move {
                writer.update(&nth_id(n), version, &counter::<H>(3)).await
            })
            .await;
        assert!(!matches!(updated, Updated::Done(_)), "update wrote over another session");
        let stored = t.store.living(&nth_id(n)).await;
        assert_eq!((count_in(&stored), stored.version), (2, created));
    }
}

pub async fn load_racing_updates_sees_whole_writings_only<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let first = t.store.put(&id("a"), &padded::<H>(0)).await;
    let (writer, reader) = (t.caller(), t.caller());
    let writes = async move {
        let mut versions = HashMap::from([(first, 0)]);
        let mut version = first;
        for n in 1..=50 {
            version = writer.replace(&id("a"), version, &padded::<H>(n)).await;
            versions.insert(version, n);
        }
        versions
    };
    let reads = async move {
        let mut seen = Vec::new();
        for _ in 0..50 {
            seen.push(reader.living(&id("a")).await);
        }
        seen
    };
    let (versions, seen) = race_two(writes, reads).await;
    for stored in seen {
        let n = versions[&stored.version];
        assert!(
            stored.document == padded::<H>(n).document,
            "the bytes are not those of version {n}"
        );
    }
}

/// A session that counts, as an application would store it.
fn counter<H: StoreHarness>(count: usize) -> Record {
    forever::<H>(&format!(r#"{{"count":{count}}}"#))
}

fn count_in(stored: &Stored) -> usize {
    let document: serde_json::Value = serde_json::from_slice(&stored.document).unwrap();
    usize::try_from(document["count"].as_u64().unwrap()).unwrap()
}

/// A document that takes a while to write, all of it made of one number.
fn padded<H: StoreHarness>(n: usize) -> Record {
    forever::<H>(&format!("[{}]", vec![n.to_string(); 10_000].join(",")))
}

/// Adds one, and starts again from what the conflict carried whenever another was faster.
async fn increment<H: StoreHarness>(store: Caller<H::Store>) {
    let mut current = store.living(&id("counter")).await;
    loop {
        let next = counter::<H>(count_in(&current) + 1);
        // The handler works on its answer while the others come and go.
        yield_now().await;
        match store.update(&id("counter"), current.version, &next).await {
            Updated::Conflict(stored) => current = stored,
            Updated::Done(_) => return,
            Updated::Gone => panic!("nobody has deleted the counter"),
        }
    }
}

async fn assert_one_create_wins<H: StoreHarness>(t: &Trial<H>, n: usize) {
    let outcomes =
        race((0..RIVALS).map(|rival| create_as::<H, H::Store>(t.caller(), n, rival))).await;
    let mut done = outcomes.into_iter().enumerate().filter_map(|(rival, outcome)| match outcome {
        Created::Done(version) => Some((rival, version)),
        Created::Duplicate => None,
    });
    let (winner, version) = done.next().expect("one of the creates is done");
    assert!(done.next().is_none(), "two rivals created one session");
    let stored = t.store.living(&nth_id(n)).await;
    assert_text(&stored.document, &format!(r#"{{"count":{winner}}}"#));
    assert_eq!(stored.version, version);
}

async fn create_as<H: StoreHarness, S: SessionStore>(
    store: Caller<S>,
    n: usize,
    rival: usize,
) -> Created {
    store.create(&nth_id(n), &counter::<H>(rival)).await
}
