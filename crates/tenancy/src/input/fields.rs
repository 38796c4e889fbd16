//! Typed fields of a body or a query string. All invalid fields are reported together.
//!
//! Declare a request type with [`fields!`](crate::fields). The types of the fields define the rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value, value::RawValue};

use crate::{
    error::{Error, Result},
    field::{FromField, InvalidField},
    json::{Member, Object, has_nul},
    text::printable,
};

/// A request type that can be read from fields. A tuple of such types has the fields of all of them.
pub trait FromFields: Sized {
    /// Takes the fields of this type. Returns `None` if one is missing or invalid; [`Fields::finish`] reports it.
    fn take_from(fields: &mut Fields) -> Option<Self>;

    /// Reads the request, or returns every missing, unknown or invalid field.
    fn from_fields(mut fields: Fields) -> Result<Self> {
        let taken = Self::take_from(&mut fields);
        fields.finish()?;
        // After a successful `finish` there is always a value.
        taken.ok_or_else(|| Error::internal("a field was lost between reading and use"))
    }

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

impl<A: FromFields, B: FromFields> FromFields for (A, B) {
    fn take_from(fields: &mut Fields) -> Option<Self> {
        // Takes all fields before it returns, so that all invalid fields are reported.
        let taken = (A::take_from(fields), B::take_from(fields));
        Some((taken.0?, taken.1?))
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

        impl $crate::input::FromFields for $name {
            fn take_from(fields: &mut $crate::input::Fields) -> Option<Self> {
                $(
                    let $field = fields.take::<$type>(
                        stringify!($field),
                        None $(.or(Some($default)))?,
                    );
                )*
                Some(Self { $( $field: $field?, )* })
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
