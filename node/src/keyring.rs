//! Signs and verifies cookies, whatever the id: also for stores that are written in JavaScript.

use handstamp::{Keys, cookie_values};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::answer::at_once;
use crate::error::{Failure, Thrown};

/// The secrets of an application: the first signs, all verify.
#[derive(Debug)]
#[napi]
pub struct Keyring(Keys);

#[napi]
impl Keyring {
    /// Takes the secrets, which may be of any length: that is the application's business.
    #[napi(constructor)]
    pub fn new(secrets: Vec<Uint8Array>) -> Self {
        Self(Keys::express(secrets.iter().map(|secret| &**secret)))
    }

    /// The value of a cookie for this id: signed by the first secret, percent-encoded.
    ///
    /// # Errors
    /// There is no secret.
    #[napi]
    pub fn sign(&self, id: String) -> Result<String, Thrown> {
        let none = || Failure::config("there is no secret to sign with; give at least one");
        at_once(|| self.0.credential(&id).ok_or_else(none))
    }

    /// The ids of all good credentials under this name in a `Cookie` header, in their order. One that an
    /// older secret has signed is preceded by an element that is empty.
    #[napi]
    pub fn unsign(&self, header: String, name: String) -> Result<Vec<String>, Thrown> {
        at_once(|| {
            let mut ids = Vec::new();
            for value in cookie_values(header.as_bytes(), &name) {
                match self.0.read_credential(value) {
                    // An empty id names no session, and would be taken for the mark.
                    Some((id, _)) if id.is_empty() => {}
                    Some((id, 0)) => ids.push(id),
                    Some((id, _)) => ids.extend([String::new(), id]),
                    None => {}
                }
            }
            Ok(ids)
        })
    }
}
