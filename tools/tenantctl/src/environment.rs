//! Settings from the environment.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use platform::Platform;
use tenancy::{
    Context,
    settings::{DECLARATIONS, Settings},
};

/// Returns the settings, read by their plain names or with Spin's prefix.
///
/// # Errors
/// Names each missing or invalid setting, with the reason.
pub fn settings() -> Result<Settings> {
    let values: BTreeMap<_, _> = DECLARATIONS
        .iter()
        .map(|setting| setting.name)
        .filter_map(|name| {
            let value = [name.to_owned(), format!("SPIN_VARIABLE_{name}")]
                .iter()
                .filter_map(|variable| std::env::var(variable).ok())
                .find(|value| !value.trim().is_empty())?;
            Some((name, value))
        })
        .collect();
    match Settings::parse(&values) {
        Ok(settings) => Ok(settings),
        Err(invalid) => {
            let lines: Vec<_> = invalid.iter().map(ToString::to_string).collect();
            bail!("{}", lines.join("; "))
        }
    }
}

/// Returns the service with the settings and the platform of this machine.
pub fn context() -> Result<Context> {
    let settings = settings()?;
    let platform = Platform::native(settings.redis_url().expose().to_owned());
    Ok(Context::new(platform, settings)?)
}
