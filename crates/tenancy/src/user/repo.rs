//! SQL statements on `users`. `token::session` updates `last_login`, in one statement with the new session.

pub(crate) mod account_tokens;
pub(crate) mod address_change;
pub mod credentials;
mod rows;

use platform::sql::{Row, Rows, SqlError, Statement, UNICODE, Value, contains_pattern};
pub(crate) use rows::{COLUMNS, reach, user, within_reach};
use uuid::Uuid;

use self::credentials::{SetupToken, token_values};
use super::{NewUser, Reach, User, UserChange};
use crate::{
    access::{MOST_OF_ONE, Role},
    error::{Error, Result, RoleError},
    event::{Entry, outbox},
    identifier::EmailAddress,
    mail::{
        insertion::{self, NewMessage, mailed_if},
        notice::{self, Notice, noticed_if},
        template::Purpose,
    },
    metadata::{Metadata, MetadataFilter},
    tenant::TenantDb,
};
use rows::{merged, role, texts};

/// The row of a user to create.
pub struct NewRow<'a> {
    /// The id.
    pub id: Uuid,
    /// The requested properties.
    pub new: &'a NewUser,
    /// The password as a PHC string.
    pub password_hash: Option<String>,
    /// The token that sets the password, if there is none.
    pub setup_token: Option<SetupToken>,
    /// The message with the token.
    pub(crate) message: Option<NewMessage>,
}

/// The result of [`insert`].
pub struct Inserted {
    /// The user, if it was created.
    pub user: Option<User>,
    /// The previous number of users.
    pub users_before: i64,
    /// Whether the message was added to the outbox.
    pub is_mailed: bool,
}

/// Returns the number of users.
pub async fn count(database: &TenantDb) -> Result<i64> {
    let statement = "SELECT count(*) AS total FROM users";
    let row = database.connection().query_first(statement, &[]).await?;
    row.map_or(Ok(0), |row| Ok(row.get("total")?))
}

/// Creates a user if there are fewer than `limit` users.
pub async fn insert(
    database: &TenantDb,
    row: NewRow<'_>,
    limit: i64,
    entry: &Entry,
) -> Result<Inserted> {
    let statement = format!(
        "WITH counted AS MATERIALIZED (
             SELECT count_users_for_one_more() AS users
         ), inserted AS (
             INSERT INTO users (id, email, username, first_name, last_name, role, custom_roles, groups,
                                password_hash, setup_token_hash, setup_token_expires_at, public_metadata)
             SELECT :id::uuid, :email::text, :username::text, :first_name::text, :last_name::text,
                    :role::text, :custom_roles::text[]::uuid[], :groups::text[]::uuid[],
                    :password_hash::text,
                    :token_hash::bytea, :token_expires_at::timestamp AT TIME ZONE 'UTC',
                    {metadata}
             FROM counted WHERE users < :limit
             RETURNING *
         ), {}, {}
         SELECT counted.users, EXISTS (SELECT FROM mailed) AS is_mailed, inserted.* FROM counted
         LEFT JOIN (SELECT {COLUMNS} FROM inserted) inserted ON true",
        mailed_if("inserted"),
        outbox::recorded_if("inserted"),
        metadata = merged("'{}'", ":public_metadata::text"),
    );
    let (token_hash, token_expires_at) = token_values(row.setup_token.as_ref());
    let statement = Statement::new(statement)
        .bind("id", row.id)
        .bind("email", row.new.email.as_str())
        .bind("username", row.new.username.as_ref())
        .bind("first_name", row.new.first_name.as_ref())
        .bind("last_name", row.new.last_name.as_ref())
        .bind("role", row.new.role.role().as_str())
        .bind("custom_roles", texts(row.new.custom_roles.ids()))
        .bind("groups", texts(row.new.groups.ids()))
        .bind("password_hash", row.password_hash.clone())
        .bind("token_hash", token_hash)
        .bind("token_expires_at", token_expires_at)
        .bind("public_metadata", row.new.public_metadata.json().as_str())
        .bind("limit", limit)
        .bind_all(insertion::bindings(row.message))
        .bind_all(outbox::bindings(entry));
    match statement.query_first(database.connection()).await {
        Ok(Some(row)) => {
            let is_new = row.get::<Option<Uuid>>("id")?.is_some();
            Ok(Inserted {
                user: is_new.then(|| user(&row)).transpose()?,
                users_before: row.get("users")?,
                is_mailed: row.get("is_mailed")?,
            })
        }
        Ok(None) => Err(Error::internal("a new user was not returned")),
        Err(error) => Err(taken(error)),
    }
}

fn taken(error: SqlError) -> Error {
    match error.constraint() {
        Some("users_email_key") => Error::Taken { field: "email", code: "email_taken" },
        Some("users_username_key") => Error::Taken { field: "username", code: "username_taken" },
        Some("users_public_metadata_check") => metadata_too_large("public_metadata"),
        Some("users_private_metadata_check") => metadata_too_large("private_metadata"),
        Some("users_groups_check") => {
            RoleError::TooMany { objects: "groups of a user", limit: MOST_OF_ONE }.into()
        }
        _ => error.into(),
    }
}

fn metadata_too_large(field: &'static str) -> Error {
    Error::invalid_field(field, "must have at most 16 KiB as JSON after the change")
}

/// The filter of a list of users. The default selects no page.
#[derive(Debug, Default)]
pub struct Filter {
    /// The number of users to skip.
    pub offset: u32,
    /// The maximum number of users to return.
    pub limit: u32,
    /// Selects users with this role.
    pub role: Option<Role>,
    /// Selects users with this custom role, without the members of groups with the role.
    pub custom_role: Option<Uuid>,
    /// Selects members of this group.
    pub group: Option<Uuid>,
    /// Selects active users, or deactivated users.
    pub is_active: Option<bool>,
    /// Selects users with this text in the e-mail address or a name.
    pub search: Option<String>,
    /// Selects users by their public metadata.
    pub public_metadata: Option<MetadataFilter>,
    /// Selects users by their private metadata.
    pub private_metadata: Option<MetadataFilter>,
}

/// Returns the users that `filter` selects, the newest first, and the total number of selected users.
pub async fn list(database: &TenantDb, filter: &Filter) -> Result<(Rows<User>, i64)> {
    let selected = format!(
        "(:role::text IS NULL OR role = :role)
         AND (:custom_role::uuid IS NULL OR users.custom_roles @> ARRAY[:custom_role::uuid])
         AND (:group::uuid IS NULL OR users.groups @> ARRAY[:group::uuid])
         AND (:is_active::boolean IS NULL OR is_active = :is_active)
         AND (:public_metadata::text IS NULL
              OR users.public_metadata::jsonb @> :public_metadata::text::jsonb)
         AND (:private_metadata::text IS NULL
              OR users.private_metadata::jsonb @> :private_metadata::text::jsonb)
         AND (:pattern::text IS NULL OR email ILIKE :pattern {UNICODE}
              OR username ILIKE :pattern {UNICODE} OR first_name ILIKE :pattern {UNICODE}
              OR last_name ILIKE :pattern {UNICODE})"
    );
    let statement = format!(
        "SELECT {COLUMNS} FROM users WHERE {selected}
         ORDER BY users.created_at DESC, id DESC OFFSET :offset LIMIT :limit"
    );
    let selection: [(&str, Value); 7] = [
        ("role", filter.role.map(Role::as_str).into()),
        ("custom_role", filter.custom_role.into()),
        ("group", filter.group.into()),
        ("is_active", filter.is_active.into()),
        ("public_metadata", filter.public_metadata.as_ref().map(MetadataFilter::as_str).into()),
        ("private_metadata", filter.private_metadata.as_ref().map(MetadataFilter::as_str).into()),
        ("pattern", filter.search.as_deref().map(contains_pattern).into()),
    ];
    let page = Statement::new(statement)
        .bind_all(selection.clone())
        .bind("offset", i64::from(filter.offset))
        .bind("limit", i64::from(filter.limit));
    let rows = page.query(database.connection()).await?;
    let count = format!("SELECT count(*) AS total FROM users WHERE {selected}");
    let count = Statement::new(count).bind_all(selection);
    let total = count.query_first(database.connection()).await?;
    let total = total.map_or(Ok(0), |row| row.get("total"))?;
    Ok((Rows::read(&rows, user), total))
}

/// The result of updating or deleting a user.
pub enum Changed<T> {
    /// The user was updated or deleted.
    Done(T),
    /// The user does not exist.
    NotFound,
    /// The tenant would have no active administrator. Nothing was written.
    LastAdministrator,
    /// The user has this role, which exceeds the caller's authority. Nothing was written.
    Above(Role),
    /// The user has this custom role or is in this group, which exceeds the caller's authority. Nothing was written.
    AboveCustom(Uuid),
}

/// CTEs that lock the administrators with a password, in a fixed order, and then the user `:id`. If two concurrent calls
/// would each remove one of the last two administrators, the second call sees the effect of the first.
const LOCKED: &str = "
    administrators AS MATERIALIZED (
        SELECT id FROM users WHERE role = 'admin' AND is_active AND password_hash IS NOT NULL
        ORDER BY id FOR UPDATE
    ), before AS MATERIALIZED (
        SELECT id, role, custom_roles, groups, is_active, email, is_verified FROM users
        WHERE id = :id AND (SELECT count(*) FROM administrators) >= 0
        FOR UPDATE
    )";

/// The columns that report why a user in `before` is out of reach.
const OUT_OF_REACH: &str = "
    (SELECT b.role FROM before b WHERE NOT b.role = ANY(:over::text[])) AS above,
    (SELECT min(x.id::text) FROM before b, unnest(b.custom_roles || b.groups) AS x (id)
     WHERE x.id = ANY(:without_roles::text[]::uuid[] || :without_groups::text[]::uuid[]))
        AS above_custom";

/// Updates a user within reach. A deactivation ends every session. A new e-mail address revokes the setup
/// token, which was issued for the previous address, and objections of former addresses. The previous address gets the
/// notice if it was verified.
pub(crate) async fn update(
    database: &TenantDb,
    id: Uuid,
    change: &UserChange,
    over: &Reach,
    notice: Option<Notice>,
    entry: &Entry,
) -> Result<Changed<User>> {
    let within_reach = within_reach("b");
    let statement = format!(
        "WITH {LOCKED}, changed AS (
             UPDATE users u SET
                 email = COALESCE(:email::text, u.email),
                 is_verified = u.is_verified AND COALESCE(:email = u.email, true),
                 setup_token_hash = CASE WHEN :email <> u.email THEN NULL ELSE setup_token_hash END,
                 setup_token_expires_at =
                     CASE WHEN :email <> u.email THEN NULL ELSE setup_token_expires_at END,
                 username = CASE WHEN :has_username THEN :username::text ELSE username END,
                 first_name = CASE WHEN :has_first_name THEN :first_name::text ELSE first_name END,
                 last_name = CASE WHEN :has_last_name THEN :last_name::text ELSE last_name END,
                 role = COALESCE(:role::text, u.role),
                 custom_roles = COALESCE(:custom_roles::text[]::uuid[], u.custom_roles),
                 groups = CASE WHEN :groups::text[] IS NOT NULL THEN :groups::text[]::uuid[]
                     WHEN :member_of::uuid IS NULL THEN u.groups
                     WHEN NOT :is_member THEN array_remove(u.groups, :member_of::uuid)
                     WHEN u.groups @> ARRAY[:member_of::uuid] THEN u.groups
                     ELSE u.groups || :member_of::uuid END,
                 is_active = COALESCE(:is_active::boolean, u.is_active),
                 public_metadata = {public_metadata},
                 private_metadata = {private_metadata},
                 session_epoch = session_epoch + CASE WHEN :is_active THEN 0
                                                      WHEN :is_active IS NULL THEN 0 ELSE 1 END
             FROM before b
             WHERE u.id = b.id AND {within_reach} AND (
                 NOT (b.role = 'admin' AND b.is_active)
                 OR (COALESCE(:role, b.role) = 'admin' AND COALESCE(:is_active, b.is_active))
                 OR EXISTS (SELECT FROM administrators a WHERE a.id <> b.id))
             RETURNING u.*
         ), ended AS (
             UPDATE sessions SET revoked_at = now(), revoked_reason = 'admin'
             WHERE user_id = :id AND revoked_at IS NULL
               AND EXISTS (SELECT FROM changed WHERE NOT is_active)
         ), moved AS MATERIALIZED (
             SELECT c.id FROM changed c JOIN before b ON b.id = c.id AND b.email <> c.email
         ), overridden AS (
             DELETE FROM account_tokens
             WHERE user_id IN (SELECT id FROM moved) AND purpose IN ('address_change', 'address_objection')
         ), {noticed}, recorded AS (
             INSERT INTO audit_outbox (id, tenant_id, entry)
             SELECT :entry_id::uuid, :entry_tenant::uuid, jsonb_set(:entry::jsonb, '{{detail}}',
                 :entry::jsonb -> 'detail' || jsonb_build_object(
                     'before', jsonb_build_object('role', b.role, 'custom_roles', b.custom_roles,
                         'groups', b.groups, 'is_active', b.is_active),
                     'after', jsonb_build_object('role', c.role, 'custom_roles', c.custom_roles,
                         'groups', c.groups, 'is_active', c.is_active)))
             FROM before b, changed c
         )
         SELECT EXISTS (SELECT FROM before) AS is_there,
                {OUT_OF_REACH}, {COLUMNS}
         FROM (VALUES (1)) one LEFT JOIN changed ON true",
        public_metadata = merged("u.public_metadata", ":public_metadata::text"),
        private_metadata = merged("u.private_metadata", ":private_metadata::text"),
        noticed = noticed_if(
            "moved",
            "n.id",
            Purpose::AddressReplaced,
            "EXISTS (SELECT FROM before b WHERE b.is_verified)"
        ),
    );
    let text = |metadata: &Option<Metadata>| {
        metadata.as_ref().map(|metadata| metadata.json().as_str().to_owned())
    };
    let statement = Statement::new(statement)
        .bind("id", id)
        .bind("public_metadata", text(&change.public_metadata))
        .bind("private_metadata", text(&change.private_metadata))
        .bind("email", change.email.as_ref().map(EmailAddress::as_str))
        .bind("has_username", change.username.is_given())
        .bind("username", change.username.as_ref().into_option())
        .bind("has_first_name", change.first_name.is_given())
        .bind("first_name", change.first_name.as_ref().into_option())
        .bind("has_last_name", change.last_name.is_given())
        .bind("last_name", change.last_name.as_ref().into_option())
        .bind("role", change.role.map(|granted| granted.role().as_str()))
        .bind("custom_roles", change.custom_roles.as_ref().map(|granted| texts(granted.ids())))
        .bind("groups", change.groups.as_ref().map(|granted| texts(granted.ids())))
        .bind("member_of", change.membership.map(|membership| membership.group))
        .bind("is_member", change.membership.is_some_and(|membership| membership.is_member))
        .bind("is_active", change.is_active)
        .bind_all(reach(over))
        .bind_all(notice::bindings(notice))
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await.map_err(taken)?;
    changed(row.as_ref(), user)
}

/// Deletes a user within reach, with its sessions, and returns the last version of the user.
pub async fn delete(
    database: &TenantDb,
    id: Uuid,
    over: &Reach,
    entry: &Entry,
) -> Result<Changed<i64>> {
    remove(database, id, over, entry, "").await
}

/// The CTE that begins the erasure of a deleted user. The addresses and sessions identify failed sign-ins, which expire
/// within minutes, so the newest of them are sufficient.
const ERASURE: &str = "
    erasure AS (
        INSERT INTO user_erasures (user_id, person, removed)
        SELECT d.id, jsonb_build_object(
                   'email', d.email,
                   'names', array_remove(ARRAY[d.username, d.first_name, d.last_name], NULL),
                   'addresses', ARRAY(SELECT s.address FROM sessions s WHERE s.user_id = d.id AND s.address IS NOT NULL
                                      GROUP BY s.address ORDER BY max(s.created_at) DESC LIMIT 200),
                   'sessions', ARRAY(SELECT s.id FROM sessions s WHERE s.user_id = d.id
                                     ORDER BY s.created_at DESC LIMIT 200)),
               jsonb_build_object(
                   'sessions', (SELECT count(*) FROM sessions s WHERE s.user_id = d.id),
                   'mail_messages', (SELECT count(*) FROM mail_messages m WHERE m.user_id = d.id))
        FROM deleted d
        ON CONFLICT (user_id) DO UPDATE SET person = excluded.person, removed = excluded.removed
    ),";

/// Deletes a user like [`delete`], and begins the erasure of the person.
pub(crate) async fn erase(
    database: &TenantDb,
    id: Uuid,
    over: &Reach,
    entry: &Entry,
) -> Result<Changed<i64>> {
    remove(database, id, over, entry, ERASURE).await
}

/// Deletes a user. `more` is a CTE for the rows of `deleted`, with a comma, or empty.
async fn remove(
    database: &TenantDb,
    id: Uuid,
    over: &Reach,
    entry: &Entry,
    more: &str,
) -> Result<Changed<i64>> {
    let within_reach = within_reach("b");
    let statement = format!(
        "WITH {LOCKED}, deleted AS (
             DELETE FROM users u USING before b
             WHERE u.id = b.id AND {within_reach} AND (
                 NOT (b.role = 'admin' AND b.is_active)
                 OR EXISTS (SELECT FROM administrators a WHERE a.id <> b.id))
             RETURNING u.*
         ), {more} recorded AS (
             INSERT INTO audit_outbox (id, tenant_id, entry)
             SELECT :entry_id::uuid, :entry_tenant::uuid, jsonb_set(:entry::jsonb, '{{detail}}',
                 :entry::jsonb -> 'detail' || jsonb_build_object('before', jsonb_build_object(
                     'role', b.role, 'custom_roles', b.custom_roles, 'groups', b.groups,
                     'is_active', b.is_active)))
             FROM before b, deleted d
         )
         SELECT EXISTS (SELECT FROM before) AS is_there,
                {OUT_OF_REACH}, id, version
         FROM (VALUES (1)) one LEFT JOIN deleted ON true"
    );
    let statement = Statement::new(statement)
        .bind("id", id)
        .bind_all(reach(over))
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    changed(row.as_ref(), |row| row.get("version"))
}

fn changed<T>(
    row: Option<&Row>,
    read: impl FnOnce(&Row) -> Result<T, SqlError>,
) -> Result<Changed<T>> {
    let row = row.ok_or_else(|| Error::internal("an update returned no result"))?;
    if row.get::<Option<Uuid>>("id")?.is_some() {
        return Ok(Changed::Done(read(row)?));
    }
    if let Some(above) = row.get::<Option<String>>("above")? {
        return Ok(Changed::Above(role(&above)?));
    }
    if let Some(above) = row.get::<Option<String>>("above_custom")? {
        let id = Uuid::parse_str(&above);
        return Ok(Changed::AboveCustom(id.map_err(Error::internal)?));
    }
    Ok(if row.get("is_there")? { Changed::LastAdministrator } else { Changed::NotFound })
}

/// Removes an id without a definition from the custom roles and groups of all users. It grants nothing, so the versions
/// of the users stay. Returns the number of users in this call; 0 means that none is left.
pub(crate) async fn forget(database: &TenantDb, id: Uuid) -> Result<u64> {
    let statement = "
        WITH forgetting AS MATERIALIZED (
            SELECT set_config('tenancy.forgetting', 'on', true) AS is_set
        ), found AS MATERIALIZED (
            SELECT u.id FROM users u
            WHERE (u.custom_roles @> ARRAY[$1::uuid] OR u.groups @> ARRAY[$1::uuid])
              AND (SELECT is_set FROM forgetting) = 'on'
            ORDER BY u.id LIMIT 1000 FOR UPDATE
        )
        UPDATE users SET custom_roles = array_remove(custom_roles, $1::uuid),
                         groups = array_remove(groups, $1::uuid)
        WHERE id IN (SELECT id FROM found)";
    Ok(database.connection().execute(statement, &[id.into()]).await?)
}

/// Returns the e-mail address of an administrator, preferably one who can sign in, and of those the oldest account.
pub(crate) async fn find_administrator(database: &TenantDb) -> Result<Option<String>> {
    let statement = "
        SELECT email FROM users WHERE role = 'admin'
        ORDER BY is_active AND password_hash IS NOT NULL DESC, created_at, id LIMIT 1";
    let row = database.connection().query_first(statement, &[]).await?;
    Ok(row.map(|row| row.get("email")).transpose()?)
}

/// Returns the user with an id, if there is one.
pub async fn find(database: &TenantDb, id: Uuid) -> Result<Option<User>> {
    let statement = format!("SELECT {COLUMNS} FROM users WHERE id = $1");
    let row = database.connection().query_first(&statement, &[id.into()]).await?;
    Ok(row.as_ref().map(user).transpose()?)
}
