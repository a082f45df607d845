//! Plays a dialogue: sends what its browsers send and compares what comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use handstamp::Timestamp;
use serde_json::Value;

use super::browser::Browser;
use super::credential::Credential;
use super::format::{CredentialExpected, Step};
use super::jar::Url;
use super::template;
use super::{App, Client, Dialogue, Request, Response};

/// Plays a dialogue with a fresh client.
///
/// # Panics
/// Something was answered that the dialogue doesn't expect. The message names the dialogue, the step
/// and every difference.
pub async fn play<C: Client>(dialogue: &Dialogue, client: &mut C) {
    for (id, document) in &dialogue.stored {
        client.seed(id, document.get()).await;
    }
    client.start(&dialogue.app).await;
    let mut stage = Stage { app: &dialogue.app, browsers: BTreeMap::new(), ids: BTreeSet::new() };
    for (number, step) in dialogue.steps.iter().enumerate() {
        let differences = stage.act(step, client).await.unwrap_or_else(|problem| vec![problem]);
        assert!(
            differences.is_empty(),
            "\n«{}»\nstep {}, {}: {}{}\n- {}\n",
            dialogue.name,
            number + 1,
            step.browser,
            step.send.as_deref().unwrap_or_default(),
            step.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default(),
            differences.join("\n- "),
        );
    }
}

/// Where a dialogue stands.
struct Stage<'d> {
    app: &'d App,
    browsers: BTreeMap<&'d str, Browser>,
    /// All ids that anyone was ever given.
    ids: BTreeSet<String>,
}

/// What came back for a request.
struct Reply {
    url: Url,
    response: Response,
    calls: Option<BTreeMap<String, usize>>,
    now: Timestamp,
}

impl<'d> Stage<'d> {
    /// One step. Returns what was different than expected.
    async fn act<C: Client>(
        &mut self,
        step: &'d Step,
        client: &mut C,
    ) -> Result<Vec<String>, String> {
        if let Some(app) = &step.restart {
            client.start(app).await;
            self.app = app;
        }
        client.pass(Duration::from_secs(step.after)).await;
        if let Some(original) = &step.copy_of {
            let copy = self.browsers.get(&**original).cloned();
            let copy = copy.ok_or(format!("there is no browser {original:?} yet"))?;
            self.browsers.insert(&step.browser, copy);
        }
        if step.reopen {
            self.browser(step).jar.close();
        }
        let Some(send) = &step.send else { return Ok(Vec::new()) };

        let (request, url) = self.request(step, send, client.now())?;
        client.store_calls();
        let response = client.send(request).await;
        let (calls, now) = (client.store_calls(), client.now());
        self.compare(step, &Reply { url, response, calls, now })
    }

    fn request(
        &mut self,
        step: &'d Step,
        send: &str,
        now: Timestamp,
    ) -> Result<(Request, Url), String> {
        let send = self.fill(step, send, now)?;
        let (method, target) =
            send.split_once(' ').ok_or(format!("{send:?} is not a method and a path"))?;
        let url = Url::new(&step.at, target).ok_or(format!("{:?} is no origin", step.at))?;
        let mut headers = vec![("host".to_owned(), url.host.clone())];
        for (name, value) in &step.headers {
            headers.push((name.clone(), self.fill(step, value, now)?));
        }
        let body = self.fill(step, &step.form, now)?;
        if !body.is_empty() {
            let form = "application/x-www-form-urlencoded";
            headers.push(("content-type".into(), form.into()));
            headers.push(("content-length".into(), body.len().to_string()));
        }
        if !step.headers.contains_key("cookie") {
            let cookies = self.browser(step).jar.header(&url, now);
            headers.extend(cookies.map(|cookies| ("cookie".to_owned(), cookies)));
        }
        Ok((Request { method: method.into(), target: target.into(), headers, body }, url))
    }

    /// Compares a response with what is expected, and lets the browser take its cookies.
    fn compare(&mut self, step: &'d Step, reply: &Reply) -> Result<Vec<String>, String> {
        let (expected, Reply { url, response, calls, now }) = (&step.expect, reply);
        let mut differences = Vec::new();
        if response.status != expected.status {
            differences.push(format!("the status is not {}", expected.status));
        }
        let body = serde_json::from_str::<Value>(&response.body).ok();
        if expected.body.is_some() && body != expected.body {
            differences.push(format!("the body is not {}", shown(expected.body.as_ref())));
        }
        if let (Some(wanted), Some(calls)) = (&expected.store, calls)
            && calls != wanted
        {
            differences.push(format!("the store had the calls {calls:?}, not {wanted:?}"));
        }

        let set_cookies = || response.all("set-cookie");
        set_cookies().for_each(|text| self.browser(step).jar.take(text, url, *now));
        differences.extend(self.credential(step, response, *now));

        if let Some(pattern) = &expected.set_cookie {
            let wanted = self.fill(step, pattern, *now)?;
            let ours = format!("{}=", self.app.cookie_name());
            let got: Vec<_> = set_cookies().filter(|text| text.starts_with(&ours)).collect();
            if got != [&*wanted] {
                differences.push(format!("our Set-Cookie is not\n    {wanted}"));
            }
        }
        for (name, pattern) in &expected.headers {
            let wanted =
                pattern.as_ref().map(|pattern| self.fill(step, pattern, *now)).transpose()?;
            if response.joined(name) != wanted {
                differences.push(format!("the header {name} is not {wanted:?}"));
            }
        }
        if !differences.is_empty() {
            differences.push(format!("it was answered\n    {}", response.shown()));
        }
        Ok(differences)
    }

    /// Compares what an answer does with the client's credential.
    fn credential(
        &mut self,
        step: &'d Step,
        response: &Response,
        now: Timestamp,
    ) -> Option<String> {
        let answers = self.answers(response);
        let expected = &step.expect.credential;
        let (by_cookie, value) = match (&answers[..], expected) {
            ([], CredentialExpected::None) => return None,
            ([], _) => return Some(format!("no credential was sent, but expected: {expected:?}")),
            ([one], _) => one.clone(),
            (several, _) => return Some(format!("{} credentials were sent", several.len())),
        };
        let name = self.app.cookie_name();
        if value.is_empty() {
            let kept = by_cookie && self.browser(step).jar.has(name, now);
            return match expected {
                CredentialExpected::Removed if kept => {
                    Some("the cookie was removed, but the browser still has it".into())
                }
                CredentialExpected::Removed => None,
                _ => Some(format!("the credential was removed, but expected: {expected:?}")),
            };
        }

        let read = if by_cookie { Credential::from_cookie } else { Credential::from_token };
        let Some(credential) = read(&value).filter(|credential| self.is_ours(&credential.id))
        else {
            return Some(format!("{value:?} has not the form of a credential"));
        };
        let id = |name: &str| Some(&self.browsers.get(name)?.credential.as_ref()?.id);
        let good = match expected {
            CredentialExpected::New => !self.ids.contains(&credential.id),
            CredentialExpected::Of(other) => id(other) == Some(&credential.id),
            CredentialExpected::Same => id(&step.browser) == Some(&credential.id),
            CredentialExpected::None | CredentialExpected::Removed => false,
        };
        self.ids.insert(credential.id.clone());
        self.browser(step).credential = Some(credential);
        (!good).then(|| format!("a credential was sent that is not as expected: {expected:?}"))
    }

    /// The credentials that a response brings, or takes away, and whether each is a cookie.
    fn answers(&self, response: &Response) -> Vec<(bool, String)> {
        let mut answers = Vec::new();
        for transport in self.app.transports() {
            let header = match transport {
                "bearer" => "session-token",
                "cookie" => "set-cookie",
                header => header,
            };
            for value in response.all(header) {
                if transport != "cookie" {
                    answers.push((false, value.to_owned()));
                } else if let Some((name, rest)) = value.split_once('=')
                    && name == self.app.cookie_name()
                {
                    answers.push((true, rest.split(';').next().unwrap_or_default().to_owned()));
                }
            }
        }
        answers
    }

    /// Whether the application could have made this id.
    fn is_ours(&self, id: &str) -> bool {
        id.len() == 32 || self.app.ids.iter().any(|own| own == id)
    }

    fn fill(&self, step: &Step, text: &str, now: Timestamp) -> Result<String, String> {
        template::fill(text, now, |browser| {
            self.browsers.get(browser.unwrap_or(&step.browser))?.credential.as_ref()
        })
    }

    fn browser(&mut self, step: &'d Step) -> &mut Browser {
        self.browsers.entry(&step.browser).or_default()
    }
}

impl Response {
    /// All values of a header.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(header, _)| header == name).map(|(_, value)| &**value)
    }

    /// All values of a header in one line. `None`: it is not there.
    fn joined(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.all(name).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    fn shown(&self) -> String {
        let headers: String =
            self.headers.iter().map(|(name, value)| format!("\n    {name}: {value}")).collect();
        format!("{}{headers}\n    {}", self.status, self.body)
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map(Value::to_string).unwrap_or_default()
}
