//! A JSON value that is stored as text.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use serde_json::value::RawValue;

use super::number;

/// A JSON value as text in canonical form: without whitespace, members ordered by name, numbers as they were written. A
/// number survives unchanged (`0.1`, `1e400`, `1.0`), which neither `f64` nor `jsonb` ensures.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonText(String);

impl JsonText {
    /// Returns the value for a text from the catalog, or `None` if the text is not JSON.
    pub fn from_stored(text: String) -> Option<Self> {
        serde_json::from_str::<&RawValue>(&text).is_ok().then_some(Self(text))
    }

    /// Returns the canonical form of a client's text, which must have no duplicate members.
    ///
    /// # Errors
    /// Returns the problem as a phrase that follows the field's name.
    pub fn from_raw(raw: &RawValue) -> Result<Self, String> {
        let mut text = String::new();
        write(raw, &mut text)?;
        Ok(Self(text))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for JsonText {
    /// Returns the empty object.
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for JsonText {
    /// Serialises to the value in a JSON format, and to a string in a binary format.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            serde_json::from_str::<&RawValue>(&self.0).map_err(S::Error::custom)?.serialize(to)
        } else {
            to.serialize_str(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = if from.is_human_readable() {
            Box::<RawValue>::deserialize(from)?.get().to_owned()
        } else {
            String::deserialize(from)?
        };
        Self::from_stored(text).ok_or_else(|| D::Error::custom("it is not JSON"))
    }
}

fn write(raw: &RawValue, to: &mut String) -> Result<(), String> {
    let text = raw.get();
    let invalid = |_| "must be JSON".to_owned();
    match text.as_bytes().first() {
        Some(b'{') => {
            let members: BTreeMap<String, &RawValue> =
                serde_json::from_str(text).map_err(invalid)?;
            to.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                to.push_str(&serde_json::to_string(&name).map_err(invalid)?);
                to.push(':');
                write(value, to)?;
            }
            to.push('}');
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(invalid)?;
            to.push('[');
            for (index, value) in items.into_iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                write(value, to)?;
            }
            to.push(']');
        }
        Some(b'"') => {
            let string: String = serde_json::from_str(text).map_err(invalid)?;
            to.push_str(&serde_json::to_string(&string).map_err(invalid)?);
        }
        Some(b'-' | b'0'..=b'9') if !number::is_storable(text) => {
            return Err(
                "must not have numbers with more than 16383 digits after the decimal point"
                    .to_owned(),
            );
        }
        _ => to.push_str(text),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, String> {
        JsonText::from_raw(serde_json::from_str(text).unwrap()).map(|json| json.0)
    }

    #[test]
    fn numbers_are_kept_as_written() {
        for number in [
            "0.1",
            "1.0",
            "-0.0",
            "1E5",
            "1e+5",
            "9007199254740993",
            "123456789012345678901234567890",
            "1.7976931348623157e308",
            "1e400",
            "5e-324",
            "0.30000000000000004",
        ] {
            let text = format!("{{\"a\":[{number}]}}");
            assert_eq!(canonical(&text), Ok(text.clone()));
            let stored = JsonText::from_stored(text.clone()).unwrap();
            assert_eq!(serde_json::to_string(&stored).unwrap(), text);
            let packed = rmp_serde::to_vec(&stored).unwrap();
            assert_eq!(rmp_serde::from_slice::<JsonText>(&packed).unwrap(), stored);
        }
        assert!(canonical("[1e131072]").is_err());
    }

    #[test]
    fn one_value_has_one_form() {
        let text = " { \"b\" : [ ] , \"a\" : { } , \"\\u0063\" : [ true , null , \"\\u00e9 \" ] } ";
        let expected = r#"{"a":{},"b":[],"c":[true,null,"é "]}"#;
        assert_eq!(canonical(text).as_deref(), Ok(expected));
        assert_eq!(canonical("{}").as_deref(), Ok("{}"));
        assert_eq!(canonical("[{},[]]").as_deref(), Ok("[{},[]]"));
    }

    #[test]
    fn invalid_stored_text_is_none() {
        assert!(JsonText::from_stored("{".to_owned()).is_none());
        assert!(JsonText::from_stored("{} {}".to_owned()).is_none());
    }
}
