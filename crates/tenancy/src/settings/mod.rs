//! Settings of the operator, which are checked once at the start.
//!
//! Each setting is a Spin variable in lower case and an environment variable in upper case. Messages contain the name
//! of the setting but never its value. `declarations.rs` declares each setting once.

mod component;
mod declaration;
mod declarations;
#[cfg(test)]
mod documents;
mod level;
mod mail_api;
mod mail_transport;
mod origin;
mod parse;
mod proxies;
mod reader;
mod role_limits;
mod strength;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

pub use component::Component;
pub use declaration::Declaration;
#[cfg(not(target_family = "wasm"))]
pub use declarations::MANIFEST_DECLARATIONS;
use declarations::Parsed;
pub use declarations::{DECLARATIONS, Settings};
pub use level::Level;
pub use mail_api::{MailApi, MailApiFormat};
pub use mail_transport::MailTransport;
pub use origin::breached_passwords_origin;
pub use proxies::TrustedProxies;
use reader::Reader;
pub use role_limits::RoleLimits;

use crate::{crypto::MasterKey, error::InvalidSetting, secret::Secret};

impl Settings {
    /// Parses the settings in `values`, by the names in [`DECLARATIONS`]. An empty value is treated as absent.
    ///
    /// # Errors
    /// Returns every missing or invalid setting.
    pub fn parse(values: &BTreeMap<&'static str, String>) -> Result<Self, Vec<InvalidSetting>> {
        let mut reader = Reader::new(values);
        let parsed = Parsed::read(&mut reader);
        parsed.check_together(&mut reader);
        let invalid = reader.into_invalid();
        parsed.complete().filter(|_| invalid.is_empty()).ok_or(invalid)
    }

    /// Returns the `redis://` URL of Redis.
    pub fn redis_url(&self) -> Secret {
        self.redis_url.clone().unwrap_or_else(|| Secret::from(url_of_redis(&self.redis_host)))
    }

    /// Returns the limits of tenants' PostgreSQL roles.
    pub fn role_limits(&self) -> RoleLimits {
        RoleLimits {
            connections: self.tenant_connections,
            statement_seconds: self.tenant_statement_seconds,
            lock_seconds: self.tenant_lock_seconds,
            idle_seconds: self.tenant_idle_seconds,
            temp_file_mebibytes: self.tenant_temp_file_mebibytes,
        }
    }
}

impl Parsed {
    /// Refuses valid settings that are invalid together.
    fn check_together(&self, reader: &mut Reader<'_>) {
        // `REDIS_URL` replaces `REDIS_HOST`.
        if let (Some(None), Some(host)) = (&self.redis_url, &self.redis_host)
            && parse::redis_url(&url_of_redis(host)).is_err()
        {
            reader.refuse("REDIS_HOST", "must be a host name, optionally with a port");
        }
        // Deriving keys is slow and each instance reads its settings, so the check runs only if there are other keys.
        if let (Some(current), Some(others)) =
            (&self.master_encryption_key, &self.master_decryption_keys)
            && !others.is_empty()
            && MasterKey::derive(current, others).is_err()
        {
            reader.refuse(
                "MASTER_DECRYPTION_KEYS",
                "must not repeat a key or contain MASTER_ENCRYPTION_KEY",
            );
        }
        if self.mail_transport.is_some_and(|transport| transport != MailTransport::None) {
            if matches!(self.public_url, Some(None)) {
                reader.refuse("PUBLIC_URL", "is required by MAIL_TRANSPORT");
            }
            if matches!(self.mail_from, Some(None)) {
                reader.refuse("MAIL_FROM", "is required by MAIL_TRANSPORT");
            }
        }
        // A leak of a shared secret would be a leak of both.
        let secrets: [(_, Vec<&Secret>); 4] = [
            ("MASTER_ENCRYPTION_KEY", self.master_encryption_key.iter().collect()),
            ("JWT_SECRET_KEY", self.jwt_secret_key.iter().collect()),
            ("ADMIN_API_KEY", self.admin_api_keys.iter().flatten().collect()),
            ("METRICS_TOKEN", self.metrics_token.iter().flatten().collect()),
        ];
        for (index, (name, own)) in secrets.iter().enumerate() {
            let twin = secrets[..index].iter().find(|(_, others)| {
                own.iter().any(|own| others.iter().any(|other| own.expose() == other.expose()))
            });
            if let Some((twin, _)) = twin {
                reader.refuse(name, format!("must not share a secret with {twin}"));
            }
        }
    }
}

/// Returns the URL of Redis at a host with an optional port.
fn url_of_redis(host: &str) -> String {
    if host.contains(':') { format!("redis://{host}") } else { format!("redis://{host}:6379") }
}
