//! The service and a tenant of a unit test, without servers.

use std::{collections::BTreeMap, rc::Rc};

use chrono::DateTime;
use platform::{
    Platform,
    testing::{self, PreparedSql},
};
use uuid::Uuid;

use crate::{
    access::{Definitions, Role},
    context::Context,
    crypto::Purpose,
    database_location::DatabaseLocation,
    identifier::Slug,
    input::Text as _,
    json::JsonText,
    settings::Settings,
    tenant::{Limits, Status, Tenant, TenantRecord, database::seal_new_password},
    token::Claims,
};

/// The id of the tenant of a test.
pub const TENANT: Uuid = Uuid::from_u128(1);
/// The id of the user of a test.
pub const USER: Uuid = Uuid::from_u128(2);

/// Returns the context of a service with valid settings on these databases.
///
/// # Panics
/// If the settings are no longer valid.
pub fn context(sql: &Rc<PreparedSql>) -> Rc<Context> {
    context_with(sql, &[])
}

/// Returns the context of a service with changed settings on these databases.
///
/// # Panics
/// If the settings are not valid.
pub fn context_with(
    sql: &Rc<PreparedSql>,
    changes: &[(&'static str, &'static str)],
) -> Rc<Context> {
    context_on(testing::platform(sql), changes)
}

/// Returns the context of a service with changed settings on a platform.
///
/// # Panics
/// If the settings are not valid.
#[expect(clippy::unwrap_used, reason = "a test that fails")]
pub fn context_on(platform: Platform, changes: &[(&'static str, &'static str)]) -> Rc<Context> {
    let required = [
        ("MASTER_DATABASE_URL", "postgres://tenancy:secret@db.internal:5432/tenancy"),
        ("TENANT_DATABASE_TEMPLATE", "postgres://{role}:{password}@db.internal/t_{tenant_slug}"),
        ("MASTER_ENCRYPTION_KEY", "8f14e45fceea167a5a36dedd4bea2543"),
        ("JWT_SECRET_KEY", "c9f0f895fb98ab9159f51fd0297e236d"),
        ("ADMIN_API_KEY", "45c48cce2e2d7fbdea1afc51c7c6ad26"),
    ];
    let values = required.iter().chain(changes);
    let values: BTreeMap<_, _> = values.map(|(name, value)| (*name, (*value).to_owned())).collect();
    let settings = Settings::parse(&values).unwrap();
    Rc::new(Context::new(platform, settings).unwrap())
}

/// Returns an active tenant.
///
/// # Panics
/// If its secrets cannot be sealed.
#[expect(clippy::unwrap_used, reason = "a test that fails")]
pub fn tenant(context: &Context) -> Tenant {
    let database = DatabaseLocation {
        host: "db.internal".to_owned(),
        port: 5432,
        name: "t_acme".to_owned(),
        options: String::new(),
    };
    let role = "tenant_1".to_owned();
    let database_password = seal_new_password(context, TENANT, &database, &role).unwrap();
    let random = &*context.platform.random;
    let data_key = context.master_key.seal(Purpose::DataKey, TENANT, &[7; 32], random).unwrap();
    let record = TenantRecord {
        id: TENANT,
        slug: Slug::parse("acme").unwrap(),
        name: "Acme".to_owned(),
        status: Status::Active,
        admin_email: "admin@acme.example".to_owned(),
        domain: None,
        domains: Vec::new(),
        plan: "free".to_owned(),
        limits: Limits {
            users: 10,
            storage: 1_000_000,
            database: 1_000_000_000,
            api_calls: 1_000,
            ai_requests: 100,
            requests_per_minute: 60,
            cache: 1_000_000,
            database_credentials: 3,
            database_connections: 20,
        },
        settings: JsonText::default(),
        private_settings: JsonText::default(),
        definitions: Definitions::default(),
        version: 1,
        database,
        database_role: role,
        database_password: Some(database_password),
        data_key: Some(data_key),
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    };
    Tenant::admit(Rc::new(record)).unwrap()
}

/// Returns the claims of a signed-in user with this role.
pub fn claims(role: Role) -> Claims {
    Claims {
        iss: "tenancy".to_owned(),
        aud: "tenancy".to_owned(),
        client_id: "tenancy".to_owned(),
        sub: USER,
        tid: TENANT,
        slug: "acme".to_owned(),
        role,
        roles: Vec::new(),
        groups: Vec::new(),
        scope: String::new(),
        typ: "access".to_owned(),
        jti: Uuid::nil(),
        sid: Uuid::nil(),
        iat: 0,
        nbf: 0,
        exp: i64::MAX,
        ver: 1,
    }
}
