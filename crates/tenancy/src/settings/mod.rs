//! Settings of the operator, which are checked once at the start.
//!
//! Each setting is a Spin variable in lower case and an environment variable in upper case. Messages contain the name
//! of the setting but never its value.

mod component;
mod level;
mod proxies;
mod reader;
mod role_limits;
mod strength;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

pub use component::Component;
pub use level::Level;
pub use proxies::TrustedProxies;
use reader::Reader;
pub use role_limits::RoleLimits;

use crate::{
    crypto::{Ed25519Key, Ed25519VerifyingKey},
    database_location::DatabaseTemplate,
    error::InvalidSetting,
    identifier::Domain,
    input::Text as _,
    postgres_url::PostgresUrl,
    secret::Secret,
};

/// The minimum number of PBKDF2 rounds (OWASP Password Storage Cheat Sheet, for HMAC-SHA-256).
const PASSWORD_ROUNDS_MINIMUM: u32 = 600_000;

/// The names of the settings as environment variables.
pub const NAMES: [&str; 31] = [
    "MASTER_DATABASE_URL",
    "TENANT_DATABASE_TEMPLATE",
    "CATALOG_CONNECTIONS",
    "TENANT_CONNECTIONS",
    "TENANT_STATEMENT_SECONDS",
    "TENANT_LOCK_SECONDS",
    "TENANT_IDLE_SECONDS",
    "TENANT_TEMP_FILE_MEBIBYTES",
    "REDIS_URL",
    "REDIS_HOST",
    "MASTER_ENCRYPTION_KEY",
    "MASTER_DECRYPTION_KEYS",
    "JWT_SECRET_KEY",
    "ADMIN_API_KEY",
    "BASE_DOMAIN",
    "TRUSTED_PROXIES",
    "JWT_ED25519_KEY",
    "JWT_VERIFICATION_SECRET_KEYS",
    "JWT_VERIFICATION_ED25519_KEYS",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "ACCESS_TOKEN_EXPIRE_MINUTES",
    "REFRESH_TOKEN_EXPIRE_DAYS",
    "REFRESH_GRACE_SECONDS",
    "SETUP_TOKEN_EXPIRE_HOURS",
    "PASSWORD_MIN_LENGTH",
    "PASSWORD_ROUNDS",
    "ALLOWED_ORIGINS",
    "ANONYMOUS_REQUESTS_PER_MINUTE",
    "METRICS_TOKEN",
    "LOG_LEVEL",
];

/// The settings of the service.
#[derive(Debug)]
pub struct Settings {
    /// The address of the catalog.
    pub master_database_url: PostgresUrl,
    /// The address at which tenants' databases are created.
    pub tenant_database_template: DatabaseTemplate,
    /// The maximum number of concurrent connections to the catalog's database.
    pub catalog_connections: u32,
    /// The limits of tenants' PostgreSQL roles.
    pub role_limits: RoleLimits,
    /// The `redis://` URL of Redis.
    pub redis_url: Secret,
    /// The secret from which the keys that seal other keys are derived.
    pub master_encryption_key: Secret,
    /// Other master keys that can unseal: the previous key or the next one.
    pub master_decryption_keys: Vec<Secret>,
    /// The key that signs access tokens with HS256 if there is no Ed25519 key.
    pub jwt_secret_key: Secret,
    /// The key that signs access tokens with Ed25519.
    pub jwt_ed25519_key: Option<Ed25519Key>,
    /// Other keys that verify HS256 tokens: the previous key or the next one.
    pub jwt_verification_secret_keys: Vec<Secret>,
    /// Other keys that verify Ed25519 tokens. They are published as well.
    pub jwt_verification_ed25519_keys: Vec<Ed25519VerifyingKey>,
    /// The admin keys of the platform. Two keys are valid during a rotation.
    pub admin_api_keys: Vec<Secret>,
    /// The domain whose subdomains identify tenants.
    pub base_domain: Option<Domain>,
    /// The proxies that are trusted to report the client and the host.
    pub trusted_proxies: TrustedProxies,
    /// The `iss` of access tokens.
    pub jwt_issuer: String,
    /// The `aud` of access tokens.
    pub jwt_audience: String,
    /// The lifetime of an access token.
    pub access_token_lifetime: Duration,
    /// The lifetime of a refresh token.
    pub refresh_token_lifetime: Duration,
    /// The period after the use of a refresh token in which it returns the same successor again.
    pub refresh_grace: Duration,
    /// The lifetime of a setup token.
    pub setup_token_lifetime: Duration,
    /// The minimum length of a password, in characters.
    pub password_min_length: usize,
    /// The number of PBKDF2 rounds for hashing a new password.
    pub password_rounds: u32,
    /// The web origins that may call the API from a browser, such as `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// The number of requests without a credential that a network may send per minute.
    pub anonymous_requests_per_minute: u32,
    /// The bearer token that `GET /metrics` requires.
    pub metrics_token: Option<Secret>,
    /// The lowest level that is logged.
    pub log_level: Level,
}

impl Settings {
    /// Parses the settings in `values`, by the names in [`NAMES`]. An empty value is treated as absent.
    ///
    /// # Errors
    /// Returns every missing or invalid setting.
    pub fn parse(values: &BTreeMap<&'static str, String>) -> Result<Self, Vec<InvalidSetting>> {
        let mut reader = Reader::new(values);
        let master_database_url = reader.database_url("MASTER_DATABASE_URL");
        let tenant_database_template =
            reader.required("TENANT_DATABASE_TEMPLATE", DatabaseTemplate::parse);
        let catalog_connections = reader.number("CATALOG_CONNECTIONS", 48, 10, 10_000);
        let role_limits = RoleLimits {
            connections: reader.number("TENANT_CONNECTIONS", 16, 2, 1_000),
            statement_seconds: reader.number("TENANT_STATEMENT_SECONDS", 5, 1, 60),
            lock_seconds: reader.number("TENANT_LOCK_SECONDS", 3, 1, 60),
            idle_seconds: reader.number("TENANT_IDLE_SECONDS", 10, 1, 3_600),
            temp_file_mebibytes: reader.number("TENANT_TEMP_FILE_MEBIBYTES", 256, 1, 1_000_000),
        };
        let redis_url = reader.redis_url();
        let master_encryption_key = reader.secret("MASTER_ENCRYPTION_KEY");
        let master_decryption_keys =
            reader.other_master_keys("MASTER_DECRYPTION_KEYS", master_encryption_key.as_ref());
        let jwt_secret_key = reader.secret("JWT_SECRET_KEY");
        let admin_api_keys = reader.keys("ADMIN_API_KEY");
        let base_domain = reader.optional("BASE_DOMAIN", Domain::parse);
        let trusted_proxies =
            reader.optional("TRUSTED_PROXIES", TrustedProxies::parse).unwrap_or_default();
        let jwt_ed25519_key = reader.optional("JWT_ED25519_KEY", Ed25519Key::parse);
        let jwt_verification_secret_keys = reader.secrets("JWT_VERIFICATION_SECRET_KEYS");
        let jwt_verification_ed25519_keys = reader
            .optional("JWT_VERIFICATION_ED25519_KEYS", Ed25519VerifyingKey::parse_list)
            .unwrap_or_default();
        let jwt_issuer = reader.text("JWT_ISSUER", "tenancy");
        let jwt_audience = reader.text("JWT_AUDIENCE", "tenancy");
        let access_minutes = reader.number("ACCESS_TOKEN_EXPIRE_MINUTES", 30, 1, 1_440);
        let refresh_days = reader.number("REFRESH_TOKEN_EXPIRE_DAYS", 7, 1, 365);
        let refresh_grace = reader.number("REFRESH_GRACE_SECONDS", 0, 0, 60);
        let setup_hours = reader.number("SETUP_TOKEN_EXPIRE_HOURS", 72, 1, 720);
        let password_min_length = reader.number("PASSWORD_MIN_LENGTH", 8, 8, 64);
        let password_rounds = reader.number(
            "PASSWORD_ROUNDS",
            PASSWORD_ROUNDS_MINIMUM,
            PASSWORD_ROUNDS_MINIMUM,
            10_000_000,
        );
        let allowed_origins = reader.origins();
        let anonymous_requests_per_minute =
            reader.number("ANONYMOUS_REQUESTS_PER_MINUTE", 3_000, 60, 1_000_000);
        let metrics_token = reader.optional_secret("METRICS_TOKEN");
        let log_level = reader.log_level();

        reader.different(&[
            ("MASTER_ENCRYPTION_KEY", &master_encryption_key.iter().collect::<Vec<_>>()),
            ("JWT_SECRET_KEY", &jwt_secret_key.iter().collect::<Vec<_>>()),
            ("ADMIN_API_KEY", &admin_api_keys.iter().flatten().collect::<Vec<_>>()),
            ("METRICS_TOKEN", &metrics_token.iter().collect::<Vec<_>>()),
        ]);
        let invalid = reader.into_invalid();
        let (
            Some(master_database_url),
            Some(tenant_database_template),
            Some(redis_url),
            Some(master_encryption_key),
            Some(jwt_secret_key),
            Some(admin_api_keys),
            true,
        ) = (
            master_database_url,
            tenant_database_template,
            redis_url,
            master_encryption_key,
            jwt_secret_key,
            admin_api_keys,
            invalid.is_empty(),
        )
        else {
            return Err(invalid);
        };
        Ok(Self {
            master_database_url,
            tenant_database_template,
            catalog_connections,
            role_limits,
            redis_url,
            master_encryption_key,
            master_decryption_keys,
            jwt_secret_key,
            admin_api_keys,
            jwt_ed25519_key,
            jwt_verification_secret_keys,
            jwt_verification_ed25519_keys,
            base_domain,
            trusted_proxies,
            jwt_issuer,
            jwt_audience,
            access_token_lifetime: Duration::from_mins(access_minutes.into()),
            refresh_token_lifetime: Duration::from_hours(u64::from(refresh_days) * 24),
            refresh_grace: Duration::from_secs(refresh_grace.into()),
            setup_token_lifetime: Duration::from_hours(setup_hours.into()),
            password_min_length: password_min_length as usize,
            password_rounds,
            allowed_origins,
            anonymous_requests_per_minute,
            metrics_token,
            log_level,
        })
    }
}
