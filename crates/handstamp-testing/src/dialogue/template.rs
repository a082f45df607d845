//! The placeholders of the dialogues: `{cookie}`, `{anna.token}`, `{signature:flipped}`, `{date+60}`.

use std::time::Duration;

use handstamp::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::credential::Credential;

/// Fills in the placeholders of a text. `credential` finds a browser's credential by the browser's
/// name; without a name it is that of the browser whose turn it is.
pub(super) fn fill<'c>(
    template: &str,
    now: Timestamp,
    credential: impl Fn(Option<&str>) -> Option<&'c Credential>,
) -> Result<String, String> {
    let mut parts = template.split('{');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) =
            part.split_once('}').ok_or(format!("a placeholder of {template:?} has no end"))?;
        let value = match date(name, now) {
            Some(date) => date,
            None => field(name, &credential)?,
        };
        text.push_str(&value);
        text.push_str(rest);
    }
    Ok(text)
}

/// `date` is now, `date+60` is in a minute.
fn date(name: &str, now: Timestamp) -> Option<String> {
    let seconds = match name.strip_prefix("date")? {
        "" => 0,
        later => later.strip_prefix('+')?.parse().ok()?,
    };
    let moment = now.after(Duration::from_secs(seconds)).as_millis() / 1000;
    let moment = jiff::Timestamp::from_second(i64::try_from(moment).ok()?).ok()?;
    DateTimePrinter::new().timestamp_to_rfc9110_string(&moment).ok()
}

fn field<'c>(
    name: &str,
    credential: impl Fn(Option<&str>) -> Option<&'c Credential>,
) -> Result<String, String> {
    let (path, filter) = name.split_once(':').unwrap_or((name, ""));
    let (browser, field) =
        path.split_once('.').map_or((None, path), |(browser, field)| (Some(browser), field));
    let credential = credential(browser)
        .ok_or(format!("{{{name}}} asks for a credential, but there was none yet"))?;
    let value = match field {
        "cookie" => credential.cookie(),
        "id" => credential.id.clone(),
        "signature" => credential.signature.clone(),
        "token" => credential.token(),
        _ => return Err(format!("there is no placeholder {{{name}}}")),
    };
    match filter {
        "" => Ok(value),
        "flipped" => Ok(flipped(&value)),
        "lowercase" => Ok(value.replace("%3A", "%3a").replace("%2B", "%2b").replace("%2F", "%2f")),
        "respelled" => Ok(respelled(&value)),
        _ => Err(format!("there is no filter {filter:?} as in {{{name}}}")),
    }
}

/// Another first character.
fn flipped(value: &str) -> String {
    let first = if value.starts_with('A') { 'B' } else { 'A' };
    value.chars().take(1).map(|_| first).chain(value.chars().skip(1)).collect()
}

/// Another last character, which a lenient decoder of base64 takes for the same bytes: of the six bits
/// of the 43rd character the last two are of no use.
fn respelled(value: &str) -> String {
    const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut value = value.to_owned();
    let last = value.pop().and_then(|last| BASE64.chars().skip_while(|c| *c != last).nth(1));
    value.extend(last);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in() {
        let anna = Credential { id: "i".into(), signature: "s+A".into() };
        let fill = |text| fill(text, Timestamp::from_millis(5000), |_| Some(&anna));
        assert_eq!(fill("a={cookie}; b").unwrap(), "a=s%3Ai.s%2BA; b");
        assert_eq!(fill("{anna.cookie:lowercase}").unwrap(), "s%3ai.s%2bA");
        assert_eq!(fill("{token}{id}").unwrap(), "s:i.s+Ai");
        assert_eq!(fill("{signature:flipped} {signature:respelled}").unwrap(), "A+A s+B");
        assert_eq!(fill("{date+60}").unwrap(), "Thu, 01 Jan 1970 00:01:05 GMT");
        for bad in ["{cookies}", "{cookie", "{cookie:upside}", "{date-1}"] {
            assert!(fill(bad).is_err(), "{bad}");
        }
    }
}
