//! What callers send: request types, their fields, and the rules of the fields.

mod fields;

pub use crate::field::{Bounded, FromField, InvalidField, Patch, Text};
pub use fields::{Fields, FromFields};

#[cfg(test)]
mod tests;
