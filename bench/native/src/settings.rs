//! The settings from the environment.

use std::env;

use anyhow::{Context as _, Result};

use crate::answer::Tenant;

pub(crate) struct Settings {
    /// The listening address.
    pub(crate) address: String,
    pub(crate) redis_url: String,
    /// The secret that signs access tokens.
    pub(crate) secret: String,
    /// The tenant, as the application returns it.
    pub(crate) tenant: Tenant,
    pub(crate) tenant_version: i64,
}

impl Settings {
    pub(crate) fn from_environment() -> Result<Self> {
        Ok(Self {
            address: setting("ADDRESS")?,
            redis_url: setting("REDIS_URL")?,
            secret: setting("JWT_SECRET_KEY")?,
            tenant: serde_json::from_str(&setting("TENANT")?).context("TENANT")?,
            tenant_version: setting("TENANT_VERSION")?.parse().context("TENANT_VERSION")?,
        })
    }
}

fn setting(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("{name} is missing"))
}
