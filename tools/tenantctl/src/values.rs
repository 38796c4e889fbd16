//! Values of options: texts, limits, JSON and passwords, as members of a request.

use std::{
    fs,
    io::{ErrorKind, Read as _},
};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, value::RawValue};
use tenancy::{input::FromFields, json::parse_object};

use crate::exit::Exit;

/// The maximum size of a file or of standard input, in bytes.
const MOST_BYTES: u64 = 1024 * 1024;

/// A request in construction: the members that options give, as JSON. The core reads it like the body of an HTTP request,
/// so that the same rules apply.
#[derive(Default)]
pub struct Request(Vec<(String, String)>);

impl Request {
    /// Returns whether no option gave a member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a member, if there is a value.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<Value>) -> Self {
        if let Some(value) = value {
            self.0.push((name.to_owned(), value.to_string()));
        }
        self
    }

    /// Adds a text, if there is one.
    #[must_use]
    pub fn with_text(self, name: &str, text: Option<&str>) -> Self {
        self.with(name, text.map(Value::from))
    }

    /// Adds a list of texts, unless it is empty.
    #[must_use]
    pub fn with_list(self, name: &str, texts: &[String]) -> Self {
        self.with(name, (!texts.is_empty()).then(|| Value::from(texts.to_vec())))
    }

    /// Adds JSON in its original notation, from the option itself or from the file after `@`. Numbers stay exact.
    pub fn with_json(mut self, name: &str, text: Option<&str>) -> Result<Self> {
        let Some(text) = text else { return Ok(self) };
        let text = match text.strip_prefix('@') {
            Some(path) => read_file(path)?,
            None => text.to_owned(),
        };
        let raw: Box<RawValue> = serde_json::from_str(&text)
            .map_err(|error| Exit::Usage.error(format!("{name} must be JSON: {error}")))?;
        self.0.push((name.to_owned(), raw.get().to_owned()));
        Ok(self)
    }

    /// Reads the request.
    ///
    /// # Errors
    /// [`tenancy::Error::InvalidFields`] with every invalid member.
    pub fn read<T: FromFields>(self) -> Result<T> {
        let members: Vec<_> = self
            .0
            .into_iter()
            .map(|(name, value)| format!("{}:{value}", Value::from(name)))
            .collect();
        Ok(T::from_object(parse_object(format!("{{{}}}", members.join(",")).as_bytes())?)?)
    }
}

/// Parses `name=number`, or `name=null` for the limit of the plan.
pub fn limit(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("must be like users=100 or users=null")?;
    let value = match value {
        "null" => Value::Null,
        number => Value::from(
            number.parse::<i64>().map_err(|_| "must end with a whole number or null".to_owned())?,
        ),
    };
    Ok((name.to_owned(), value))
}

/// Returns limits as an object, or `None` without any.
pub fn limits(limits: &[(String, Value)]) -> Option<Value> {
    (!limits.is_empty()).then(|| Value::Object(limits.iter().cloned().collect::<Map<_, _>>()))
}

/// Reads a file of at most 1 MiB.
pub fn read_file(path: &str) -> Result<String> {
    let refuse = |reason: &dyn std::fmt::Display| Exit::Usage.error(format!("{path}: {reason}"));
    let length = fs::metadata(path).map_err(|error| refuse(&error))?.len();
    if length > MOST_BYTES {
        return Err(refuse(&format!("the file has more than {MOST_BYTES} bytes")));
    }
    fs::read_to_string(path).map_err(|error| refuse(&error))
}

/// Reads standard input, at most 1 MiB.
pub fn read_input() -> Result<String> {
    let mut text = String::new();
    let most = std::io::stdin().take(MOST_BYTES + 1).read_to_string(&mut text);
    let length = match most {
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            return Err(Exit::Usage.error("standard input is not text in UTF-8"));
        }
        most => most.context("standard input")? as u64,
    };
    if length > MOST_BYTES {
        return Err(Exit::Usage.error(format!("standard input has more than {MOST_BYTES} bytes")));
    }
    Ok(text)
}

/// Reads the password on the first line of standard input, if the option was given. Other users of the machine can see
/// the options of a command, so a password is never an option.
pub fn password(from_input: bool) -> Result<Option<String>> {
    if !from_input {
        return Ok(None);
    }
    let text = read_input()?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    tenancy::fields! {
        struct Sample {
            name: Option<String>,
            settings: Option<tenancy::tenant::TenantSettings>,
        }
    }

    #[test]
    fn json_keeps_exact_numbers() {
        let text = r#"{"a":12345678901234567890.10}"#;
        let request = Request::default().with_json("settings", Some(text)).unwrap();
        let sample: Sample = request.read().unwrap();
        assert_eq!(sample.settings.unwrap().json().as_str(), text);
        assert!(sample.name.is_none());
    }

    #[test]
    fn limits_parse() {
        assert_eq!(limit("users=5"), Ok(("users".to_owned(), Value::from(5))));
        assert_eq!(limit("users=null"), Ok(("users".to_owned(), Value::Null)));
        assert!(limit("users").is_err() && limit("users=x").is_err());
    }
}
