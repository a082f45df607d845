//! Servers for tests that are not written in Rust.
//!
//! `handstamp-servers redis postgres-proxy cluster` starts what is named, prints one line of JSON that says
//! where each is, and then does what it reads, one command a line, each answered by one line: `ok` or
//! `error: …`. When there is nothing more to read, or this process is killed, all ends.
//!
//! | name | in the JSON |
//! |---|---|
//! | `redis`, `valkey`, `redis-user`, `redis-tls` | its URL |
//! | `postgres`, `postgres-tls`, `pgbouncer`, `mariadb`, `mariadb-tls` | its URL |
//! | `cluster` | the URLs of its nodes |
//! | `sentinel` | `{"addresses": […], "master": "handstamp"}` |
//! | any of the first two lines and `-proxy` | the URL through a proxy |
//! | `redis`, `valkey`, `postgres`, `mariadb` and `-socket` | the URL by its Unix socket |
//!
//! What speaks TLS also has a `…-tls-authority` there: the file with the certificate to trust. What a proxy,
//! a socket or PgBouncer stands before is started and named, too.
//!
//! | command | what it does |
//! |---|---|
//! | `kill`, `start`, `restart`, `pause`, `resume` and a server | as the methods of `Server` |
//! | `cut`, `black-hole`, `refuse`, `heal` and a proxy; `delay PROXY MILLISECONDS`, `cut-after PROXY BYTES` | as the methods of `Proxy` |
//! | `move cluster KEY` | moves the slot of this key to another master |
//!
//! A server is a name; `cluster INDEX`, a node as listed; `cluster master KEY`, the node that is the master
//! of this key's slot; `sentinel INDEX`, a node of the three; `sentinel master`, the present master.

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    unix::main()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("error: the servers run on Unix systems only");
}

#[cfg(unix)]
mod unix {
    use std::collections::BTreeMap;
    use std::env;
    use std::io;
    use std::process::ExitCode;
    use std::str::FromStr;
    use std::thread;
    use std::time::Duration;

    use handstamp_testing::servers::{
        Cluster, MariaDb, PgBouncer, Postgres, PostgresOptions, Proxy, Redis, RedisOptions,
        RedisProgram, Sentinel, Server,
    };
    use serde_json::{Map, Value, json};

    pub(crate) fn main() -> ExitCode {
        let names: Vec<String> = env::args().skip(1).collect();
        let fleet = match Fleet::start(&names) {
            Ok(fleet) => fleet,
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::from(2);
            }
        };
        println!("{}", Value::Object(fleet.places()));
        for line in io::stdin().lines().map_while(Result::ok) {
            match fleet.obey(&line) {
                Ok(()) => println!("ok"),
                Err(error) => println!("error: {error}"),
            }
        }
        ExitCode::SUCCESS
    }

    /// What runs, by name.
    struct Fleet {
        // Before the servers, so that it is dropped before what it stands before.
        fronts: BTreeMap<String, Front>,
        backs: BTreeMap<String, Back>,
    }

    /// What stands before a server.
    enum Front {
        PgBouncer(PgBouncer),
        Proxy { proxy: Proxy, url: String },
        Socket { url: String },
    }

    /// What stands alone.
    enum Back {
        Cluster(Cluster),
        MariaDb(MariaDb),
        Postgres(Postgres),
        Redis(Redis),
        Sentinel(Sentinel),
    }

    impl Fleet {
        /// Starts what is named and what that stands before.
        fn start(names: &[String]) -> Result<Self, String> {
            let mut fleet = Self { fronts: BTreeMap::new(), backs: start_backs(names)? };
            if names.iter().any(|name| behind(name) == "pgbouncer") {
                let Some(Back::Postgres(postgres)) = fleet.backs.get("postgres") else {
                    unreachable!("PostgreSQL is started for PgBouncer")
                };
                let front = Front::PgBouncer(PgBouncer::start(postgres));
                fleet.fronts.insert("pgbouncer".into(), front);
            }
            for name in names.iter().filter(|name| name.ends_with(PROXY)) {
                let (address, url) = fleet.entrance(behind(name))?;
                let proxy = Proxy::start(address.clone());
                let url = url.replace(&address, &proxy.address());
                fleet.fronts.insert(name.clone(), Front::Proxy { proxy, url });
            }
            for name in names.iter().filter(|name| name.ends_with(SOCKET)) {
                let url = fleet.socket(behind(name))?;
                fleet.fronts.insert(name.clone(), Front::Socket { url });
            }
            Ok(fleet)
        }

        /// Where everything is.
        fn places(&self) -> Map<String, Value> {
            let mut places = Map::new();
            for (name, back) in &self.backs {
                let place = match back {
                    Back::Cluster(cluster) => json!(cluster.urls()),
                    Back::MariaDb(mariadb) => json!(mariadb.url()),
                    Back::Postgres(postgres) => json!(postgres.url()),
                    Back::Redis(redis) => json!(redis.url()),
                    Back::Sentinel(sentinel) => {
                        json!({ "addresses": sentinel.addresses(), "master": Sentinel::MASTER })
                    }
                };
                places.insert(name.clone(), place);
                let authority = match back {
                    Back::MariaDb(mariadb) => mariadb.authority(),
                    Back::Postgres(postgres) => postgres.authority(),
                    Back::Redis(redis) => redis.authority(),
                    _ => None,
                };
                if let Some(file) = authority {
                    places.insert(format!("{name}-authority"), json!(file));
                }
            }
            for (name, front) in &self.fronts {
                let url = match front {
                    Front::PgBouncer(pgbouncer) => pgbouncer.url(),
                    Front::Proxy { url, .. } | Front::Socket { url } => url.clone(),
                };
                places.insert(name.clone(), json!(url));
            }
            places
        }

        /// Does what a line says.
        fn obey(&self, line: &str) -> Result<(), String> {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [command, target @ ..] = &words[..] else { return Err("an empty line".into()) };
            match *command {
                "kill" => self.server(target)?.kill(),
                "start" => self.server(target)?.start_again(),
                "restart" => self.server(target)?.restart(),
                "pause" => self.server(target)?.pause(),
                "resume" => self.server(target)?.resume(),
                "cut" => self.proxy(target)?.cut(),
                "black-hole" => self.proxy(target)?.black_hole(),
                "refuse" => self.proxy(target)?.refuse(),
                "heal" => self.proxy(target)?.heal(),
                "delay" => {
                    let (target, milliseconds) = with_number(target)?;
                    self.proxy(target)?.delay(Duration::from_millis(milliseconds));
                }
                "cut-after" => {
                    let (target, bytes) = with_number(target)?;
                    self.proxy(target)?.cut_after(bytes);
                }
                "move" => {
                    let ["cluster", key] = *target else {
                        return Err("move what? `move cluster KEY`".into());
                    };
                    move_slot(self.cluster()?, key);
                }
                _ => return Err(format!("no command is called {command}")),
            }
            Ok(())
        }

        /// The server that these words mean.
        fn server(&self, words: &[&str]) -> Result<&Server, String> {
            let server: &Server = match *words {
                ["cluster", "master", key] => {
                    let cluster = self.cluster()?;
                    cluster.master_of(cluster.slot_of(key))
                }
                ["cluster", index] => node(self.cluster()?.nodes(), index)?,
                ["sentinel", "master"] => self.sentinel()?.master(),
                ["sentinel", index] => node(self.sentinel()?.nodes(), index)?,
                [name] => self.single(name)?,
                _ => return Err(format!("no server is called {:?}", words.join(" "))),
            };
            Ok(server)
        }

        fn single(&self, name: &str) -> Result<&Server, String> {
            match (self.backs.get(name), self.fronts.get(name)) {
                (Some(Back::MariaDb(mariadb)), _) => Ok(mariadb),
                (Some(Back::Postgres(postgres)), _) => Ok(postgres),
                (Some(Back::Redis(redis)), _) => Ok(redis),
                (_, Some(Front::PgBouncer(pgbouncer))) => Ok(pgbouncer),
                _ => Err(format!("no single server is called {name}")),
            }
        }

        fn cluster(&self) -> Result<&Cluster, String> {
            match self.backs.get("cluster") {
                Some(Back::Cluster(cluster)) => Ok(cluster),
                _ => Err("no cluster was started".into()),
            }
        }

        fn sentinel(&self) -> Result<&Sentinel, String> {
            match self.backs.get("sentinel") {
                Some(Back::Sentinel(sentinel)) => Ok(sentinel),
                _ => Err("no Sentinels were started".into()),
            }
        }

        fn proxy(&self, words: &[&str]) -> Result<&Proxy, String> {
            match words {
                [name] => match self.fronts.get(*name) {
                    Some(Front::Proxy { proxy, .. }) => Ok(proxy),
                    _ => Err(format!("no proxy is called {name}")),
                },
                _ => Err(format!("no proxy is called {:?}", words.join(" "))),
            }
        }

        /// The address and the URL of a server that a proxy may stand before.
        fn entrance(&self, name: &str) -> Result<(String, String), String> {
            let address = self.single(name)?.address();
            match self.places().remove(name) {
                Some(Value::String(url)) => Ok((address, url)),
                _ => Err(format!("no proxy stands before {name}")),
            }
        }

        /// The URL of a server by its socket.
        fn socket(&self, name: &str) -> Result<String, String> {
            let url = match self.backs.get(name) {
                Some(Back::MariaDb(mariadb)) => Some(mariadb.url_by_socket()),
                Some(Back::Postgres(postgres)) => Some(postgres.url_by_socket()),
                Some(Back::Redis(redis)) => redis.url_by_socket(),
                _ => None,
            };
            url.ok_or_else(|| format!("no socket leads to {name}"))
        }
    }

    const PROXY: &str = "-proxy";

    const SOCKET: &str = "-socket";

    /// The name of what a proxy or a socket of this name stands before, or else this name.
    fn behind(name: &str) -> &str {
        let behind = name.strip_suffix(PROXY).or_else(|| name.strip_suffix(SOCKET));
        behind.unwrap_or(name)
    }

    /// Starts all that stand alone, side by side.
    fn start_backs(names: &[String]) -> Result<BTreeMap<String, Back>, String> {
        let mut backs: BTreeMap<&str, fn() -> Back> = BTreeMap::new();
        for name in names {
            let name = match behind(name) {
                "pgbouncer" => "postgres",
                name => name,
            };
            let start = starter(name).ok_or_else(|| format!("no server is called {name}"))?;
            backs.insert(name, start);
        }
        Ok(thread::scope(|scope| {
            let starts: Vec<_> =
                backs.iter().map(|(name, start)| (*name, scope.spawn(start))).collect();
            let join = |(name, start): (&str, thread::ScopedJoinHandle<'_, Back>)| {
                (name.to_owned(), start.join().expect("it starts or says why not"))
            };
            starts.into_iter().map(join).collect()
        }))
    }

    fn starter(name: &str) -> Option<fn() -> Back> {
        Some(match name {
            "cluster" => || Back::Cluster(Cluster::start()),
            "mariadb" => || Back::MariaDb(MariaDb::start()),
            "mariadb-tls" => || Back::MariaDb(MariaDb::start_with_tls()),
            "postgres" => || Back::Postgres(Postgres::start(PostgresOptions::default())),
            "postgres-tls" => || {
                Back::Postgres(Postgres::start(PostgresOptions { tls: true, ..Default::default() }))
            },
            "redis" => || redis(RedisOptions { socket: true, ..Default::default() }),
            "redis-tls" => || redis(RedisOptions { tls: true, ..Default::default() }),
            "redis-user" => {
                || redis(RedisOptions { user: Some(("app", "password")), ..Default::default() })
            }
            "sentinel" => || Back::Sentinel(Sentinel::start()),
            "valkey" => || {
                let program = RedisProgram::Valkey;
                redis(RedisOptions { program, socket: true, ..Default::default() })
            },
            _ => return None,
        })
    }

    fn redis(options: RedisOptions) -> Back {
        Back::Redis(Redis::start(options))
    }

    fn node<'a>(nodes: &'a [Redis], index: &str) -> Result<&'a Redis, String> {
        let node = index.parse().ok().and_then(|index: usize| nodes.get(index));
        node.ok_or_else(|| format!("no node is number {index}"))
    }

    /// Moves the slot of a key to the first master that is not its own.
    fn move_slot(cluster: &Cluster, key: &str) {
        let slot = cluster.slot_of(key);
        let source = cluster.master_of(slot).port();
        let masters = (0..Cluster::SLOTS).map(|slot| cluster.master_of(slot));
        let target = masters.into_iter().find(|master| master.port() != source);
        cluster.move_slot(slot, target.expect("the cluster has three masters"));
    }

    /// Parts a number from the words before it.
    fn with_number<'a, 'b, N: FromStr>(words: &'a [&'b str]) -> Result<(&'a [&'b str], N), String> {
        let parted = words.split_last();
        let parted = parted.and_then(|(number, words)| Some((words, number.parse().ok()?)));
        parted.ok_or_else(|| "a number is missing at the end".into())
    }
}
