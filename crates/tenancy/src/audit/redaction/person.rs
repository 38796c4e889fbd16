//! The values that identify a person.

use serde_json::Value as Json;
use uuid::Uuid;

use crate::text::nfc;

/// A person whose identity is removed from a trail.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// The id of the user, which remains in the trail.
    pub user: Uuid,
    /// The e-mail address, if it is still known.
    pub email: Option<String>,
    /// The username, the first and the last name.
    pub names: Vec<String>,
}

impl Person {
    /// Returns whether a name that somebody chose for an object identifies the person.
    pub fn is_named_in(&self, text: &str) -> bool {
        let text = folded(text);
        let has_email = self.email.as_ref().is_some_and(|email| text.contains(&folded(email)));
        has_email || self.names.iter().any(|name| has_words(&text, &folded(name)))
    }
}

/// Returns a text in a form in which texts that differ in case only are equal.
fn folded(text: &str) -> String {
    nfc(&nfc(text).to_lowercase())
}

/// Returns whether a text contains a name as whole words. A name of one or two characters identifies nobody.
fn has_words(text: &str, name: &str) -> bool {
    if name.chars().count() < 3 {
        return false;
    }
    let is_edge = |char: Option<char>| !char.is_some_and(char::is_alphanumeric);
    text.match_indices(name).any(|(start, found)| {
        let (before, after) = (&text[..start], &text[start + found.len()..]);
        is_edge(before.chars().next_back()) && is_edge(after.chars().next())
    })
}

/// Removes names of a person from the only details that contain text about people: the names of API keys, and the
/// contact address of a tenant.
pub(super) fn remove_names(event: &str, detail: &mut Json, person: &Person) {
    let member = match event.split_once('.') {
        Some(("api_key", _)) => "name",
        Some(("tenant", _)) => "admin_email",
        _ => return,
    };
    for path in [format!("/{member}"), format!("/before/{member}"), format!("/after/{member}")] {
        if let Some(value) = detail.pointer_mut(&path)
            && value.as_str().is_some_and(|text| person.is_named_in(text))
        {
            *value = Json::Null;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// Returns a person with names of several scripts.
    pub(in crate::audit::redaction) fn person() -> Person {
        Person {
            user: Uuid::from_u128(7),
            email: Some("ursula@acme.example".to_owned()),
            names: vec![
                "ursula.1".to_owned(),
                "Ursula".to_owned(),
                "Le".to_owned(),
                "Ümit".to_owned(),
            ],
        }
    }

    #[test]
    fn names_match_whole_words() {
        for (text, expected) in [
            ("Key of URSULA@acme.example", true),
            ("ursula's laptop", true),
            ("laptop (ümit)", true),
            ("key ursula.1", true),
            ("ursulas key", false),
            ("le petit prince", false),
            ("deploy", false),
        ] {
            assert_eq!(person().is_named_in(text), expected, "{text}");
        }
        assert!(!Person { user: Uuid::nil(), ..Person::default() }.is_named_in("anything"));
    }

    #[test]
    fn names_are_removed_from_details() {
        let person = person();
        let mut detail = json!({
            "name": "Ursula's key", "scopes": ["files:read"],
            "before": { "name": "deploy" }, "after": { "name": "ursula.1" },
        });
        remove_names("api_key.updated", &mut detail, &person);
        let expected = json!({
            "name": null, "scopes": ["files:read"], "before": { "name": "deploy" }, "after": { "name": null },
        });
        assert_eq!(detail, expected);
        let mut detail =
            json!({ "before": { "admin_email": "ursula@acme.example", "name": "Ursula Ltd" } });
        remove_names("tenant.updated", &mut detail, &person);
        assert_eq!(detail, json!({ "before": { "admin_email": null, "name": "Ursula Ltd" } }));
    }
}
