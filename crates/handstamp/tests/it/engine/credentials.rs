use handstamp::{CookieConfig, Transport};

use super::*;

/// A request with these headers.
async fn request(sessions: &SessionManager, headers: &[(&str, &str)]) -> Session {
    let values = |name: &str| {
        let name = name.to_owned();
        headers.iter().filter(move |(header, _)| *header == name).map(|(_, value)| value.as_bytes())
    };
    sessions.load(values).await.unwrap()
}

/// A session with a key in it, and the credential as it stands in its header.
async fn stored(sessions: &SessionManager, headers: &[(&str, &str)]) -> (String, String) {
    let session = request(sessions, headers).await;
    session.insert("key", 1).unwrap();
    let answer = sessions.commit(&session).await.unwrap();
    let header = answer.credential().unwrap();
    (header.name.clone(), header.value.clone())
}

fn pair(cookie: &str) -> &str {
    cookie.split(';').next().unwrap()
}

// S5, S7, CVE-2024-38513, PEERS 7 and 8: a client never chooses an id.
#[tokio::test]
async fn an_id_that_came_from_elsewhere_is_never_adopted() {
    let app = App::new();
    let elsewhere = App::new();
    let (_, foreign) = stored(&elsewhere.sessions, &[]).await;
    let wrong_key = SessionManager::new(MemoryStore::new(), Keys::new(OLD_SECRET).unwrap());
    let (_, forged) = stored(&wrong_key, &[]).await;
    let name = "__Host-session";
    let cookies = [
        pair(&foreign).to_owned(),
        pair(&forged).to_owned(),
        format!("{name}=chosen-by-the-client"),
        format!("{name}=s%3Achosen-by-the-client"),
        format!("{name}=s%3Achosen.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        format!("{name}=../../etc/passwd"),
        format!("{name}="),
        format!("{name}={}", "a".repeat(1 << 20)),
    ];
    for cookie in cookies {
        let mut browser = Browser { cookie: Some(cookie.clone()), ..app.browser() };
        let untouched = browser.request().await.unwrap();
        assert!(untouched.is_new());
        assert!(
            browser.respond(untouched).await.unwrap().credential().is_none(),
            "untouched: nothing"
        );
        let chosen = browser.id();
        browser.insert("key", 1).await;
        assert_ne!(browser.id(), chosen);
        assert_eq!(browser.get("key").await, Some(1));
    }
    assert!(app.saw("Forged") && app.saw("UnknownId"));
}

// S3: whoever reads the store gets nothing that can be presented.
#[tokio::test]
async fn ids_from_a_stolen_store_are_refused_in_every_transport() {
    let ways = [Transport::cookie(), Transport::bearer(), Transport::header("x-auth-token")];
    let app = App::with(SessionConfig::strict().with_transports(ways));
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let id = browser.id().unwrap();
    for stolen in
        [id.as_str().to_owned(), format!("s:{}", id.as_str()), format!("s:{}.", id.as_str())]
    {
        let headers = [
            ("cookie", format!("__Host-session={stolen}")),
            ("authorization", format!("Bearer {stolen}")),
            ("x-auth-token", stolen),
        ];
        for (name, value) in &headers {
            assert!(request(&app.sessions, &[(name, value)]).await.is_new(), "{name}");
        }
    }
    app.store.reset_calls();
    request(&app.sessions, &[("x-auth-token", id.as_str())]).await;
    assert_eq!(app.store.total_calls(), 0, "S4: not even looked up");
}

// PEERS: better-auth trusted unsigned cookies on sign-out, so anybody could end anybody's session.
#[tokio::test]
async fn a_forged_credential_ends_nobodys_session_in_any_transport() {
    let ways = [Transport::cookie(), Transport::bearer(), Transport::header("x-auth-token")];
    let app = App::with(SessionConfig::strict().with_transports(ways));
    let mut victim = app.browser();
    victim.visit(|session| session.login("alice")).await;
    let id = victim.id().unwrap();
    // Another application signs the same id with its own secret.
    let foreign = SessionManager::new(MemoryStore::new(), Keys::new(OLD_SECRET).unwrap())
        .with_id_generator(move || Ok(id));
    let mut stranger = Browser::new(&foreign);
    stranger.insert("key", 1).await;
    let foreign = stranger.cookie.unwrap().replace("__Host-session=", "");
    let good = victim.cookie.clone().unwrap().replace("__Host-session=", "");
    let (signed, _) = good.rsplit_once('.').unwrap();
    let forged = [id.as_str().to_owned(), signed.to_owned(), format!("{signed}."), foreign];
    for credential in forged {
        let headers = [
            ("cookie", format!("__Host-session={credential}")),
            ("authorization", format!("Bearer {credential}")),
            ("x-auth-token", credential),
        ];
        for (name, value) in &headers {
            for end in [Session::destroy, Session::logout, Session::regenerate] {
                app.store.reset_calls();
                let session = request(&app.sessions, &[(name, value)]).await;
                assert_eq!((session.id(), session.owner()), (None, None), "{name}");
                end(&session).unwrap();
                app.sessions.commit(&session).await.unwrap();
                assert_eq!(app.store.total_calls(), 0, "{name}");
            }
        }
    }
    assert_eq!(victim.visit(|session| Ok(session.owner())).await.as_deref(), Some("alice"));
}

// S8: express-session lets a bad first cookie hide a good second one.
#[tokio::test]
async fn of_cookies_that_come_twice_the_good_one_counts() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let good = browser.cookie.clone().unwrap();
    let mut other = app.browser();
    other.insert("key", 2).await;
    let dead = other.cookie.clone().unwrap();
    other.visit(Session::destroy).await;
    let bad = "__Host-session=s%3Aabc.def";
    for header in [
        format!("{bad}; {good}"),
        format!("{good}; {bad}"),
        format!("{dead}; {good}"),
        format!("{good}; {dead}"),
        format!("{bad}; {dead}; x=1; {good}"),
    ] {
        let session = request(&app.sessions, &[("cookie", &header)]).await;
        assert_eq!(session.get::<i64>("key").unwrap(), Some(1), "{header}");
        let session = request(&app.sessions, &[("cookie", bad), ("cookie", &good)]).await;
        assert_eq!(
            session.get::<i64>("key").unwrap(),
            Some(1),
            "two headers, as HTTP/2 sends them"
        );
    }
}

// S8: whoever can plant cookies (a neighbouring host) plants well-signed ones of sessions that are over.
#[tokio::test]
async fn dead_cookies_in_front_of_a_good_one_neither_hide_it_nor_cost_much() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let good = browser.cookie.clone().unwrap();
    let mut dead = Vec::new();
    for _ in 0..50 {
        let mut other = app.browser();
        other.insert("key", 2).await;
        dead.extend(other.cookie.clone());
        other.visit(Session::destroy).await;
    }
    let ask = async |cookies: &[String]| {
        let header = format!("{}; {good}", cookies.join("; "));
        app.store.reset_calls();
        let session = request(&app.sessions, &[("cookie", &header)]).await;
        (session.get::<i64>("key").unwrap(), app.store.total_calls())
    };
    assert_eq!(ask(&dead[..7]).await, (Some(1), 8), "each is asked for");
    assert_eq!(ask(&vec![dead[0].clone(); 50]).await, (Some(1), 2), "each is asked for once");
    assert_eq!(ask(&dead).await, (None, 8), "and there is an end to it");
}

#[tokio::test]
async fn an_old_key_verifies_and_the_credential_is_issued_anew() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let old = browser.cookie.clone();
    let rotated = Keys::new(OLD_SECRET).unwrap().with_old(SECRET).unwrap();
    let sessions = app.again(SessionConfig::strict(), rotated);
    let mut browser = browser.at(&sessions);
    let id = browser.id();
    assert_eq!(browser.get("key").await, Some(1));
    assert_ne!(browser.cookie, old);
    assert_eq!(browser.id(), id, "the same session under a new signature");
    let only_new = app.again(SessionConfig::strict(), Keys::new(OLD_SECRET).unwrap());
    assert_eq!(browser.at(&only_new).get("key").await, Some(1));
    assert!(Browser { cookie: old, ..browser.at(&only_new) }.request().await.unwrap().is_new());
}

#[tokio::test]
async fn every_transport_carries_a_signed_credential_both_ways() {
    let ways = [
        (Transport::bearer(), "authorization", "session-token", "Bearer "),
        (Transport::header("X-Auth-Token"), "x-auth-token", "x-auth-token", ""),
    ];
    for (way, asks, answers, scheme) in ways {
        let app = App::with(SessionConfig::strict().with_transports([way]));
        let (name, credential) = stored(&app.sessions, &[]).await;
        assert_eq!(name, answers);
        assert!(credential.starts_with("s:") && credential.len() == 78, "{credential}");
        let sent = format!("{scheme}{credential}");
        let session = request(&app.sessions, &[(asks, &sent)]).await;
        assert_eq!(session.get::<i64>("key").unwrap(), Some(1));
        session.destroy().unwrap();
        let answer = app.sessions.commit(&session).await.unwrap();
        let header = answer.credential().unwrap();
        assert_eq!((header.name.as_str(), header.value.as_str()), (answers, ""));
        let cookie = format!("__Host-session={credential}");
        assert!(
            request(&app.sessions, &[("cookie", &cookie)]).await.is_new(),
            "not a way that was chosen"
        );
    }
}

#[tokio::test]
async fn the_answer_takes_the_way_by_which_the_request_came() {
    let app = App::with(
        SessionConfig::strict().with_transports([Transport::cookie(), Transport::bearer()]),
    );
    assert_eq!(stored(&app.sessions, &[]).await.0, "set-cookie", "the first way, if nothing came");
    assert_eq!(
        stored(&app.sessions, &[("authorization", "Bearer s:expired")]).await.0,
        "session-token"
    );
    assert_eq!(stored(&app.sessions, &[("cookie", "__Host-session=x")]).await.0, "set-cookie");
    assert_eq!(stored(&app.sessions, &[("authorization", "Basic eDp5")]).await.0, "set-cookie");
    let foreign = "Bearer eyJhbGciOiJIUzI1NiJ9.e30.ZRrHA1JJJW8opsbCGfG_HACGpVUMN_a9IV7pAx_Zmeo";
    assert_eq!(stored(&app.sessions, &[("authorization", foreign)]).await.0, "set-cookie");
    let (_, cookie) = stored(&app.sessions, &[]).await;
    let (_, token) = stored(&app.sessions, &[("authorization", "bearer s:none")]).await;
    let bearer = format!("bEaReR  {token}");
    let session =
        request(&app.sessions, &[("authorization", &bearer), ("cookie", pair(&cookie))]).await;
    session.rotate().unwrap();
    assert_eq!(
        app.sessions.commit(&session).await.unwrap().credential().unwrap().name,
        "set-cookie",
        "the first way wins"
    );
    assert_eq!(app.sessions.commit(&session).await.unwrap().vary(), Some("Cookie, Authorization"));
}

// S19: what removes the cookie has its name, domain, path and partition.
#[tokio::test]
async fn the_removal_repeats_the_cookies_attributes() {
    let cookie =
        CookieConfig::strict().with_name("__Secure-s").with_domain("example.com").with_path("/app");
    let app = App::with(SessionConfig::strict().with_cookie(cookie));
    let (_, cookie) = stored(&app.sessions, &[]).await;
    let session = request(&app.sessions, &[("cookie", pair(&cookie))]).await;
    session.destroy().unwrap();
    let answer = app.sessions.commit(&session).await.unwrap();
    assert_eq!(
        answer.credential().unwrap().value,
        "__Secure-s=; Max-Age=0; Domain=example.com; Path=/app; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax"
    );
}

// S20
#[tokio::test]
async fn answers_that_used_a_session_are_kept_from_caches() {
    let app = App::new();
    let session = app.browser().request().await.unwrap();
    let answer = app.sessions.commit(&session).await.unwrap();
    assert_eq!(answer.vary(), Some("Cookie"));
    for (current, expected) in [
        (None, Some("no-store")),
        (Some("public, max-age=60"), Some("no-store")),
        (Some("max-age=60"), Some("no-store")),
        (Some("private, max-age=60"), None),
        (Some("max-age=0, No-Store"), None),
    ] {
        assert_eq!(answer.cache_control(current.map(str::as_bytes)), expected, "{current:?}");
    }
    let off = App::with(SessionConfig::strict().with_cache_headers(false));
    let session = off.browser().request().await.unwrap();
    let answer = off.sessions.commit(&session).await.unwrap();
    assert_eq!((answer.vary(), answer.cache_control(None)), (None, None));
}

// S1, S2
#[test]
fn a_hundred_thousand_ids_are_random_opaque_and_all_different() {
    let ids: std::collections::HashSet<SessionId> =
        (0..100_000).map(|_| SessionId::random().unwrap()).collect();
    assert_eq!(ids.len(), 100_000);
    let mut counts = [0f64; 256];
    for id in &ids {
        let text = id.as_str();
        assert_eq!(text.len(), 32);
        assert!(SessionId::parse(text).is_some());
        text.bytes().for_each(|byte| counts[usize::from(byte)] += 1.0);
    }
    let used: Vec<f64> = counts.into_iter().filter(|count| *count > 0.0).collect();
    assert_eq!(used.len(), 64, "base64url");
    let expected = 3_200_000.0 / 64.0;
    let chi_square: f64 = used.iter().map(|count| (count - expected).powi(2) / expected).sum();
    // 63 degrees of freedom: above 150 once in 10^8 runs.
    assert!(chi_square < 150.0, "{chi_square}");
}
