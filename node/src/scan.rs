//! All sessions of a store: express-session's `all`, `length` and `clear`.

use handstamp::{LookUp, SessionId, SessionManager};
use napi_derive::napi;

use crate::answer::Answer;
use crate::engine::Engine;
use crate::error::{Failure, Thrown};
use crate::stores::{Store, Tools};

/// How many sessions are read at a time.
const PAGE: usize = 1000;

#[napi]
impl Engine {
    /// The ids and documents of all sessions: an id, the JSON of its document, one after another. What
    /// handstamp itself notes of a session is not in there. An id that no store may see comes as what
    /// stands for it.
    #[napi]
    pub fn all(&self, ticket: u32) -> Result<Answer, Thrown> {
        let tools = self.tools();
        self.answer(ticket, async move {
            let Tools { manager, store } = tools?;
            let mut all = Vec::new();
            for id in ids(&store).await? {
                if let Some(document) = document(&manager, id).await? {
                    all.extend([id.as_str().to_owned(), document]);
                }
            }
            Ok(all)
        })
    }

    /// How many sessions there are. For a while, one whose id was rotated counts twice.
    #[napi]
    pub fn total(&self, ticket: u32) -> Result<Answer, Thrown> {
        let tools = self.tools();
        self.answer(ticket, async move {
            let store = tools?.store;
            let total = store.scan().ok_or_else(no_scan)?.total().await?;
            Ok(total as u64)
        })
    }

    /// Ends all sessions, and tells how many there were.
    #[napi]
    pub fn clear(&self, ticket: u32) -> Result<Answer, Thrown> {
        let tools = self.tools();
        self.answer(ticket, async move {
            let store = tools?.store;
            let ended = store.scan().ok_or_else(no_scan)?.clear().await?;
            Ok(ended as u64)
        })
    }
}

/// The ids of all sessions. A walk may meet one of them twice.
async fn ids(store: &Store) -> Result<Vec<SessionId>, Failure> {
    let scan = store.scan().ok_or_else(no_scan)?;
    let (mut ids, mut from) = (Vec::new(), None);
    loop {
        let page = scan.page(from.as_ref(), PAGE).await?;
        ids.extend(page.sessions.into_iter().map(|(id, _)| id));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The document of a session, as express-session has it. `None`: it is over meanwhile, or all that
/// stands under the id is where its session went, which is met on its own.
async fn document(manager: &SessionManager, id: SessionId) -> Result<Option<String>, Failure> {
    let LookUp::Stored(session) = manager.look_up(id).await? else { return Ok(None) };
    let Some(snapshot) = session.snapshot().filter(|snapshot| snapshot.id == id) else {
        return Ok(None);
    };
    let members = snapshot.data.strip_prefix('{').unwrap_or_default();
    let comma = if members == "}" { "" } else { "," };
    Ok(Some(format!("{{\"cookie\":{}{comma}{members}", snapshot.cookie)))
}

fn no_scan() -> Failure {
    Failure::config("this session store can't walk through its sessions")
}
