//! The declarations of all settings, in the order of docs/settings.md.
//!
//! `spin.toml` and `docs/settings.md` follow from them: `UPDATE_SETTINGS=1 cargo test --profile tools -p tenancy --lib
//! settings`. The descriptions are for operators, and their links are relative to `docs/`.

use std::time::Duration;

use url::Url;

use super::{
    Component::{self, Account, Admin, Auth, Health, Outbound, Tenant},
    Declaration, Level, MailApiFormat, MailTransport, TrustedProxies,
    declaration::{default, required, settings},
    mail_api::mail_api_token,
    origin::origin,
    parse::{
        admin_keys, catalog_url, days, hours, milliseconds, minutes, number, optional, origins,
        public_url, redis_url, role_name, seconds, secret, secrets, text,
    },
    reader::Reader,
};
use crate::{
    crypto::{Ed25519Key, Ed25519VerifyingKey},
    database_location::{DatabaseTemplate, PublicHost, WITHHELD},
    identifier::{Domain, EmailAddress},
    input::Text as _,
    postgres_url::PostgresUrl,
    secret::Secret,
};

const ALL: &[Component] = Component::WITH_ROUTES;

settings! {
    /// The catalog's database, as a `postgres://` URL. [deploy.md](deploy.md) lists the rights of its account.
    MASTER_DATABASE_URL: required().secret().given_to(ALL)
        => pub master_database_url: PostgresUrl = catalog_url;

    /// The location of tenants' databases: `postgres://{role}:{password}@host:5432/tenant_{tenant_id}`. If it has a
    /// literal user and password, that account creates the databases there. Each tenant still has its own role.
    TENANT_DATABASE_TEMPLATE: required().secret().given_to(&[Account, Admin, Auth, Tenant])
        .elsewhere(WITHHELD)
        => pub tenant_database_template: DatabaseTemplate = DatabaseTemplate::parse;

    /// Redis, as a `redis://` URL.
    REDIS_URL: default("").secret().given_to(ALL)
        => pub(super) redis_url: Option<Secret> = optional(redis_url);

    /// The host of Redis with an optional port, if there is no `REDIS_URL`.
    REDIS_HOST: default("localhost").given_to(ALL)
        => pub(super) redis_host: String = text;

    /// Seals tenants' keys and passwords. 32 bytes or more, no comma. Keep a copy: without it no tenant's database is
    /// accessible. [Rotation](operations.md#master-key-rotation).
    MASTER_ENCRYPTION_KEY: required().secret().given_to(&[Account, Admin, Auth, Tenant])
        => pub master_encryption_key: Secret = secret;

    /// Other master keys that can unseal, separated by commas: the previous or the next one.
    MASTER_DECRYPTION_KEYS: default("").secret().given_to(&[Account, Admin, Auth, Tenant])
        => pub master_decryption_keys: Vec<Secret> = secrets;

    /// Signs access tokens (HS256). 32 bytes or more, no comma. [Rotation](integrate.md#verify-tokens-offline).
    JWT_SECRET_KEY: required().secret().given_to(&[Account, Auth, Tenant])
        => pub jwt_secret_key: Secret = secret;

    /// Other secrets that verify tokens, separated by commas: the previous or the next one.
    JWT_VERIFICATION_SECRET_KEYS: default("").secret().given_to(&[Account, Auth, Tenant])
        => pub jwt_verification_secret_keys: Vec<Secret> = secrets;

    /// Signs access tokens with EdDSA instead: PKCS#8 as PEM or base64. Its public key is
    /// [published](integrate.md#verify-tokens-offline).
    JWT_ED25519_KEY: default("").secret().given_to(&[Account, Auth, Tenant])
        => pub jwt_ed25519_key: Option<Ed25519Key> = optional(Ed25519Key::parse);

    /// Other public keys that verify tokens and are published: the `x` of each JWK, separated by commas.
    JWT_VERIFICATION_ED25519_KEYS: default("").given_to(&[Account, Auth, Tenant])
        => pub jwt_verification_ed25519_keys: Vec<Ed25519VerifyingKey> = optional(Ed25519VerifyingKey::parse_list);

    /// The operators' [break-glass credential](endpoints.md#operator-credentials). 32 bytes or more. During a rotation,
    /// two keys separated by a comma.
    ADMIN_API_KEY: required().secret().given_to(&[Admin])
        => pub admin_api_keys: Vec<Secret> = admin_keys;

    /// Lifetime of an access token in minutes.
    ACCESS_TOKEN_EXPIRE_MINUTES: default("30").between(1, 1_440).given_to(ALL)
        => pub access_token_lifetime: Duration = minutes;

    /// Lifetime of a refresh token in days.
    REFRESH_TOKEN_EXPIRE_DAYS: default("7").between(1, 365).given_to(ALL)
        => pub refresh_token_lifetime: Duration = days;

    /// Seconds during which a used refresh token returns the same successor again, for two concurrent tabs.
    REFRESH_GRACE_SECONDS: default("0").between(0, 60).given_to(ALL)
        => pub refresh_grace: Duration = seconds;

    /// Lifetime of a setup token in hours.
    SETUP_TOKEN_EXPIRE_HOURS: default("72").between(1, 720).given_to(ALL)
        => pub setup_token_lifetime: Duration = hours;

    /// Minimum length of a new password in characters.
    PASSWORD_MIN_LENGTH: default("8").between(8, 64).given_to(ALL)
        => pub password_min_length: usize = number;

    // The OWASP Password Storage Cheat Sheet has this minimum for HMAC-SHA-256.
    /// Rounds of PBKDF2-HMAC-SHA-256. Hashes with fewer rounds are replaced at the next sign-in.
    PASSWORD_ROUNDS: default("600000").between(600_000, 10_000_000).given_to(ALL)
        => pub password_rounds: u32 = number;

    /// `iss` of access tokens.
    JWT_ISSUER: default("tenancy").given_to(ALL)
        => pub jwt_issuer: String = text;

    /// `aud` of access tokens.
    JWT_AUDIENCE: default("tenancy").given_to(ALL)
        => pub jwt_audience: String = text;

    /// The domain whose subdomains name tenants.
    BASE_DOMAIN: default("").given_to(ALL)
        => pub base_domain: Option<Domain> = optional(Domain::parse);

    /// The address of your application, with which links in [messages](mail.md) begin: `https://app.example.com`.
    /// `http://` is accepted for `localhost` and `127.0.0.1` only.
    PUBLIC_URL: default("").given_to(ALL)
        => pub public_url: Option<Url> = optional(public_url);

    /// How [messages to users](mail.md) are sent: `none`, `smtp` by `tenantctl mail deliver`, or `http` by the
    /// service itself, through the HTTP API of a mail service. Both require `MAIL_FROM` and `PUBLIC_URL`, and `http` also
    /// `MAIL_API_URL` and `MAIL_API_TOKEN`.
    MAIL_TRANSPORT: default("none").given_to(ALL)
        => pub mail_transport: MailTransport = MailTransport::parse;

    /// The address of the sender of messages.
    MAIL_FROM: default("").given_to(ALL)
        => pub mail_from: Option<EmailAddress> = optional(EmailAddress::parse);

    /// The origin of the HTTP API of a mail service: `https://api.example.com`. Only the component `outbound` calls it.
    /// `http://` is accepted for `localhost` and `127.0.0.1` only.
    MAIL_API_URL: default("").given_to(&[Outbound])
        => pub mail_api_url: Option<Url> = optional(origin);

    /// The form of the requests to the mail service: `json`, `resend` or `postmark`. See
    /// [HTTP API](mail.md#http-api).
    MAIL_API_FORMAT: default("json").given_to(&[Outbound])
        => pub mail_api_format: MailApiFormat = MailApiFormat::parse;

    /// The token of the account at the mail service.
    MAIL_API_TOKEN: default("").secret().given_to(&[Outbound])
        => pub mail_api_token: Option<Secret> = optional(mail_api_token);

    /// The origin of a service with the range API of Have I Been Pwned: `https://api.pwnedpasswords.com`. Tenants can then
    /// [refuse breached passwords](second-factors.md#breached-passwords). The component `outbound` calls it, with the
    /// first five hexadecimal digits of a SHA-1. `http://` is accepted for `localhost` and `127.0.0.1` only.
    BREACHED_PASSWORDS_URL: default("").given_to(&[Tenant, Outbound])
        => pub breached_passwords_url: Option<Url> = optional(origin);

    /// Addresses and networks whose `X-Forwarded-Host`, `X-Forwarded-For` and `X-Forwarded-Proto` are trusted, separated
    /// by commas. See [The proxy in front](deploy.md#the-proxy-in-front).
    TRUSTED_PROXIES: default("").given_to(ALL)
        => pub trusted_proxies: TrustedProxies = TrustedProxies::parse;

    /// Web origins that may call from a browser, separated by commas.
    ALLOWED_ORIGINS: default("").given_to(ALL)
        => pub allowed_origins: Vec<String> = origins;

    /// Maximum connections of the catalog's database, of all hosts and tools together. `tenantctl migrate` sets it. See
    /// [PostgreSQL connections](operations.md#postgresql-connections).
    CATALOG_CONNECTIONS: default("48").between(10, 10_000).given_to(ALL)
        => pub catalog_connections: u32 = number;

    /// The host that applications use for [database credentials](endpoints.md#database-credentials), with an optional
    /// port: `db.example:6432`. By default the host of `TENANT_DATABASE_TEMPLATE`.
    TENANT_DATABASE_PUBLIC_HOST: default("").given_to(&[Tenant])
        => pub tenant_database_public_host: Option<PublicHost> = optional(PublicHost::parse);

    /// The PostgreSQL role with which [PgBouncer](application-database.md#pgbouncer) checks the passwords of
    /// applications. It may connect to the databases of tenants that have database credentials.
    TENANT_DATABASE_PROXY_ROLE: default("").given_to(&[Tenant])
        => pub tenant_database_proxy_role: Option<String> = optional(role_name);

    /// Maximum connections of a tenant's PostgreSQL role.
    TENANT_CONNECTIONS: default("16").between(2, 1_000).given_to(ALL)
        => pub(super) tenant_connections: u32 = number;

    /// Seconds after which PostgreSQL cancels a tenant's statement.
    TENANT_STATEMENT_SECONDS: default("5").between(1, 60).given_to(ALL)
        => pub(super) tenant_statement_seconds: u32 = number;

    /// Seconds for which a tenant's statement waits for a lock.
    TENANT_LOCK_SECONDS: default("3").between(1, 60).given_to(ALL)
        => pub(super) tenant_lock_seconds: u32 = number;

    /// Seconds after which PostgreSQL closes a tenant's idle connection.
    TENANT_IDLE_SECONDS: default("10").between(1, 3_600).given_to(ALL)
        => pub(super) tenant_idle_seconds: u32 = number;

    /// Maximum size of temporary files of a tenant's connection in MiB.
    TENANT_TEMP_FILE_MEBIBYTES: default("256").between(1, 1_000_000).given_to(ALL)
        => pub(super) tenant_temp_file_mebibytes: u32 = number;

    /// Milliseconds for which an instance admits the calls of a busy tenant without asking Redis; 0 turns this off. A
    /// revocation of a busy tenant's credential takes up to this time longer. See [Leases](operations.md#leases).
    LEASE_MILLISECONDS: default("100").between(0, 1_000).given_to(ALL)
        => pub lease: Duration = milliseconds;

    /// Requests per minute without a credential from one network.
    ANONYMOUS_REQUESTS_PER_MINUTE: default("3000").between(60, 1_000_000).given_to(ALL)
        => pub anonymous_requests_per_minute: u32 = number;

    /// A bearer token that `GET /metrics` requires.
    METRICS_TOKEN: default("").secret().given_to(&[Health])
        => pub metrics_token: Option<Secret> = optional(secret);

    /// `DEBUG`, `INFO`, `WARNING` or `ERROR`.
    LOG_LEVEL: default("INFO").given_to(ALL)
        => pub log_level: Level = Level::parse;
}

/// The declarations of the settings that `spin.toml` uses itself. No component gets them.
#[cfg(not(target_family = "wasm"))]
pub const MANIFEST_DECLARATIONS: &[Declaration] = &[
    Declaration {
        name: "ALLOWED_POSTGRES_HOSTS",
        description: "The PostgreSQL servers that the components may reach, as one Spin pattern: \
                      `postgres://*.db.internal:5432`.",
        ..default("postgres://localhost:5432")
    },
    Declaration {
        name: "ALLOWED_REDIS_HOSTS",
        description: "The Redis servers that the components may reach, as one Spin pattern. A \
                      `rediss://` URL needs `rediss://…` here.",
        ..default("redis://localhost:6379")
    },
];
