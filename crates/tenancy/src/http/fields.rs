//! Typed fields of a body or a query string. All invalid fields are reported together.
//!
//! Declare a request type with [`fields!`](crate::fields). The types of the fields define the rules.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};
use serde_json::{Map, Value, value::RawValue};
use uuid::Uuid;

use crate::{
    error::{Error, InvalidField, Result},
    json::{Member, Object},
};

/// A request type that can be read from fields.
pub trait FromFields: Sized {
    /// Reads the request, or returns every missing, unknown or invalid field.
    fn from_fields(fields: Fields) -> Result<Self>;

    /// Reads the request from a JSON object.
    fn from_object(object: Object) -> Result<Self> {
        let mut values = Map::new();
        let mut texts = BTreeMap::new();
        for (name, Member { value, raw }) in object {
            values.insert(name.clone(), value);
            texts.insert(name, raw);
        }
        Self::from_fields(Fields {
            values,
            texts,
            textual: false,
            ignores_unknown: false,
            invalid: Vec::new(),
        })
    }
}

/// Declares a request type with its fields.
///
/// A field of type `Option<T>` may be absent or null. A field with `= default` may be absent. Any other field is
/// required.
///
/// ```
/// tenancy::fields! {
///     /// The part of a list to return.
///     pub struct Page {
///         /// The number of items to skip.
///         pub offset: u32 = 0,
///         /// The text to search for.
///         pub search: Option<String>,
///     }
/// }
/// ```
#[macro_export]
macro_rules! fields {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $(
                $(#[$field_meta:meta])*
                $field_visibility:vis $field:ident : $type:ty $(= $default:expr)?
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        $visibility struct $name {
            $( $(#[$field_meta])* $field_visibility $field: $type, )*
        }

        impl $crate::http::fields::FromFields for $name {
            fn from_fields(
                mut fields: $crate::http::fields::Fields,
            ) -> $crate::error::Result<Self> {
                $(
                    let $field = fields.take::<$type>(
                        stringify!($field),
                        None $(.or(Some($default)))?,
                    );
                )*
                fields.finish()?;
                Ok(Self { $( $field: $crate::http::fields::taken($field)?, )* })
            }
        }
    };
}

/// The maximum number of unknown fields that are reported.
const MOST_UNKNOWN: usize = 20;

/// The fields of a request, by name.
pub struct Fields {
    values: Map<String, Value>,
    /// The original texts of the values, for types that store them exactly.
    texts: BTreeMap<String, Box<RawValue>>,
    /// Whether the values are texts of a query string.
    textual: bool,
    ignores_unknown: bool,
    invalid: Vec<InvalidField>,
}

impl Fields {
    /// Reads the parameters of a query string (`application/x-www-form-urlencoded`).
    ///
    /// # Errors
    /// [`Error::InvalidFields`] if a parameter occurs more than once or is not UTF-8.
    pub fn from_query(query: &str) -> Result<Self> {
        let mut fields = Self {
            values: Map::new(),
            texts: BTreeMap::new(),
            textual: true,
            ignores_unknown: false,
            invalid: Vec::new(),
        };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            // The parser replaces invalid UTF-8 with this character.
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                return Err(Error::invalid_field(printable(&name), "must be UTF-8"));
            }
            let value = Value::String(value.into_owned());
            if fields.values.insert(name.clone().into_owned(), value).is_some() {
                return Err(Error::invalid_field(
                    printable(&name),
                    "must not occur more than once",
                ));
            }
        }
        Ok(fields)
    }

    /// Ignores unknown fields.
    #[must_use]
    pub fn ignoring_unknown(self) -> Self {
        Self { ignores_unknown: true, ..self }
    }

    /// Takes the field `name`, or `default` if it is absent. Returns `None` if the field is invalid;
    /// [`finish`](Self::finish) reports it.
    pub fn take<T: FromField>(&mut self, name: &str, default: Option<T>) -> Option<T> {
        let value = self.values.remove(name);
        let members = value.as_ref().map(T::invalid_members).unwrap_or_default();
        if !members.is_empty() {
            let named = members.into_iter().map(|InvalidField { field, message }| {
                InvalidField::new(format!("{name}.{field}"), message)
            });
            self.invalid.extend(named);
            return None;
        }
        let read = match value {
            None => match default.or_else(T::absent) {
                Some(value) => Ok(value),
                None => Err("is required".to_owned()),
            },
            Some(value) if has_nul(&value) => Err("must not contain NUL".to_owned()),
            Some(Value::String(text)) if self.textual => T::from_text(text),
            Some(value) => match self.texts.get(name) {
                Some(text) => T::from_exact_json(value, text),
                None => T::from_json(value),
            },
        };
        read.map_err(|message| self.invalid.push(InvalidField::new(name, message))).ok()
    }

    /// Completes the reading. All fields that are left are unknown.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] with every problem, in the order of discovery.
    pub fn finish(mut self) -> Result<()> {
        let told = if self.ignores_unknown { 0 } else { MOST_UNKNOWN };
        for name in self.values.keys().take(told) {
            self.invalid.push(InvalidField::new(printable(name), "is not a field of this request"));
        }
        if self.invalid.is_empty() { Ok(()) } else { Err(Error::InvalidFields(self.invalid)) }
    }
}

/// Shortens a name that the caller chose and removes control characters, so that a response can contain it.
pub(crate) fn printable(name: &str) -> String {
    name.chars().filter(|char| !char.is_control()).take(100).collect()
}

/// Returns the value of a field. After a successful [`Fields::finish`] there is always a value.
#[doc(hidden)]
pub fn taken<T>(field: Option<T>) -> Result<T> {
    field.ok_or_else(|| Error::internal("a field was lost between reading and use"))
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(object) => {
            object.iter().any(|(key, value)| key.contains('\0') || has_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A type of fields. Errors are phrases that follow the field's name.
pub trait FromField: Sized {
    /// Returns the value of an absent field, or `None` if the field is required.
    fn absent() -> Option<Self> {
        None
    }

    /// Returns the invalid members if the type is an object, each by its name. If there are any,
    /// [`from_json`](Self::from_json) is not called.
    fn invalid_members(_: &Value) -> Vec<InvalidField> {
        Vec::new()
    }

    /// Reads a JSON value.
    fn from_json(value: Value) -> Result<Self, String>;

    /// Reads a JSON value together with its text, for a type that stores numbers exactly.
    fn from_exact_json(value: Value, _text: &RawValue) -> Result<Self, String> {
        Self::from_json(value)
    }

    /// Reads the text of a query parameter.
    fn from_text(text: String) -> Result<Self, String> {
        Self::from_json(Value::String(text))
    }
}

/// A type of text that has rules.
pub trait Text: Sized {
    /// Parses a text, or returns the problem as a phrase that follows the field's name.
    fn parse(text: &str) -> Result<Self, String>;
}

impl<T: Text> FromField for T {
    fn from_json(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) => T::parse(&text),
            _ => Err("must be a string".to_owned()),
        }
    }
}

impl<T: FromField> FromField for Option<T> {
    fn absent() -> Option<Self> {
        Some(None)
    }

    fn invalid_members(value: &Value) -> Vec<InvalidField> {
        T::invalid_members(value)
    }

    fn from_json(value: Value) -> Result<Self, String> {
        if value.is_null() { Ok(None) } else { T::from_json(value).map(Some) }
    }

    fn from_exact_json(value: Value, text: &RawValue) -> Result<Self, String> {
        if value.is_null() { Ok(None) } else { T::from_exact_json(value, text).map(Some) }
    }

    fn from_text(text: String) -> Result<Self, String> {
        T::from_text(text).map(Some)
    }
}

impl Text for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl Text for Uuid {
    fn parse(text: &str) -> Result<Self, String> {
        Self::parse_str(text).map_err(|_| "must be a UUID".to_owned())
    }
}

/// A field of an update: unchanged, cleared with null, or set to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field was absent.
    Keep,
    /// The field was null.
    Clear,
    /// The field has this value.
    Set(T),
}

impl<T> Patch<T> {
    /// Returns whether the field was present.
    pub fn is_given(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// Returns the value, if there is one.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Returns the patch with a reference to its value.
    pub fn as_ref(&self) -> Patch<&T> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(value),
        }
    }
}

impl<T: FromField> FromField for Patch<T> {
    fn absent() -> Option<Self> {
        Some(Self::Keep)
    }

    fn invalid_members(value: &Value) -> Vec<InvalidField> {
        T::invalid_members(value)
    }

    fn from_json(value: Value) -> Result<Self, String> {
        if value.is_null() { Ok(Self::Clear) } else { T::from_json(value).map(Self::Set) }
    }

    fn from_exact_json(value: Value, text: &RawValue) -> Result<Self, String> {
        if value.is_null() {
            Ok(Self::Clear)
        } else {
            T::from_exact_json(value, text).map(Self::Set)
        }
    }
}

impl Text for DateTime<Utc> {
    fn parse(text: &str) -> Result<Self, String> {
        let invalid = || "must be a time such as 2030-01-31T12:00:00Z (RFC 3339)".to_owned();
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| invalid())?.to_utc();
        // Stores cannot represent a leap second, so it becomes the first moment of the next minute.
        let is_leap_second = time.nanosecond() >= 1_000_000_000;
        let time = if is_leap_second {
            DateTime::from_timestamp(time.timestamp() + 1, 0).ok_or_else(invalid)?
        } else {
            time
        };
        // RFC 3339 has four-digit years, but the offset may move the time out of this range.
        if (0..=9_999).contains(&time.year()) {
            Ok(time)
        } else {
            Err("must be in the years 0000 to 9999 in UTC".to_owned())
        }
    }
}

impl Text for NaiveDate {
    fn parse(text: &str) -> Result<Self, String> {
        let invalid = || "must be a day such as 2030-01-31".to_owned();
        let day: Self = text.parse().map_err(|_| invalid())?;
        // Only the form of ISO 8601, with years that are plausible and that PostgreSQL supports.
        let is_plain = text.len() == 10 && (1970..=9999).contains(&day.year());
        if is_plain { Ok(day) } else { Err(invalid()) }
    }
}

impl FromField for bool {
    fn from_json(value: Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| "must be true or false".to_owned())
    }

    fn from_text(text: String) -> Result<Self, String> {
        text.parse().map_err(|_| "must be true or false".to_owned())
    }
}

impl FromField for u32 {
    fn from_json(value: Value) -> Result<Self, String> {
        value
            .as_u64()
            .and_then(|number| Self::try_from(number).ok())
            .ok_or_else(|| "must be a whole number, 0 or more".to_owned())
    }

    fn from_text(text: String) -> Result<Self, String> {
        text.parse().map_err(|_| "must be a whole number, 0 or more".to_owned())
    }
}

#[cfg(test)]
mod tests;
