//! The connections to a server: a few for what has to be brief, and one for what may take its time.

use std::sync::Arc;
use std::time::Duration;

use handstamp::store::StoreErrorKind;
use tokio::sync::OnceCell;
use tokio_postgres::Row;

use crate::connection::Connection;
use crate::error::Failure;
use crate::lanes::{Lanes, Patience};
use crate::parameters::Parameters;
use crate::statements::{Call, Statements};
use crate::target::Target;

/// How long a walk or a clearing may take for one of its steps until the server is asked whether it is
/// there, and how long it may take to say so, since it answers in order.
const LONG: Patience =
    Patience { silence: Duration::from_secs(30), reply: Duration::from_secs(30) };

#[derive(Debug)]
pub(crate) struct Server {
    target: Target,
    statements: Arc<Statements>,
    brief: Lanes,
    /// Opened when it is first needed.
    long: OnceCell<Lanes>,
}

impl Server {
    pub(crate) async fn connect(
        target: Target,
        statements: Statements,
        connections: usize,
    ) -> Result<Self, Failure> {
        let statements = Arc::new(statements);
        let patience = brief_patience(&target);
        let brief = Lanes::open(&target.brief(), &statements, connections, patience).await?;
        Ok(Self { target, statements, brief, long: OnceCell::new() })
    }

    /// As [`connect`](Self::connect), but waits for nothing.
    pub(crate) fn connect_lazily(
        target: Target,
        statements: Statements,
        connections: usize,
    ) -> Self {
        let statements = Arc::new(statements);
        let patience = brief_patience(&target);
        let brief = Lanes::begin(&target.brief(), &statements, connections, patience, None);
        Self { target, statements, brief, long: OnceCell::new() }
    }

    /// Runs a statement on the connections that its kind uses.
    pub(crate) async fn run(
        &self,
        call: Call,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Failure> {
        if call.may_take_long() {
            self.long().await?.run(call, parameters).await
        } else {
            self.brief.run(call, parameters).await
        }
    }

    /// Runs a statement that answers with one row.
    pub(crate) async fn row(&self, call: Call, parameters: Parameters<'_>) -> Result<Row, Failure> {
        let advice = "the server did not answer with the row that it had to";
        let row = self.run(call, parameters).await?.pop();
        row.ok_or_else(|| Failure::new(StoreErrorKind::Corrupt, advice))
    }

    /// The connection for what may take its time.
    pub(crate) async fn long_connection(&self) -> Result<Arc<Connection>, Failure> {
        self.long().await?.connection().await
    }

    /// The connections for what has to be brief.
    pub(crate) fn brief(&self) -> &Lanes {
        &self.brief
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    async fn long(&self) -> Result<&Lanes, Failure> {
        let open = async || Lanes::open(&self.target.long(), &self.statements, 1, LONG).await;
        self.long.get_or_try_init(open).await
    }
}

fn brief_patience(target: &Target) -> Patience {
    // A statement that waits for a lock, which the server stops sooner, is not taken for silence; and both
    // together are more than any statement may take.
    Patience { silence: target.timeout * 5 / 8, reply: target.timeout / 2 }
}
