use std::time::Duration;

use handstamp::SessionStore;
use handstamp::store::StoreErrorKind;
use handstamp_testing::servers;

use crate::support::{ask, id, living, options, put, record, said, table};

const HOUR: Duration = Duration::from_secs(3600);

/// The URL of a database of its own with this time zone, as an administrator sets it.
fn database(zone: &str) -> String {
    let database = format!("database_of_{}", table());
    ask(&format!("CREATE DATABASE {database}"));
    ask(&format!("ALTER DATABASE {database} SET timezone TO '{zone}'"));
    servers::postgres().url_of(&database)
}

/// Runs SQL there, as a client that sets nothing.
async fn there(url: &str, sql: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let messages = client.simple_query(sql).await.unwrap();
    let rows = messages.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    rows.collect()
}

fn old_set(table: &str, sid: &str) -> String {
    format!(
        "INSERT INTO {table} (sid, sess, expire)
         SELECT '{sid}', '{{}}', to_timestamp(date_part('epoch', now()) + 3600)"
    )
}

fn old_get(table: &str, sid: &str) -> String {
    format!(
        "SELECT sid FROM {table} WHERE sid = '{sid}'
         AND expire >= to_timestamp(date_part('epoch', now()))"
    )
}

fn assert_an_hour(remaining: Duration) {
    assert!(remaining.abs_diff(HOUR) < Duration::from_secs(20), "{remaining:?} are left");
}

#[tokio::test]
async fn we_agree_with_old_writers_of_the_servers_time_zone() {
    for zone in ["Europe/Berlin", "America/New_York", "UTC"] {
        let (url, table) = (database(zone), table());
        let store = options(&table).connect(&url).await.unwrap();
        put(&store, &id("ours"), &record("{}")).await;
        there(&url, &old_set(&table, "theirs")).await;

        assert_eq!(there(&url, &old_get(&table, "ours")).await, ["ours"], "{zone}");
        assert_an_hour(living(&store, &id("theirs")).await.remaining);
        let local = format!(
            "SELECT sid FROM {table} WHERE abs(extract(epoch FROM
             expire - (now() AT TIME ZONE '{zone}')) - 3600) < 20 ORDER BY sid"
        );
        assert_eq!(there(&url, &local).await, ["ours", "theirs"], "{zone}");
        assert_eq!(store.reap().await.unwrap(), 0);
    }
}

/// The trap: one of them sets a time zone of its own.
#[tokio::test]
async fn an_old_writer_of_another_time_zone_is_understood_when_its_zone_is_named() {
    let (url, table) = (database("Europe/Berlin"), table());
    let unaware = options(&table).connect(&url).await.unwrap();
    let aware = options(&table).time_zone("America/New_York").connect(&url).await.unwrap();
    let in_new_york = |sql: String| format!("SET timezone TO 'America/New_York'; {sql}");
    there(&url, &in_new_york(old_set(&table, "theirs"))).await;

    // In Berlin it has been over for five hours.
    assert!(unaware.load(&id("theirs")).await.unwrap().is_none());
    assert_an_hour(living(&aware, &id("theirs")).await.remaining);
    assert_eq!(aware.reap().await.unwrap(), 0);

    put(&aware, &id("ours"), &record("{}")).await;
    assert!(aware.touch(&id("ours"), HOUR).await.unwrap());
    assert_an_hour(living(&aware, &id("ours")).await.remaining);
    assert_eq!(there(&url, &in_new_york(old_get(&table, "ours"))).await, ["ours"]);
    assert_eq!(unaware.reap().await.unwrap(), 2);
}

/// On 28 October 2029 Berlin's clocks show 02:30 twice: at 00:30 and at 01:30 in UTC. The column does not
/// tell which. It is read as the later one by PostgreSQL, so by old writers, so by us.
#[tokio::test]
async fn an_end_in_the_hour_that_comes_twice_is_the_later_one() {
    let (url, table) = (database("Europe/Berlin"), table());
    for store in [
        options(&table).connect(&url).await.unwrap(),
        options(&table).time_zone("Europe/Berlin").connect(&url).await.unwrap(),
    ] {
        store.scan().unwrap().clear().await.unwrap();
        there(&url, &format!("INSERT INTO {table} VALUES ('a', '{{}}', '2029-10-28 02:30')")).await;
        let until = "SELECT floor(extract(epoch FROM '2029-10-28 01:30Z'::timestamptz - now()))";
        let expected: u64 = there(&url, until).await[0].parse().unwrap();
        let remaining = living(&store, &id("a")).await.remaining.as_secs();
        assert!(remaining.abs_diff(expected) < 20, "{remaining} s instead of {expected} s");
    }
}

#[tokio::test]
async fn a_time_zone_that_is_none_is_refused_and_named() {
    let options = options(&table()).time_zone("Europe/Entenhausen'");
    let error = options.connect(&servers::postgres().url()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(said(&error).contains("Entenhausen"), "{}", said(&error));
}
