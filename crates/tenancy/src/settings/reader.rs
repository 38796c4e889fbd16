//! A reader that collects every invalid setting.

use std::{collections::BTreeMap, str::FromStr as _};

use super::Declaration;
use crate::error::InvalidSetting;

pub(super) struct Reader<'a> {
    values: &'a BTreeMap<&'static str, String>,
    invalid: Vec<InvalidSetting>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(values: &'a BTreeMap<&'static str, String>) -> Self {
        Self { values, invalid: Vec::new() }
    }

    /// Returns the invalid settings.
    pub(super) fn into_invalid(self) -> Vec<InvalidSetting> {
        self.invalid
    }

    pub(super) fn refuse(&mut self, name: &'static str, message: impl Into<String>) {
        self.invalid.push(InvalidSetting { name, message: message.into() });
    }

    /// Parses the value or the default of a setting, and refuses the setting if neither is valid.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        declaration: &Declaration,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let given = self.values.get(name).map(|value| value.trim());
        let parsed = given
            .filter(|value| !value.is_empty())
            .or(declaration.default)
            .ok_or_else(|| "is required".to_owned())
            .and_then(|text| {
                check_bounds(declaration.bounds, text)?;
                parse(text)
            });
        parsed.map_err(|message| self.refuse(name, message)).ok()
    }
}

fn check_bounds(bounds: Option<(u32, u32)>, text: &str) -> Result<(), String> {
    let Some((minimum, maximum)) = bounds else { return Ok(()) };
    match u32::from_str(text) {
        Ok(number) if (minimum..=maximum).contains(&number) => Ok(()),
        _ => Err(format!("must be a whole number from {minimum} to {maximum}")),
    }
}
