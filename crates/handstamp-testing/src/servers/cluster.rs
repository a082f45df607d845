//! A Redis Cluster of three masters with one replica each.

use std::path::PathBuf;
use std::thread;

use super::certificate::Certificate;
use super::folder::Folder;
use super::program;
use super::redis::{Redis, RedisOptions, RedisProgram};
use super::server;

/// Three masters and three replicas. A master that is silent for two seconds is replaced by its replica.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Redis>,
    /// The certificate that they share if they speak TLS, and where it is.
    certificate: Option<(Certificate, Folder)>,
}

impl Cluster {
    /// The slots of a cluster: 0 to 16383.
    pub const SLOTS: u16 = 16_384;

    /// Starts one of Redis that is nobody else's.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(RedisProgram::Redis)
    }

    /// Starts one of this program that is nobody else's, and waits until it takes commands and every replica
    /// has what its master has.
    #[must_use]
    pub fn start_with(program: RedisProgram) -> Self {
        Self::start_nodes(&RedisOptions { program, ..RedisOptions::default() })
    }

    /// Starts one of Redis that is nobody else's and speaks TLS, and nothing else, also among its nodes.
    #[must_use]
    pub fn start_with_tls() -> Self {
        Self::start_nodes(&RedisOptions { tls: true, ..RedisOptions::default() })
    }

    fn start_nodes(options: &RedisOptions) -> Self {
        let options = &RedisOptions { clustered: true, ..options.clone() };
        let certificate = options.tls.then(Certificate::create_apart);
        let shared = certificate.as_ref().map(|(certificate, _)| certificate);
        let nodes = thread::scope(|scope| {
            let start = || Redis::start_among(options.clone(), shared);
            let starts: Vec<_> = (0..6).map(|_| scope.spawn(start)).collect();
            starts.into_iter().map(|start| start.join().expect("the node has started")).collect()
        });
        let cluster = Self { nodes, certificate };
        cluster.create();
        server::wait_until("the cluster is whole", || cluster.is_whole());
        cluster
    }

    /// Its nodes, masters and replicas. Each can be killed and started again; as nothing is written to disk
    /// but who is in the cluster, it comes back empty.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The file with the certificate, in PEM, that clients have to trust, if it speaks TLS.
    pub fn authority(&self) -> Option<PathBuf> {
        self.certificate.as_ref().map(|(certificate, _)| certificate.authority())
    }

    /// The URLs of its nodes: `redis://127.0.0.1:PORT`, or `rediss://…` with TLS.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// The slot that a key is in.
    pub fn slot_of(&self, key: &str) -> u16 {
        self.witness().ask(&["CLUSTER", "KEYSLOT", key]).parse().expect("the answer is a number")
    }

    /// The master of a slot, as the first node that runs sees it.
    ///
    /// # Panics
    ///
    /// When that node knows of none.
    pub fn master_of(&self, slot: u16) -> &Redis {
        let members = self.members();
        let master = members.iter().find(|member| member.is_master && member.has(slot));
        self.node(master.unwrap_or_else(|| panic!("slot {slot} has no master")))
    }

    /// The replicas of a master, as the first node that runs sees it.
    pub fn replicas_of(&self, master: &Redis) -> Vec<&Redis> {
        let members = self.members();
        let id = &member_on(&members, master.port()).id;
        members
            .iter()
            .filter(|member| member.master == *id)
            .map(|member| self.node(member))
            .collect()
    }

    /// Moves a slot and the keys in it to another master, while the cluster goes on.
    pub fn move_slot(&self, slot: u16, target: &Redis) {
        let source = self.begin_move(slot, target);
        self.move_keys(slot, source, target);
        self.finish_move(slot, source, target);
    }

    /// Begins to move a slot and gives its present master, which from now on answers `ASK` for keys that it
    /// does not have.
    pub fn begin_move(&self, slot: u16, target: &Redis) -> &Redis {
        let source = self.master_of(slot);
        let members = self.members();
        let id = |node: &Redis| member_on(&members, node.port()).id.clone();
        target.ask(&["CLUSTER", "SETSLOT", &slot.to_string(), "IMPORTING", &id(source)]);
        source.ask(&["CLUSTER", "SETSLOT", &slot.to_string(), "MIGRATING", &id(target)]);
        source
    }

    /// Moves the keys of a slot for which [`begin_move`](Self::begin_move) was called.
    pub fn move_keys(&self, slot: u16, source: &Redis, target: &Redis) {
        loop {
            let keys = source.ask(&["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), "100"]);
            let keys: Vec<&str> = keys.lines().collect();
            if keys.is_empty() {
                return;
            }
            let port = target.port().to_string();
            let migrate = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            source.ask(&[&migrate, &keys[..]].concat());
        }
    }

    /// Ends what [`begin_move`](Self::begin_move) began: the slot belongs to its new master, and all masters
    /// that run know it.
    pub fn finish_move(&self, slot: u16, source: &Redis, target: &Redis) {
        let members = self.members();
        let id = &member_on(&members, target.port()).id;
        let others =
            members.iter().filter(|member| member.is_master).map(|member| self.node(member));
        // The target first: if the source gave the slot away before, nobody would have it for a moment.
        for node in [target, source].into_iter().chain(others) {
            if node.is_running() {
                node.ask(&["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", id]);
            }
        }
    }

    fn create(&self) {
        let mut command = self.witness().cli();
        command.args(["--cluster", "create"]).args(self.nodes.iter().map(|node| node.address()));
        program::run(command.args(["--cluster-replicas", "1", "--cluster-yes"]));
    }

    /// Whether all nodes agree that all slots are served and every replica follows its master.
    fn is_whole(&self) -> bool {
        self.nodes.iter().all(|node| {
            let is_ok = node.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok");
            let members = members(&node.ask(&["CLUSTER", "NODES"]));
            let replicas = members.iter().filter(|member| !member.is_master).count();
            let role = node.info("role");
            let follows = node.info("master_link_status").is_none_or(|status| status == "up");
            is_ok && replicas == 3 && role.is_some() && follows
        })
    }

    fn witness(&self) -> &Redis {
        self.nodes.iter().find(|node| node.is_running()).expect("a node runs")
    }

    fn members(&self) -> Vec<Member> {
        members(&self.witness().ask(&["CLUSTER", "NODES"]))
    }

    fn node(&self, member: &Member) -> &Redis {
        let node = self.nodes.iter().find(|node| node.port() == member.port);
        node.expect("every member is a node of ours")
    }
}

/// A line of `CLUSTER NODES`.
#[derive(Debug, PartialEq)]
struct Member {
    id: String,
    port: u16,
    is_master: bool,
    /// The id of its master, or `-`.
    master: String,
    /// The first and the last of each range of slots.
    slots: Vec<(u16, u16)>,
}

impl Member {
    fn has(&self, slot: u16) -> bool {
        self.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }
}

fn member_on(members: &[Member], port: u16) -> &Member {
    let member = members.iter().find(|member| member.port == port);
    member.unwrap_or_else(|| panic!("no member of the cluster is on port {port}"))
}

/// Reads the answer to `CLUSTER NODES`. A master that has failed is none any more.
fn members(answer: &str) -> Vec<Member> {
    answer.lines().filter_map(member).collect()
}

fn member(line: &str) -> Option<Member> {
    let mut words = line.split_whitespace();
    let (id, address, flags, master) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let port = address.split(['@', ',']).next()?.rsplit(':').next()?.parse().ok()?;
    let flags: Vec<&str> = flags.split(',').collect();
    let is_master = flags.contains(&"master") && !flags.contains(&"fail");
    // Ping, pong, epoch and state stand between; slots on the move are in brackets.
    let slots = words.skip(4).filter_map(range).collect();
    Some(Member { id: id.into(), port, is_master, master: master.into(), slots })
}

/// `5-7` or `5`.
fn range(word: &str) -> Option<(u16, u16)> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_from_the_answer_of_a_node() {
        let answer = "\
aa 127.0.0.1:7001@8001 myself,master - 0 0 1 connected 0-5460 5462 [5461->-bb]
bb 127.0.0.1:7002@8002,localhost master,fail - 0 0 2 disconnected
cc 127.0.0.1:7003@8003 slave aa 0 0 1 connected
";
        let member = |id: &str, port, is_master, master: &str, slots: &[(u16, u16)]| Member {
            id: id.into(),
            port,
            is_master,
            master: master.into(),
            slots: slots.to_vec(),
        };
        assert_eq!(
            members(answer),
            [
                member("aa", 7001, true, "-", &[(0, 5460), (5462, 5462)]),
                member("bb", 7002, false, "-", &[]),
                member("cc", 7003, false, "aa", &[]),
            ]
        );
    }
}
