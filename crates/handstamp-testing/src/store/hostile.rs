//! Ids, documents and owners that somebody chose in order to do harm. They are data, all of them.

use super::StoreHarness;
use super::toolbox::{Trial, assert_text, forever, id, nth_id, owned};
use handstamp::SessionId;

pub async fn every_id_that_can_be_is_a_key_of_its_own<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let ids = hostile_ids();
    for (n, id) in ids.iter().enumerate() {
        t.store.put(id, &forever::<H>(&format!(r#"{{"n":{n}}}"#))).await;
    }
    for (n, id) in ids.iter().enumerate() {
        let stored = t.store.load(id).await;
        let stored =
            stored.unwrap_or_else(|| panic!("the id {:?} is not found again", id.as_str()));
        assert_text(&stored.document, &format!(r#"{{"n":{n}}}"#));
    }
}

pub async fn a_session_is_not_found_by_an_id_that_is_merely_similar<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let ids = hostile_ids();
    for id in &ids {
        t.store.put(id, &forever::<H>("{}")).await;
        for other in ids.iter().filter(|other| *other != id) {
            assert!(
                t.store.load(other).await.is_none(),
                "{:?} found {:?}",
                other.as_str(),
                id.as_str()
            );
            assert!(t.store.delete(other).await.is_none());
        }
        assert!(t.store.delete(id).await.is_some());
    }
}

pub async fn every_write_reaches_exactly_the_session_with_the_hostile_id<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let ids = hostile_ids();
    let mut versions = Vec::new();
    for id in &ids {
        versions.push(t.store.put(id, &forever::<H>(r#"{"written":false}"#)).await);
    }
    for (id, version) in ids.iter().zip(versions) {
        t.store.replace(id, version, &forever::<H>(r#"{"written":true}"#)).await;
        assert!(t.store.touch(id, H::UNIT * 50).await);
        assert_text(&t.store.delete(id).await.unwrap(), r#"{"written":true}"#);
    }
}

pub async fn a_walk_meets_every_id_that_can_be<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let ids = hostile_ids();
    for id in &ids {
        t.store.put(id, &forever::<H>("{}")).await;
    }
    for most in [1, 2, 3] {
        assert_eq!(t.store.met(most).await, ids.iter().copied().collect());
    }
}

pub async fn every_document_comes_back_byte_for_byte<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    for (n, document) in hostile_documents().iter().enumerate() {
        let version = t.store.put(&nth_id(n), &forever::<H>(document)).await;
        assert_text(&t.store.living(&nth_id(n)).await.document, document);
        let version = t.store.replace(&nth_id(n), version, &forever::<H>(r#"{"other":1}"#)).await;
        t.store.replace(&nth_id(n), version, &forever::<H>(document)).await;
        assert_text(&t.store.living(&nth_id(n)).await.document, document);
        assert_text(&t.store.delete(&nth_id(n)).await.unwrap(), document);
    }
}

pub async fn a_document_of_one_megabyte_comes_back<H: StoreHarness>() {
    big_document_comes_back::<H>(1_000_000).await;
}

pub async fn a_document_of_ten_megabytes_comes_back<H: StoreHarness>() {
    big_document_comes_back::<H>(10_000_000).await;
}

pub async fn every_owner_has_exactly_the_sessions_of_this_owner<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let owners = hostile_owners();
    for (n, owner) in owners.iter().enumerate() {
        t.store.put(&nth_id(n), &owned(forever::<H>("{}"), owner)).await;
    }
    for (n, owner) in owners.iter().enumerate() {
        assert_eq!(t.store.listed(owner).await, [nth_id(n)].into(), "the sessions of {owner:?}");
        assert_eq!(t.store.count(owner).await, 1);
    }
}

pub async fn revoke_ends_exactly_the_sessions_of_the_hostile_owner<H: StoreHarness>() {
    let t = Trial::<H>::start().await;
    let owners = hostile_owners();
    for (n, owner) in owners.iter().enumerate() {
        t.store.put(&nth_id(n), &owned(forever::<H>("{}"), owner)).await;
    }
    t.store.put(&id("nobodys"), &forever::<H>("{}")).await;
    for (n, owner) in owners.iter().enumerate() {
        assert_eq!(t.store.revoke(owner, None).await, 1, "the sessions of {owner:?}");
        assert!(t.store.load(&nth_id(n)).await.is_none());
    }
    assert!(t.store.load(&id("nobodys")).await.is_some());
}

async fn big_document_comes_back<H: StoreHarness>(length: usize) {
    let t = Trial::<H>::start().await;
    // A megabyte that looks the same everywhere would hide a chunk that went missing.
    let text: String =
        (0..).flat_map(|n: u32| n.to_string().into_bytes()).map(char::from).take(length).collect();
    let document = format!(r#"{{"big":"{text}"}}"#);
    let version = t.store.put(&id("a"), &forever::<H>(&document)).await;
    assert!(
        *t.store.living(&id("a")).await.document == *document.as_bytes(),
        "other bytes come back"
    );
    let changed = document.replace("big", "BIG");
    t.store.replace(&id("a"), version, &forever::<H>(&changed)).await;
    assert!(
        *t.store.delete(&id("a")).await.unwrap() == *changed.as_bytes(),
        "other bytes come back"
    );
}

/// Ids that mean something to a file system, to SQL, to Redis, or that are nearly the same.
fn hostile_ids() -> Vec<SessionId> {
    let every_character = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+=:";
    let longest = "x".repeat(128);
    let nearly_longest = format!("{}y", "x".repeat(127));
    let shorter = "x".repeat(127);
    let texts = [
        every_character,
        &longest,
        &nearly_longest,
        &shorter,
        "case-insensitive",
        "Case-Insensitive",
        "CASE-INSENSITIVE",
        "a",
        "A",
        "aa",
        "aaa",
        "a.b",
        "a:b",
        "a~b",
        "a+b",
        "a=b",
        "a-b",
        "a_b",
        "axb",
        "a..b",
        "a..",
        "a:",
        "a.",
        "~",
        "~root",
        "-",
        "--",
        "-rf",
        "_",
        "+",
        "=",
        ":",
        "::",
        "sess:",
        "sess:a",
        "handstamp:sess:a",
        "0",
        "00",
        "1",
        "1e0",
        "1.0",
        "0x1",
        "null",
        "NULL",
        "true",
        "__proto__",
        "constructor",
        "CON",
        "nul.json",
        "a.json",
        "a.tmp",
    ];
    texts.into_iter().map(id).collect()
}

/// JSON that something between here and the disk might take for a command, a pattern or a mistake.
fn hostile_documents() -> Vec<String> {
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let texts = [
        "{}",
        "1",
        r#" { "spaces" : [ 1 , 2 ] } "#,
        "{\"lines\":\n\t[1,\r\n2]}",
        r#"{"nul":"\u0000","escape":"\\u0000","backslash":"\\\\"}"#,
        r#"{"quotes":"' '' \" ` $$ $1 ? :a @b","semicolon":";--"}"#,
        r#"{"sql":"'; DROP TABLE session; --","like":"%_%","printf":"%s%n%d"}"#,
        r#"{"redis":"\r\n$3\r\nSET\r\n","lua":"]] return redis.call('FLUSHALL')"}"#,
        r#"{"unicode":"Grüße, 世界, 👩‍👩‍👧, עברית, é vs é","bom":""}"#,
        r#"{"lone surrogate":"\ud800","pair":"\ud83d\ude00"}"#,
        "{\"separators\":\"\u{2028}\u{2029}\",\"bom\":\"\u{feff}\"}",
        r#"{"z":1,"a":2,"m":3,"a":4}"#,
        r#"{"numbers":[1.0,1e3,1E+3,-0,0.1e-7,12345678901234567890123,9007199254740993]}"#,
        r#"{"__proto__":{"admin":true},"constructor":1,"":"empty key"}"#,
        r#"{"html":"</script><script>alert(1)</script>","url":"%00%2e%2e%2f"}"#,
        &deep,
    ];
    texts.into_iter().map(str::to_owned).collect()
}

/// Owners are what an application calls its users: names, addresses, anything.
fn hostile_owners() -> Vec<String> {
    let long = "o".repeat(1024);
    let nearly_the_same = format!("{}p", "o".repeat(1023));
    let texts = [
        "",
        "a",
        "A",
        "ab",
        "abc",
        "a b",
        "a*",
        "*",
        "%",
        "_",
        "a%",
        "a_",
        "?",
        "[a-z]",
        "'",
        "''",
        "\"",
        "`",
        "\\",
        "\\'",
        "' OR '1'='1",
        "'; DELETE FROM session; --",
        "a:b",
        "a/b",
        "../a",
        "{a}",
        "a\r\nb",
        "null",
        "NULL",
        "0",
        "00",
        "user@example.com",
        "Grüße",
        "世界",
        "👩‍👩‍👧",
        "é",
        "e\u{301}",
        &long,
        &nearly_the_same,
    ];
    texts.into_iter().map(str::to_owned).collect()
}
