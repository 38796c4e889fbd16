//! SQL statements on `security_policy`.

use platform::sql::{Row, Statement};

use super::{PolicyChange, SecurityPolicy};
use crate::{
    access::Role,
    error::{Error, Result},
    event::{Entry, outbox},
    identifier::Domain,
    input::{Bounded, Patch, Text as _},
    tenant::TenantDb,
};

const COLUMNS: &str = "
    second_factor_roles, second_factor_grace_days, recent_sign_in_minutes, session_idle_minutes,
    session_lifetime_minutes, max_sessions, allowed_networks::text[] AS allowed_networks, password_min_length,
    mailed_sign_in, reject_breached_passwords, passkey_domain";

pub(super) async fn get(database: &TenantDb) -> Result<SecurityPolicy> {
    let statement = format!("SELECT {COLUMNS} FROM security_policy");
    read(database.connection().query_first(&statement, &[]).await?)
}

fn read(row: Option<Row>) -> Result<SecurityPolicy> {
    let row = row.ok_or_else(|| Error::internal("the tenant has no rules for sign-ins"))?;
    let role = |name: &String| {
        let role = Role::parse(name);
        role.map_err(|_| Error::internal("the rules for sign-ins have an invalid role"))
    };
    let roles = row.get::<Vec<String>>("second_factor_roles")?;
    Ok(SecurityPolicy {
        second_factor_roles: roles.iter().map(role).collect::<Result<_>>()?,
        second_factor_grace_days: row.get("second_factor_grace_days")?,
        recent_sign_in_minutes: row.get("recent_sign_in_minutes")?,
        session_idle_minutes: row.get("session_idle_minutes")?,
        session_lifetime_minutes: row.get("session_lifetime_minutes")?,
        max_sessions: row.get("max_sessions")?,
        allowed_networks: row.get("allowed_networks")?,
        password_min_length: row.get("password_min_length")?,
        mailed_sign_in: row.get("mailed_sign_in")?,
        reject_breached_passwords: row.get("reject_breached_passwords")?,
        passkey_domain: row.get("passkey_domain")?,
    })
}

pub(super) async fn change(
    database: &TenantDb,
    change: &PolicyChange,
    entry: &Entry,
) -> Result<SecurityPolicy> {
    // A null in the object is a cleared rule, and an absent member an unchanged one.
    let numbers = [
        ("recent_sign_in_minutes", number(change.recent_sign_in_minutes)),
        ("session_idle_minutes", number(change.session_idle_minutes)),
        ("session_lifetime_minutes", number(change.session_lifetime_minutes)),
        ("max_sessions", number(change.max_sessions)),
        ("password_min_length", number(change.password_min_length)),
    ];
    let assignments = numbers.map(|(name, _)| {
        format!(
            "{name} = CASE WHEN :numbers::jsonb ? '{name}' THEN (:numbers ->> '{name}')::integer ELSE {name} END,"
        )
    });
    let assignments = assignments.concat();
    let given = numbers.iter().filter(|(_, patch)| patch.is_given());
    let given: serde_json::Map<_, _> =
        given.map(|(name, patch)| ((*name).to_owned(), patch.into_option().into())).collect();
    let statement = format!(
        "WITH changed AS (
             UPDATE security_policy SET
                 second_factor_since = CASE WHEN :roles::text[] IS NULL OR :roles <@ second_factor_roles
                                            THEN second_factor_since ELSE now() END,
                 second_factor_roles = COALESCE(:roles, second_factor_roles),
                 second_factor_grace_days = COALESCE(:grace::bigint::integer, second_factor_grace_days),
                 mailed_sign_in = COALESCE(:mailed_sign_in::boolean, mailed_sign_in),
                 reject_breached_passwords = COALESCE(:reject_breached::boolean, reject_breached_passwords),
                 {assignments}
                 allowed_networks = CASE WHEN :changes_networks::boolean THEN :networks::text[]::cidr[]
                                         ELSE allowed_networks END,
                 passkey_domain = CASE WHEN :changes_passkey_domain::boolean THEN :passkey_domain::text
                                       ELSE passkey_domain END
             RETURNING *
         ), {}
         SELECT {COLUMNS} FROM changed",
        outbox::recorded_if("changed")
    );
    let roles = change.second_factor_roles.as_ref().map(|roles| -> Vec<String> {
        roles.0.iter().map(|role| role.as_str().to_owned()).collect()
    });
    let networks = match &change.allowed_networks {
        Patch::Set(networks) => Some(networks.texts()),
        Patch::Keep | Patch::Clear => None,
    };
    let passkey_domain = change.passkey_domain.as_ref().into_option();
    let statement = Statement::new(statement)
        .bind("roles", roles)
        .bind("grace", change.second_factor_grace_days.map(|days| i64::from(days.get())))
        .bind("mailed_sign_in", change.mailed_sign_in)
        .bind("reject_breached", change.reject_breached_passwords)
        .bind("numbers", serde_json::Value::Object(given))
        .bind("changes_networks", change.allowed_networks.is_given())
        .bind("networks", networks)
        .bind("changes_passkey_domain", change.passkey_domain.is_given())
        .bind("passkey_domain", passkey_domain.map(Domain::as_str))
        .bind_all(outbox::bindings(entry));
    read(statement.query_first(database.connection()).await?)
}

fn number<const LEAST: u32, const MOST: u32>(patch: Patch<Bounded<LEAST, MOST>>) -> Patch<u32> {
    match patch {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(number) => Patch::Set(number.get()),
    }
}
