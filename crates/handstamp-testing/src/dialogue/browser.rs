//! One of the browsers of a dialogue: its cookies, and the credential that it was last given.

use super::credential::Credential;
use super::jar::Jar;

#[derive(Clone, Debug, Default)]
pub(super) struct Browser {
    pub jar: Jar,
    /// By whatever transport, and also if the browser has dropped it since.
    pub credential: Option<Credential>,
}
