use handstamp::store::StoreErrorKind;
use handstamp_redis::RedisOptions;
use handstamp_testing::servers::{
    Cluster, Redis, RedisOptions as ServerOptions, Sentinel, SentinelOptions,
};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::connections::assert_works;
use crate::support::{cluster_url, failed, sentinel_url};

#[tokio::test]
async fn tls_works_with_an_authority_of_ones_own_and_is_refused_without() {
    let server = Redis::start(ServerOptions { tls: true, ..ServerOptions::default() });
    let options = RedisOptions::new().ca_file(server.authority().unwrap());
    assert_works(&options.connect(&server.url()).await.unwrap()).await;
    assert_untrusted(&RedisOptions::new(), &server.url(), "UnknownIssuer").await;
    let elsewhere = elsewhere(server.address()).await;
    assert_untrusted(&options, &format!("rediss://{elsewhere}"), OTHER_NAME).await;

    let options = RedisOptions::new().ca_file("/no/such/file.pem");
    let text = failed(options.connect(&server.url()).await, StoreErrorKind::Refused);
    assert!(text.contains("/no/such/file.pem"), "{text}");
}

#[tokio::test]
async fn a_cluster_that_speaks_tls_is_trusted_and_refused_likewise() {
    let cluster = Cluster::start_with_tls();
    let options = RedisOptions::new().ca_file(cluster.authority().unwrap());
    let url = secure(&cluster_url(&cluster));
    let store = options.connect(&url).await.unwrap();
    assert_works(&store).await;
    assert_untrusted(&RedisOptions::new(), &url, "UnknownIssuer").await;
    let elsewhere = elsewhere(cluster.nodes()[0].address()).await;
    assert_untrusted(&options, &format!("rediss+cluster://{elsewhere}"), OTHER_NAME).await;
}

#[tokio::test]
async fn sentinels_that_speak_tls_are_trusted_and_refused_likewise() {
    let tls = SentinelOptions { tls: true, ..SentinelOptions::default() };
    let sentinel = Sentinel::start_with(tls);
    let options = RedisOptions::new().ca_file(sentinel.authority().unwrap());
    let url = secure(&sentinel_url(&sentinel));
    assert_works(&options.connect(&url).await.unwrap()).await;
    assert_untrusted(&RedisOptions::new(), &url, "UnknownIssuer").await;
    let elsewhere = elsewhere(sentinel.sentinels()[0].address()).await;
    let url = format!("rediss+sentinel://{elsewhere}/{}", Sentinel::MASTER);
    assert_untrusted(&options, &url, OTHER_NAME).await;
}

/// The same URL, by TLS.
fn secure(url: &str) -> String {
    url.replacen("redis+", "rediss+", 1)
}

/// What is said of a certificate that names other hosts.
const OTHER_NAME: &str = "certificate not valid for name";

async fn assert_untrusted(options: &RedisOptions, url: &str, why: &str) {
    let text = failed(options.connect(url).await, StoreErrorKind::Unavailable);
    assert!(text.contains(why), "{url}: {text}");
}

/// An address of a server that its certificate does not name.
async fn elsewhere(server: String) -> String {
    let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    address
}
