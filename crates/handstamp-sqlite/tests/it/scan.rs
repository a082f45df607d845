use handstamp::SessionStore;
use handstamp::store::Created;

use crate::support::{Folder, id, living, put, record, start};

#[tokio::test]
async fn rows_whose_sid_is_no_id_are_passed_by() {
    let folder = Folder::new();
    let store = folder.open();
    put(&store, &id("a"), &record("{}")).await;
    put(&store, &id("z"), &record("{}")).await;
    for sid in [
        "''",
        "' '",
        "'a b'",
        "'.hidden'",
        "'世界'",
        "CAST(x'62ff' AS TEXT)",
        "CAST(x'ffff' AS TEXT)",
    ] {
        insert(&folder, 1, sid);
    }

    let scan = store.scan().unwrap();
    for most in [1, 2, 100] {
        let (mut met, mut from) = (Vec::new(), None);
        loop {
            let page = scan.page(from.as_ref(), most).await.unwrap();
            met.extend(page.sessions.into_iter().map(|(id, _)| id));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        assert_eq!(met, [id("a"), id("z")], "in pages of {most}");
    }

    scan.clear().await.unwrap();
    let left: i64 =
        folder.connect().query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn others_write_while_a_large_file_is_cleared() {
    let folder = Folder::new();
    let store = folder.open();
    insert(&folder, 3000, "'session-' || n");

    let lock = folder.lock();
    let clearer = store.clone();
    let mut clear = start([async move { clearer.scan().unwrap().clear().await }]).await;
    let writer = store.clone();
    let mut create = start([async move { writer.create(&id("new"), &record("{}")).await }]).await;
    drop(lock);

    assert!(matches!(create.remove(0).await.unwrap().unwrap(), Created::Done(_)));
    // The new session was created after the first batch, and ended with the last.
    assert_eq!(clear.remove(0).await.unwrap().unwrap(), 3001);
    put(&store, &id("new"), &record("{}")).await;
    living(&store, &id("new")).await;
}

/// Writes rows past the store. `sid` is SQL and may count them by `n`.
fn insert(folder: &Folder, rows: usize, sid: &str) {
    let sql = format!(
        "WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < {rows})
         INSERT INTO sessions (sid, sess, expires, revision)
         SELECT {sid}, '{{}}', 8640000000000000, 1 FROM count"
    );
    folder.connect().execute_batch(&sql).unwrap();
}
