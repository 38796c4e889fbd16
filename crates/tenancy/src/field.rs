//! The types of fields.

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};
use serde_json::{Value, value::RawValue};
use uuid::Uuid;

/// An invalid field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// The name of the field. A dot separates the names of nested objects.
    pub field: String,
    /// The problem, as a phrase that does not repeat the value.
    pub message: String,
}

impl InvalidField {
    /// Creates the error for a field with a problem.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
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

/// A whole number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounded<const LEAST: u32, const MOST: u32>(u32);

impl<const LEAST: u32, const MOST: u32> Bounded<LEAST, MOST> {
    /// Returns the number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const LEAST: u32, const MOST: u32> FromField for Bounded<LEAST, MOST> {
    fn from_json(value: Value) -> Result<Self, String> {
        let number = u32::from_json(value).ok();
        number
            .filter(|number| (LEAST..=MOST).contains(number))
            .map(Self)
            .ok_or_else(|| format!("must be a whole number from {LEAST} to {MOST}"))
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
