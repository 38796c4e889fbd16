//! The rows of `users`.

use platform::sql::{Row, SqlError, Value};
use uuid::Uuid;

use crate::{
    access::Role,
    input::Text as _,
    json::JsonText,
    user::{Reach, User},
};

/// The columns that [`user`] reads.
pub(crate) const COLUMNS: &str = "id, email, username, first_name, last_name, role,
    custom_roles::text[] AS custom_roles, groups::text[] AS groups, is_active, is_verified,
    public_metadata, private_metadata, created_at AT TIME ZONE 'UTC' AS created_at, last_login AT TIME ZONE 'UTC' AS last_login,
    version";

/// The condition on a row of `users` with this alias that the bindings of [`reach`] select.
pub(crate) fn within_reach(alias: &str) -> String {
    format!(
        "{alias}.role = ANY(:over::text[])
         AND NOT {alias}.custom_roles && :without_roles::text[]::uuid[]
         AND NOT {alias}.groups && :without_groups::text[]::uuid[]"
    )
}

/// Returns the bindings of [`within_reach`].
pub(crate) fn reach(reach: &Reach) -> [(&'static str, Value); 3] {
    let roles: Vec<_> = reach.roles.iter().map(|role| role.as_str().to_owned()).collect();
    [
        ("over", roles.into()),
        ("without_roles", texts(&reach.without_roles)),
        ("without_groups", texts(&reach.without_groups)),
    ]
}

/// Returns the CTE `recorded`, which adds an entry to the outbox for the user in the row of the earlier CTE `changed`. Only
/// the token identifies the user.
pub(super) fn recorded_for_user() -> &'static str {
    "recorded AS (
         INSERT INTO audit_outbox (id, tenant_id, entry)
         SELECT :entry_id::uuid, :entry_tenant::uuid, :entry::jsonb || jsonb_build_object(
             'actor_type', 'user', 'actor_id', id, 'resource_type', 'user', 'resource_id', id)
         FROM changed
     )"
}

/// Returns ids as a parameter of the type `text[]`.
pub(super) fn texts(ids: &[Uuid]) -> Value {
    ids.iter().map(Uuid::to_string).collect::<Vec<_>>().into()
}

fn ids(row: &Row, column: &str) -> Result<Vec<Uuid>, SqlError> {
    let texts: Vec<String> = row.get(column)?;
    let ids = texts.iter().map(|text| Uuid::parse_str(text));
    ids.collect::<Result<_, _>>().map_err(|_| SqlError::Decode(format!("invalid {column}")))
}

/// Returns an SQL expression for the metadata in `stored` after the change in `change`, both expressions of the type
/// `text`: the members of the change replace those with the same name, and a member with null is removed. A null change
/// keeps the metadata. The result has the canonical form of [`JsonText`].
pub(super) fn merged(stored: &str, change: &str) -> String {
    format!(
        "CASE WHEN {change} IS NULL THEN {stored} ELSE
             (SELECT COALESCE('{{' || string_agg(to_json(key)::text || ':' || value::text, ','
                                                 ORDER BY key COLLATE \"C\") || '}}', '{{}}')
              FROM (SELECT key, value FROM json_each({stored}::json)
                    WHERE key NOT IN (SELECT json_object_keys({change}::json))
                    UNION ALL
                    SELECT key, value FROM json_each({change}::json)
                    WHERE json_typeof(value) <> 'null') members)
         END"
    )
}

fn metadata(row: &Row, column: &str) -> Result<JsonText, SqlError> {
    let stored = JsonText::from_stored(row.get(column)?);
    stored.ok_or_else(|| SqlError::Decode(format!("invalid {column}")))
}

/// Reads a user from the columns in [`COLUMNS`].
pub(crate) fn user(row: &Row) -> Result<User, SqlError> {
    Ok(User {
        id: row.get("id")?,
        email: row.get("email")?,
        username: row.get("username")?,
        first_name: row.get("first_name")?,
        last_name: row.get("last_name")?,
        role: role(&row.get::<String>("role")?)?,
        custom_roles: ids(row, "custom_roles")?,
        groups: ids(row, "groups")?,
        is_active: row.get("is_active")?,
        is_verified: row.get("is_verified")?,
        public_metadata: metadata(row, "public_metadata")?,
        private_metadata: metadata(row, "private_metadata")?,
        created_at: row.get("created_at")?,
        last_login: row.get("last_login")?,
        version: row.get("version")?,
    })
}

pub(super) fn role(name: &str) -> Result<Role, SqlError> {
    Role::parse(name).map_err(|_| SqlError::Decode("a user has an invalid role".to_owned()))
}
