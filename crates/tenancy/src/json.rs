//! JSON objects from clients, without duplicate members at any depth and without loss of numeric precision.
//!
//! `serde_json` parses a number as `f64` unless it is a short integer, and keeps the last of two members with the same
//! name. So this module reads a text member by member and keeps the original text of each.

mod number;
mod text;

use std::{collections::BTreeMap, fmt, marker::PhantomData, result::Result as StdResult};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

pub use text::JsonText;

use crate::{
    error::{Error, Result},
    text::printable,
};

/// The maximum nesting depth of an object.
const MAX_DEPTH: usize = 16;
/// The byte order marks of UTF-8, and of UTF-16 in either order.
const BYTE_ORDER_MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];

/// A member of an object.
pub struct Member {
    /// The value. An integer has an integer type in any notation (`2.0`, `1e3`).
    pub value: Value,
    /// The original text from the client.
    pub raw: Box<RawValue>,
}

/// The members of an object by their names.
pub type Object = BTreeMap<String, Member>;

/// Returns whether a text or the name of a member in a value has a NUL character, which PostgreSQL cannot store.
pub fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(object) => {
            object.iter().any(|(key, value)| key.contains('\0') || has_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Parses the JSON object in `body`.
///
/// # Errors
/// [`Error::InvalidJson`] with the reason, and [`Error::InvalidFields`] for a duplicate member.
pub fn parse_object(body: &[u8]) -> Result<Object> {
    if starts_with_byte_order_mark(body) {
        let reason = "it begins with a byte order mark. Send UTF-8 without one";
        return Err(Error::InvalidJson(reason.to_owned()));
    }
    let text = std::str::from_utf8(body)
        .map_err(|_| Error::InvalidJson("it is not encoded as UTF-8".to_owned()))?;
    if depth(body) > MAX_DEPTH {
        return Err(Error::InvalidJson(format!("it is nested deeper than {MAX_DEPTH} levels")));
    }
    let Members(members) =
        serde_json::from_str::<Members<Box<RawValue>>>(text).map_err(|error| {
            let reason = if error.is_data() {
                "it is a JSON value of another type".to_owned()
            } else {
                position(&error)
            };
            Error::InvalidJson(reason)
        })?;
    let mut object = Object::new();
    for (name, raw) in members {
        let value = parse_value(&raw, &printable(&name))?;
        if object.contains_key(&name) {
            return Err(repeated(printable(&name)));
        }
        object.insert(name, Member { value, raw });
    }
    Ok(object)
}

/// Returns whether a text begins with a byte order mark, which parsers of JSON and forms do not expect.
pub fn starts_with_byte_order_mark(text: &[u8]) -> bool {
    BYTE_ORDER_MARKS.iter().any(|mark| text.starts_with(mark))
}

/// Parses a value. `path` identifies it in errors.
fn parse_value(raw: &RawValue, path: &str) -> Result<Value> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = parse::<Members<&RawValue>>(text, path)?;
            let mut object = Map::new();
            for (name, raw) in members {
                let path = format!("{path}.{}", printable(&name));
                let value = parse_value(raw, &path)?;
                if object.insert(name, value).is_some() {
                    return Err(repeated(path));
                }
            }
            Ok(Value::Object(object))
        }
        Some(b'[') => {
            let items = parse::<Vec<&RawValue>>(text, path)?.into_iter().enumerate();
            let values = items.map(|(index, raw)| parse_value(raw, &format!("{path}.{index}")));
            values.collect::<Result<_>>().map(Value::Array)
        }
        Some(b'-' | b'0'..=b'9') => number::read(text).map(Value::Number).ok_or_else(|| {
            let reason = format!("the number at {path} is beyond the range of a double");
            Error::InvalidJson(reason)
        }),
        _ => parse(text, path),
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str, path: &str) -> Result<T> {
    // Brackets and escapes are already checked, but an unpaired surrogate is not.
    serde_json::from_str(text)
        .map_err(|_| Error::InvalidJson(format!("the string at {path} is not valid Unicode")))
}

fn repeated(path: String) -> Error {
    Error::invalid_field(path, "must not occur more than once")
}

/// The members of an object in the order of the text, including duplicates.
struct Members<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> StdResult<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Members<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> StdResult<Members<T>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        from.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// Returns the greatest nesting depth of brackets outside of strings.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest): (usize, usize) = (0, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Returns the position of a syntax error without any part of the text.
fn position(error: &serde_json::Error) -> String {
    let kind = if error.is_eof() { "it ends too early" } else { "it has a syntax error" };
    format!("{kind} at line {}, column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(body: &[u8]) -> Error {
        parse_object(body).err().unwrap()
    }

    fn field(body: &str) -> String {
        match error(body.as_bytes()) {
            Error::InvalidFields(fields) => fields[0].field.clone(),
            other => panic!("{other:?} names no field"),
        }
    }

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        for (json, expected) in [
            ("{}", 1),
            (r#"{"a":[1,[2]]}"#, 3),
            (r#"{"a":"[[[["}"#, 1),
            (r#"{"a":"\"[[["}"#, 1),
            (r#"{"a":"\\"}"#, 1),
            ("[]]]][[[[", 4),
        ] {
            assert_eq!(depth(json.as_bytes()), expected, "{json}");
        }
    }

    #[test]
    fn repeated_members_are_refused_at_every_depth() {
        for (body, expected) in [
            (r#"{"a":1,"a":1}"#, "a"),
            (r#"{"a":{"b":1,"b":2}}"#, "a.b"),
            (r#"{"a":[0,{"b":{"c":1,"\u0063":2}}]}"#, "a.1.b.c"),
            (r#"{"a":{"b":1},"a":{"c":1}}"#, "a"),
        ] {
            assert_eq!(field(body), expected, "{body}");
        }
        assert!(parse_object(br#"{"a":{"b":1},"c":{"b":1}}"#).is_ok());
    }

    #[test]
    fn byte_order_marks_are_named() {
        for body in [&b"\xef\xbb\xbf{}"[..], b"\xff\xfe{\0}\0", b"\xfe\xff\0{\0}"] {
            let Error::InvalidJson(reason) = error(body) else { panic!("{body:?}") };
            assert!(reason.contains("byte order mark"), "{reason}");
        }
    }

    #[test]
    fn members_named_like_serde_internals_stay_objects() {
        let body = br#"{"a":{"$serde_json::private::Number":"1"},
                        "b":{"$serde_json::private::RawValue":"{}"}}"#;
        let object = parse_object(body).unwrap();
        assert_eq!(object["a"].value, json!({ "$serde_json::private::Number": "1" }));
        assert_eq!(object["b"].value, json!({ "$serde_json::private::RawValue": "{}" }));
    }

    #[test]
    fn half_of_a_surrogate_pair_is_refused() {
        for body in [r#"{"a":["\ud800"]}"#, r#"{"\ud800":1}"#, r#"{"a":{"\udc00":1}}"#] {
            assert!(matches!(error(body.as_bytes()), Error::InvalidJson(_)), "{body}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for number in ["1e400", "-1e309", "1.7976931348623159e308", "1e99999999999999999999"] {
            let body = format!("{{\"a\":{{\"b\":[{number}]}}}}");
            let Error::InvalidJson(reason) = error(body.as_bytes()) else { panic!("{number}") };
            assert!(reason.contains("a.b.0"), "{reason}");
        }
        assert!(parse_object(br#"{"a":[1.7976931348623157e308,1e-400]}"#).is_ok());
    }
}
