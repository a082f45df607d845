//! The format of the dialogue files. What it means is written in `dialogues/README.md`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// One dialogue, as its file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialogue {
    /// What is shown, as a sentence.
    pub name: String,
    /// The numbers of the security requirements that it proves, such as `S8`.
    #[serde(default)]
    pub proves: Vec<String>,
    #[serde(default)]
    pub(super) app: App,
    /// Documents that are in the store beforehand, by id.
    #[serde(default)]
    pub(super) stored: BTreeMap<String, Box<RawValue>>,
    pub(super) steps: Vec<Step>,
}

impl Dialogue {
    /// Reads a dialogue. Unknown fields are refused: a misspelt expectation must not be a met one.
    ///
    /// # Errors
    /// It is not JSON, or not of the format.
    pub fn parse(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }
}

/// The settings of the test application's sessions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct App {
    pub(super) profile: Profile,
    pub(super) cookie: Cookie,
    pub(super) idle: Option<u64>,
    pub(super) absolute: Option<u64>,
    pub(super) persistent: bool,
    pub(super) grace: Option<u64>,
    pub(super) transports: Option<Vec<String>>,
    pub(super) resave: bool,
    pub(super) rolling: bool,
    pub(super) save_uninitialized: bool,
    pub(super) secrets: Option<Vec<String>>,
    pub(super) ids: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Profile {
    #[default]
    Strict,
    Express,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Cookie {
    pub name: Option<String>,
    pub domain: Option<String>,
    pub path: Option<String>,
    pub secure: Option<bool>,
    pub http_only: Option<bool>,
    pub same_site: Option<String>,
    pub partitioned: bool,
    pub priority: Option<String>,
}

impl App {
    /// The name of the session cookie.
    pub(super) fn cookie_name(&self) -> &str {
        self.cookie.name.as_deref().unwrap_or(match self.profile {
            Profile::Express => "connect.sid",
            Profile::Strict => "__Host-session",
        })
    }

    /// The ways by which a credential comes and goes: `cookie`, `bearer`, or the name of a header.
    pub(super) fn transports(&self) -> Vec<&str> {
        match &self.transports {
            Some(transports) => transports.iter().map(String::as_str).collect(),
            None => vec!["cookie"],
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    #[serde(default = "anna")]
    pub browser: String,
    #[serde(default)]
    pub why: Option<String>,
    #[serde(default)]
    pub restart: Option<App>,
    #[serde(default)]
    pub after: u64,
    #[serde(default)]
    pub copy_of: Option<String>,
    #[serde(default)]
    pub reopen: bool,
    #[serde(default = "shop")]
    pub at: String,
    #[serde(default)]
    pub send: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub form: String,
    #[serde(default)]
    pub expect: Expect,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Expect {
    pub status: u16,
    #[serde(deserialize_with = "present")]
    pub body: Option<Value>,
    pub credential: CredentialExpected,
    pub set_cookie: Option<String>,
    pub headers: BTreeMap<String, Option<String>>,
    pub store: Option<BTreeMap<String, usize>>,
}

impl Default for Expect {
    fn default() -> Self {
        Self {
            status: 200,
            body: None,
            credential: CredentialExpected::None,
            set_cookie: None,
            headers: BTreeMap::new(),
            store: None,
        }
    }
}

/// What the answer is to do with the client's credential.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(super) enum CredentialExpected {
    /// Of an id that nobody has had in this dialogue.
    New,
    /// Nothing is sent.
    None,
    /// Of the id that this browser has now.
    Of(String),
    Removed,
    /// Of the id that this browser has had all along.
    Same,
}

impl From<String> for CredentialExpected {
    fn from(text: String) -> Self {
        match &*text {
            "new" => Self::New,
            "none" => Self::None,
            "removed" => Self::Removed,
            "same" => Self::Same,
            _ => Self::Of(text),
        }
    }
}

/// Tells `null`, which is a value here, from a field that is not there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn anna() -> String {
    "anna".into()
}

fn shop() -> String {
    "https://shop.example.com".into()
}
