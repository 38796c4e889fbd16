//! The declaration of a variable in a manifest.

#![expect(dead_code, reason = "fields that are parsed only for validation")]

use serde::Deserialize;

/// `[variables.<name>]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    #[serde(default)]
    description: Option<String>,
    /// Whether a provider must have a value.
    #[serde(default)]
    pub required: bool,
    /// The value if no provider has one.
    #[serde(default)]
    pub default: Option<String>,
    #[serde(default)]
    secret: bool,
}
