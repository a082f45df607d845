//! Which master has which slots, as `CLUSTER SLOTS` tells.

use redis::{ErrorKind, RedisError, RedisResult, Value, from_redis_value};

use super::dialer::Address;

/// The slots and their masters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Map(Vec<Range>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    first: u16,
    last: u16,
    host: String,
    port: u16,
}

impl Range {
    fn master(&self) -> Address {
        Address::Tcp(self.host.clone(), self.port)
    }
}

impl Map {
    /// Reads the answer of a server. One that does not know its own name is where we have asked it.
    pub(crate) fn parse(answer: Value, asked: &Address) -> RedisResult<Self> {
        let ranges: Vec<Vec<Value>> = from_redis_value(answer)?;
        let mut ranges: Vec<Range> = ranges
            .into_iter()
            .map(|range| parse(range, asked))
            .collect::<Option<_>>()
            .ok_or_else(no_map)?;
        ranges.sort();
        Ok(Self(ranges))
    }

    /// The master of a slot, if it has one.
    pub(crate) fn master(&self, slot: u16) -> Option<Address> {
        let after = self.0.partition_point(|range| range.first <= slot);
        let range = self.0.get(after.checked_sub(1)?)?;
        (slot <= range.last).then(|| range.master())
    }

    /// All masters that have slots, in an order that depends on nothing else.
    pub(crate) fn masters(&self) -> Vec<Address> {
        let mut masters: Vec<Address> = Vec::new();
        for range in &self.0 {
            let master = range.master();
            if !masters.contains(&master) {
                masters.push(master);
            }
        }
        masters
    }

    /// Tells one map from another.
    pub(crate) fn fingerprint(&self) -> u64 {
        // FNV-1a: it has to be the same in every process that shares the Cluster.
        let text = format!("{:?}", self.0);
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }
}

/// `[first, last, [host, port, id, …], …replicas]`.
fn parse(range: Vec<Value>, asked: &Address) -> Option<Range> {
    let mut range = range.into_iter();
    let mut number = || from_redis_value::<u16>(range.next()?).ok();
    let (first, last) = (number()?, number()?);
    let Value::Array(master) = range.next()? else { return None };
    let mut master = master.into_iter();
    let host = from_redis_value::<Option<String>>(master.next()?).ok()?;
    let port = from_redis_value::<u16>(master.next()?).ok()?;
    let host = match (host, asked) {
        (Some(host), _) if !host.is_empty() && host != "?" => host,
        (_, Address::Tcp(host, _)) => host.clone(),
        (_, Address::Unix(_)) => return None,
    };
    Some(Range { first, last, host, port })
}

fn no_map() -> RedisError {
    RedisError::from((ErrorKind::UnexpectedReturnType, "CLUSTER SLOTS has an answer that is none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Address {
        Address::Tcp("asked".into(), 1)
    }

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        let master = Value::Array(vec![host, Value::Int(port), Value::Nil]);
        Value::Array(vec![Value::Int(first), Value::Int(last), master])
    }

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn each_slot_has_the_master_of_its_range() {
        let ranges = vec![
            range(101, 200, text("b"), 7002),
            range(0, 100, text("a"), 7001),
            range(300, 300, Value::Nil, 7003),
        ];
        let map = Map::parse(Value::Array(ranges), &asked()).expect("it is a map");
        let a = Address::Tcp("a".into(), 7001);
        let b = Address::Tcp("b".into(), 7002);
        let c = Address::Tcp("asked".into(), 7003);
        for (slot, master) in [
            (0, Some(&a)),
            (100, Some(&a)),
            (101, Some(&b)),
            (201, None),
            (300, Some(&c)),
            (301, None),
        ] {
            assert_eq!(map.master(slot).as_ref(), master, "{slot}");
        }
        assert_eq!(map.masters(), [a, b, c]);
    }

    #[test]
    fn maps_that_differ_have_other_fingerprints() {
        let map = |port| {
            let ranges = Value::Array(vec![range(0, 16383, text("a"), port)]);
            Map::parse(ranges, &asked()).expect("it is a map")
        };
        assert_eq!(map(1).fingerprint(), map(1).fingerprint());
        assert_ne!(map(1).fingerprint(), map(2).fingerprint());
    }

    #[test]
    fn what_is_no_map_is_an_error() {
        for answer in
            [text("x"), Value::Array(vec![Value::Int(1)]), Value::Array(vec![Value::Array(vec![])])]
        {
            Map::parse(answer, &asked()).expect_err("it is none");
        }
    }
}
