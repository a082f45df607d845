use handstamp::{ErrorKind, Expiry, LookUp, Snapshot};

use super::*;

/// A stored session with this data, and its snapshot.
async fn stored(app: &App, data: &str) -> Snapshot {
    let session = app.sessions.begin(SessionId::random().unwrap());
    session.assign(data).unwrap();
    session.save().await.unwrap();
    session.snapshot().unwrap()
}

/// What the store holds now.
async fn look_up(app: &App, id: SessionId) -> Session {
    match app.sessions.look_up(id).await.unwrap() {
        LookUp::Stored(session) => session,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_session_gets_the_id_that_was_made_for_it() {
    let app = App::new();
    let id = SessionId::random().unwrap();
    let session = app.sessions.begin(id);
    session.assign(r#"{"a":1}"#).unwrap();
    session.save().await.unwrap();
    assert_eq!(session.snapshot().unwrap().id, id);
    assert_eq!(look_up(&app, id).await.get::<i64>("a").unwrap(), Some(1));
}

// S11
#[tokio::test]
async fn an_id_that_is_taken_is_an_error_and_the_session_there_stays() {
    let app = App::new();
    let first = stored(&app, r#"{"whose":"anna's"}"#).await;
    let second = app.sessions.begin(first.id);
    second.assign(r#"{"whose":"bert's"}"#).unwrap();
    assert_eq!(second.save().await.unwrap_err().kind(), ErrorKind::IdTaken);
    assert_eq!(look_up(&app, first.id).await.snapshot().unwrap().data, first.data);
}

#[tokio::test]
async fn what_a_copy_did_not_change_stays_byte_for_byte() {
    let app = App::new();
    let data = r#"{"big":9007199254740993,"price":1.50,"e":1e2,"text":"\u00e9","n":1}"#;
    let before = stored(&app, data).await;
    let session = app.sessions.resume(&before).unwrap();
    // What JSON.stringify makes of JSON.parse of it, and one change.
    let copy = r#"{"big":9007199254740992,"price":1.5,"e":100,"text":"é","n":2}"#;
    assert!(session.assign(copy).unwrap());
    session.save().await.unwrap();
    let after = look_up(&app, before.id).await.snapshot().unwrap();
    assert_eq!(after.data, data.replace(r#""n":1"#, r#""n":2"#));
    assert!(!app.sessions.resume(&after).unwrap().assign(&after.data).unwrap());
}

#[tokio::test]
async fn values_are_compared_as_javascript_compares_their_texts() {
    let app = App::new();
    let changes = async |stored_as: &str, copy: &str| {
        let before = stored(&app, &format!(r#"{{"a":{stored_as}}}"#)).await;
        app.sessions.resume(&before).unwrap().assign(&format!(r#"{{"a":{copy}}}"#)).unwrap()
    };
    let same = [
        ("1.0", "1"),
        ("-0", "0"),
        ("1e400", "null"),
        ("[1, 2.50]", "[1,2.5]"),
        (r#"{"b":[{"c":1E1}]}"#, r#"{"b":[{"c":10}]}"#),
        (r#""\u0041""#, r#""A""#),
        ("0.1234567890123456789", "0.12345678901234568"),
        (r#"{"b":1.0,"10":2,"9":3}"#, r#"{"9":3,"10":2,"b":1}"#),
    ];
    for (stored_as, copy) in same {
        assert!(!changes(stored_as, copy).await, "{stored_as} is {copy}");
    }
    let different = [
        ("1", "2"),
        ("1", r#""1""#),
        ("null", "0"),
        ("[1]", "[1,1]"),
        (r#"{"b":1,"c":2}"#, r#"{"c":2,"b":1}"#),
        (r#"{"b":1}"#, r#"{"b":1,"c":1}"#),
        (r#"{"b":1,"09":2}"#, r#"{"09":2,"b":1}"#),
        ("true", "false"),
    ];
    for (stored_as, copy) in different {
        assert!(changes(stored_as, copy).await, "{stored_as} is not {copy}");
    }
}

#[tokio::test]
async fn values_of_any_depth_do_no_harm() {
    let app = App::new();
    let deep =
        |inner: &str| format!(r#"{{"a":{}{inner}{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    let before = stored(&app, &deep("1")).await;
    assert!(app.sessions.resume(&before).unwrap().assign(&deep("1.0")).unwrap());
    assert!(!app.sessions.resume(&before).unwrap().assign(&deep("1")).unwrap());
}

#[tokio::test]
async fn copies_that_changed_different_keys_are_merged() {
    let app = App::new();
    let before = stored(&app, r#"{"old":0,"n":1}"#).await;
    let (first, second) =
        (app.sessions.resume(&before).unwrap(), app.sessions.resume(&before).unwrap());
    first.assign(r#"{"old":0,"n":1,"cart":[1]}"#).unwrap();
    second.assign(r#"{"n":2}"#).unwrap();
    first.save().await.unwrap();
    second.save().await.unwrap();
    assert_eq!(second.snapshot().unwrap().data, r#"{"n":2,"cart":[1]}"#);
    assert_eq!(look_up(&app, before.id).await.snapshot().unwrap().data, r#"{"n":2,"cart":[1]}"#);
}

#[tokio::test]
async fn a_value_computed_from_one_that_changed_is_stale_and_nothing_is_saved() {
    let app = App::new();
    let before = stored(&app, r#"{"n":1}"#).await;
    let (first, second) =
        (app.sessions.resume(&before).unwrap(), app.sessions.resume(&before).unwrap());
    first.set_computed("n", Some("1"), Some("2")).unwrap();
    second.set_computed("n", Some("1.0"), Some("2")).unwrap();
    second.assign_cookie(r#"{"originalMaxAge":60000,"path":"/"}"#).unwrap();
    first.save().await.unwrap();
    assert_eq!(second.save().await.unwrap_err().kind(), ErrorKind::Stale);
    let now = look_up(&app, before.id).await;
    assert_eq!(now.get::<i64>("n").unwrap(), Some(2));
    assert!(!now.expiry().is_persistent());
    now.set_computed("n", Some("2"), Some("3")).unwrap();
    now.set_computed("gone", None, Some("0")).unwrap();
    now.save().await.unwrap();
    assert_eq!(now.snapshot().unwrap().data, r#"{"n":3,"gone":0}"#);
    let stale = now.set_computed("n", None, Some("4")).unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Stale);
}

#[tokio::test]
async fn rewriting_tells_where_the_session_went() {
    let app = App::new();
    let before = stored(&app, r#"{"n":1}"#).await;
    let (first, second) =
        (app.sessions.resume(&before).unwrap(), app.sessions.resume(&before).unwrap());
    first.rotate().unwrap();
    first.save().await.unwrap();
    second.save().await.unwrap();
    assert_eq!(second.snapshot().unwrap().id, before.id, "nothing to do, nothing learnt");
    second.rewrite().unwrap();
    second.save().await.unwrap();
    assert_eq!(second.snapshot().unwrap().id, first.snapshot().unwrap().id);
}

#[tokio::test]
async fn a_cookie_object_says_how_long_its_session_lives() {
    let app = App::new();
    let before = stored(&app, r#"{"n":1}"#).await;
    let session = app.sessions.resume(&before).unwrap();
    session.assign_cookie(r#"{"originalMaxAge":60000,"expires":null,"path":"/x"}"#).unwrap();
    session.save().await.unwrap();
    let after = look_up(&app, before.id).await;
    assert_eq!((after.expiry().idle_limit(), after.expiry().is_persistent()), (MINUTE, true));
    assert_eq!(after.snapshot().unwrap().remaining, MINUTE);
    assert!(after.snapshot().unwrap().cookie.contains(r#""path":"/x""#));
    app.clock.advance(MINUTE);
    assert!(matches!(app.sessions.look_up(before.id).await.unwrap(), LookUp::Missing));
}

#[tokio::test]
async fn a_copy_is_not_saved_into_a_session_that_was_ended() {
    let app = App::new();
    let before = stored(&app, r#"{"n":1}"#).await;
    let session = app.sessions.resume(&before).unwrap();
    session.assign(r#"{"n":2}"#).unwrap();
    assert!(app.sessions.end_session(before.id).await.unwrap());
    assert!(!app.sessions.end_session(before.id).await.unwrap());
    session.save().await.unwrap();
    assert!(session.is_ended() && session.snapshot().is_none());
    assert!(matches!(app.sessions.look_up(before.id).await.unwrap(), LookUp::Missing));
}

#[tokio::test]
async fn an_id_that_a_login_retired_can_only_be_added_to() {
    let app = App::new();
    let before = stored(&app, r#"{"n":1}"#).await;
    let session = app.sessions.resume(&before).unwrap();
    session.login("alice").unwrap();
    let id = SessionId::random().unwrap();
    session.set_next_id(id);
    session.save().await.unwrap();
    assert_eq!(session.snapshot().unwrap().id, id);
    let LookUp::Retired(old) = app.sessions.look_up(before.id).await.unwrap() else { panic!() };
    assert!(old.snapshot().is_none() && old.is_empty());
    old.assign(r#"{"n":7,"more":true}"#).unwrap();
    old.save().await.unwrap();
    let now = look_up(&app, id).await.snapshot().unwrap();
    assert_eq!(now.data, r#"{"n":1,"more":true}"#);
    assert_eq!(now.owner.as_deref(), Some("alice"));
}

#[tokio::test]
async fn texts_that_are_no_session_are_refused() {
    let app = App::new();
    let before = stored(&app, r#"{"n":1}"#).await;
    for bad in ["", "[]", "{", "null", r#"{"n":}"#] {
        let session = app.sessions.resume(&before).unwrap();
        assert_eq!(session.assign(bad).unwrap_err().kind(), ErrorKind::Value, "{bad}");
        assert_eq!(session.assign_cookie(bad).unwrap_err().kind(), ErrorKind::Value, "{bad}");
        let bad = Snapshot { data: bad.into(), ..before.clone() };
        assert_eq!(app.sessions.resume(&bad).unwrap_err().kind(), ErrorKind::Value);
    }
}

/// Sets members of a session of which only this is known, and saves it.
async fn amend(app: &App, from: &Snapshot, steps: &[(&str, Option<&str>)]) -> Option<Session> {
    let session = app.sessions.resume_at(from.id, from.version).await.unwrap()?;
    for (name, json) in steps {
        session.assign_member(name, *json).unwrap();
    }
    session.rewrite().unwrap();
    session.save().await.unwrap();
    Some(session)
}

#[tokio::test]
async fn members_are_assigned_to_a_session_of_which_only_the_version_is_known() {
    let app = App::new();
    let before = stored(&app, r#"{"price":1.50,"n":1,"gone":0}"#).await;
    let steps = [("n", Some("2")), ("gone", None), ("price", Some("1.5")), ("q\"", Some("[{}]"))];
    let session = amend(&app, &before, &steps).await.unwrap();
    let expected = r#"{"price":1.50,"n":2,"q\"":[{}]}"#;
    assert_eq!(session.data_json(), expected);
    let mut members = Vec::new();
    session.each_member(|name, value| members.push(format!("{name}:{value}")));
    assert_eq!(format!("{{{}}}", members.join(",")), expected);
    assert_eq!(look_up(&app, before.id).await.snapshot().unwrap().data, expected);
}

#[tokio::test]
async fn members_are_merged_with_what_others_have_written_since() {
    let app = App::new();
    let before = stored(&app, r#"{"n":1,"theirs":1,"gone":0}"#).await;
    amend(&app, &before, &[("theirs", Some("2")), ("more", Some("3"))]).await.unwrap();
    let session = amend(&app, &before, &[("n", Some("2")), ("gone", None)]).await.unwrap();
    let expected = r#"{"n":2,"theirs":2,"more":3}"#;
    assert_eq!(session.data_json(), expected);
    assert_eq!(look_up(&app, before.id).await.snapshot().unwrap().data, expected);
}

#[tokio::test]
async fn a_session_that_is_over_is_not_taken_up_again() {
    let app =
        App::with(SessionConfig::strict().with_expiry(
            Expiry::idle(Duration::from_secs(60)).with_absolute(Duration::from_secs(90)),
        ));
    let first = stored(&app, r#"{"n":1}"#).await;
    let second = stored(&app, r#"{"n":1}"#).await;
    app.sessions.end_session(first.id).await.unwrap();
    assert!(amend(&app, &first, &[("n", Some("2"))]).await.is_none());
    app.clock.advance(Duration::from_secs(100));
    assert!(amend(&app, &second, &[("n", Some("2"))]).await.is_none());
}

#[tokio::test]
async fn a_session_that_was_rotated_meanwhile_gets_the_members_under_its_new_id() {
    let app = App::new();
    let before = stored(&app, r#"{"n":1}"#).await;
    let other = look_up(&app, before.id).await;
    other.rotate().unwrap();
    other.save().await.unwrap();
    let session = amend(&app, &before, &[("n", Some("2"))]).await.unwrap();
    let now = session.snapshot().unwrap();
    assert_ne!(now.id, before.id);
    assert_eq!(now.data, r#"{"n":2}"#);
    // What stands under the old id is a pointer, and no session.
    let LookUp::Stored(found) = app.sessions.look_up(before.id).await.unwrap() else { panic!() };
    assert_eq!(found.snapshot().unwrap().id, now.id);
}

#[tokio::test]
async fn members_that_are_no_json_are_refused_and_those_of_others_passed_over() {
    let app = App::new();
    let before = stored(&app, r#"{"n":1}"#).await;
    let session = app.sessions.resume_at(before.id, before.version).await.unwrap().unwrap();
    for bad in ["", "{", "1,2", "[1", "\"", "nul", "1}"] {
        let refused = session.assign_member("n", Some(bad)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Value, "{bad}");
    }
    for name in ["cookie", "__handstamp"] {
        assert!(!session.assign_member(name, Some("1")).unwrap());
        assert!(!session.assign_member(name, None).unwrap());
    }
    assert!(!session.assign_member("n", Some("1.0")).unwrap());
    assert!(session.assign_member("n", Some(" 2 ")).unwrap());
    assert!(session.assign_member("n", None).unwrap());
    assert_eq!(session.data_json(), "{}");
    session.reload().await.unwrap();
}
