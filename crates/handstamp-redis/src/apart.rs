//! Writes while a session and the key of its owner can't be reached together.
//!
//! While a slot moves from one master of a Cluster to another, a script on two keys is refused (`TRYAGAIN`)
//! unless both are on one side, and a key that does not exist is on the other. If the move is held up, so is
//! every script. What is here does the same by steps on one key each, which are followed to either side. They
//! answer as the scripts do, of which each function has the name.
//!
//! The steps are in such an order that whoever sees the state between them takes the session for its owner's
//! rather than for nobody's: then a revocation ends it. Nobody is overwritten, because a session itself is still
//! compared and replaced in one step.

use handstamp::SessionId;
use handstamp::store::{Record, StoreError, Version};
use redis::{Cmd, Value};

use crate::connection::Request;
use crate::error::{code, nonsense};
use crate::lifetime::milliseconds;
use crate::scripts;
use crate::store::{Inner, text};

/// The server can't run a script now, for its keys are apart.
pub(crate) fn are_apart(answer: &Value) -> bool {
    code(answer) == Some("TRYAGAIN")
}

/// How long a mark stays: see `end.lua`.
const MARK: u64 = 60_000;

impl Inner {
    pub(crate) async fn update_apart(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
        owner: &str,
        must_be_his: bool,
    ) -> Result<Value, StoreError> {
        let (key, beside) = (self.layout.session(id), self.layout.owner(id));
        let before = self.owner_apart(id).await?;
        if must_be_his && before.as_deref() != Some(owner) {
            return Ok(Value::Int(1));
        }
        let lifetime = milliseconds(record.lifetime);
        let set = || command("SET", &beside).arg(owner).arg("PX").arg(lifetime).clone();
        if owner != "-" {
            self.write(&beside, set()).await?;
        }
        let mut run = scripts::REPLACE.call(&[&key]);
        run.arg(format!("{:032x}", version.0)).arg(&*record.document).arg(lifetime);
        let request = Request::script(&scripts::REPLACE, [run]);
        let answer = if lifetime == 0 {
            self.ask_to_last(&key, request).await?
        } else {
            self.ask(&key, &request).await?
        };
        match &answer {
            Value::Array(items) if items.is_empty() => {}
            // In a conflict the owner stays: whoever has written last may be his, too.
            Value::Array(_) => return Ok(answer),
            _ if owner == "-" => return Ok(answer),
            _ => {
                self.write(&beside, command("DEL", &beside)).await?;
                return Ok(answer);
            }
        }
        if lifetime == 0 {
            self.write(&beside, command("DEL", &beside)).await?;
        } else if owner == "-" && before.is_some() {
            self.write(&beside, set()).await?;
        }
        Ok(owned(before.as_deref(), None))
    }

    pub(crate) async fn touch_apart(
        &self,
        id: &SessionId,
        lifetime: u64,
    ) -> Result<Value, StoreError> {
        let (key, beside) = (self.layout.session(id), self.layout.owner(id));
        let before = self.owner_apart(id).await?;
        let expire = |key: &str| command("PEXPIRE", key).arg(lifetime).clone();
        let request = Request::write([expire(&key)]);
        let touched = if lifetime == 0 {
            self.ask_to_last(&key, request).await?
        } else {
            self.ask(&key, &request).await?
        };
        if touched != Value::Int(1) {
            return Ok(Value::Nil);
        }
        if before.is_some() {
            self.write(&beside, expire(&beside)).await?;
        }
        Ok(owned(before.as_deref(), None))
    }

    pub(crate) async fn delete_apart(&self, id: &SessionId) -> Result<Value, StoreError> {
        let (key, beside) = (self.layout.session(id), self.layout.owner(id));
        let request = Request::write([command("GETDEL", &key)]);
        let document = self.ask_to_last(&key, request).await?;
        if document == Value::Nil {
            return Ok(document);
        }
        let owner = match self.write(&beside, command("GETDEL", &beside)).await? {
            Value::Nil => None,
            owner => Some(text(&owner)?),
        };
        Ok(owned(owner.as_deref(), Some(document)))
    }

    pub(crate) async fn create_apart(
        &self,
        id: &SessionId,
        document: &[u8],
        lifetime: u64,
        owner: &str,
    ) -> Result<Value, StoreError> {
        let (key, beside) = (self.layout.session(id), self.layout.owner(id));
        let exists = Request::read([command("EXISTS", &key)]);
        if self.ask(&key, &exists).await? == Value::Int(1) {
            return Ok(Value::Int(0));
        }
        let mut claim = scripts::CLAIM.call(&[&beside]);
        claim.arg(owner).arg(lifetime);
        let claim = Request::script(&scripts::CLAIM, [claim]);
        if self.ask(&beside, &claim).await? != Value::Int(1) {
            return Ok(Value::Int(2));
        }
        let mut set = command("SET", &key);
        set.arg(document).arg("NX").arg("PX").arg(lifetime);
        if self.ask_to_last(&key, Request::write([set])).await? == Value::Nil {
            return Ok(Value::Int(0));
        }
        // A revocation that came after the claim has left its mark there.
        if self.owner_apart(id).await? == Some(format!("={owner}")) {
            return Ok(Value::Int(1));
        }
        self.write(&key, command("DEL", &key)).await?;
        Ok(Value::Int(2))
    }

    /// The mark comes before the last look: so either this sees the session, or who creates it sees the mark.
    pub(crate) async fn end_apart(
        &self,
        id: &SessionId,
        owner: &str,
        overdue: i32,
    ) -> Result<Value, StoreError> {
        let (key, beside) = (self.layout.session(id), self.layout.owner(id));
        let exists = Request::read([command("EXISTS", &key)]);
        let his = format!("={owner}");
        let mut before = self.owner_apart(id).await?;
        if self.ask(&key, &exists).await? == Value::Int(0) {
            let mark = command("SET", &beside).arg("!").arg("PX").arg(MARK).arg("GET").clone();
            before = match self.write(&beside, mark).await? {
                Value::Nil => None,
                before => Some(text(&before)?),
            };
            if self.ask(&key, &exists).await? == Value::Int(0) {
                return Ok(Value::Int(0));
            }
        }
        let his = before.as_deref().map_or(overdue == 1, |before| before == his);
        if !his {
            return Ok(Value::Int(0));
        }
        let ended = self.write(&key, command("DEL", &key)).await?;
        self.write(&beside, command("DEL", &beside)).await?;
        Ok(ended)
    }

    /// What stands beside a session.
    async fn owner_apart(&self, id: &SessionId) -> Result<Option<String>, StoreError> {
        let beside = self.layout.owner(id);
        match self.ask(&beside, &Request::read([command("GET", &beside)])).await? {
            Value::Nil => Ok(None),
            owner @ Value::BulkString(_) => text(&owner).map(Some),
            _ => Err(nonsense()),
        }
    }

    async fn write(&self, key: &str, command: Cmd) -> Result<Value, StoreError> {
        self.ask(key, &Request::write([command])).await
    }
}

fn command(name: &str, key: &str) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(key);
    command
}

/// The answer of a script that is done: what the session held, if that is told, and whose it was.
fn owned(beside: Option<&str>, document: Option<Value>) -> Value {
    let owner = beside.and_then(|beside| beside.strip_prefix('='));
    let owner = owner.map(|owner| Value::BulkString(owner.as_bytes().to_vec()));
    Value::Array(document.into_iter().chain(owner).collect())
}
