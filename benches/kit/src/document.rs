//! What sessions hold: a user, a few settings and a cart.

use serde_json::{Map, Value, json};

use crate::COUNT;

/// A document of so many bytes as JSON, at least 160: a user, settings, as many things in the cart as
/// fit, a note that fills up the rest, and the count.
#[must_use]
pub fn document(bytes: usize) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert(
        "user".into(),
        json!({"id": 4711, "name": "Ada Lovelace", "roles": ["author", "editor"]}),
    );
    document.insert("theme".into(), json!("dark"));
    document.insert("cart".into(), json!([]));
    document.insert("note".into(), json!(""));
    document.insert(COUNT.into(), json!(0));
    let mut things = Vec::new();
    while let thing = json!({"sku": format!("A-{:06}", 7 * things.len()), "title": "A book", "count": 1, "price": 19.9})
        && size(&document) + size(&thing) < bytes
    {
        things.push(thing);
        document.insert("cart".into(), things.clone().into());
    }
    let rest = bytes.saturating_sub(size(&document));
    document.insert("note".into(), "n".repeat(rest).into());
    document
}

fn size(value: &impl ToText) -> usize {
    value.to_text().len()
}

trait ToText {
    fn to_text(&self) -> String;
}

impl ToText for Value {
    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl ToText for Map<String, Value> {
    fn to_text(&self) -> String {
        Value::from(self.clone()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_the_size_they_are_asked_for() {
        for bytes in [200, 4096, 65536] {
            assert_eq!(size(&document(bytes)), bytes);
        }
    }
}
