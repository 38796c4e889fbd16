//! TOML with one-line errors.

use anyhow::Result;

/// Parses TOML, with a one-line error.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .map(|span| format!("line {}: ", text[..span.start].matches('\n').count() + 1))
            .unwrap_or_default();
        anyhow::anyhow!("{line}{}", error.message().trim().replace('\n', ", "))
    })
}
