//! SQL statements on passkeys and on the challenges that were used.

use chrono::{DateTime, Utc};
use platform::sql::{Row, SqlError, Statement};
use uuid::Uuid;

use super::{
    MOST, Passkey, Refusal,
    challenge::Opened,
    options::Known,
    public_key::PublicKey,
    verification::{Authenticated, Expected, Registered},
};
use crate::{
    error::Result,
    event::{Entry, outbox},
    mail::{
        notice::{self, Notice, noticed_if},
        template::Purpose,
    },
    second_factor::repo::{
        ACCEPTED, Accepted, Answer, Proven, effect_bindings, effects_of_accepted, open_user,
        recovery_codes_forgotten,
    },
    tenant::TenantDb,
    user::{
        User,
        repo::{COLUMNS as USER_COLUMNS, user},
    },
};

/// The number of expired challenges that one statement removes.
const MOST_FORGOTTEN: i64 = 100;

/// Returns the passkeys of a user, the oldest first.
pub async fn list(database: &TenantDb, user: Uuid) -> Result<Vec<Passkey>> {
    let statement = "
        SELECT id, name, is_backed_up, transports, created_at AT TIME ZONE 'UTC' AS created_at,
               last_used_at AT TIME ZONE 'UTC' AS last_used_at
        FROM passkeys p WHERE user_id = $1 ORDER BY p.created_at, id";
    let rows = database.connection().query(statement, &[user.into()]).await?;
    let passkeys = rows.iter().map(|row| {
        Ok(Passkey {
            id: row.get("id")?,
            name: row.get("name")?,
            is_backed_up: row.get("is_backed_up")?,
            transports: row.get("transports")?,
            created_at: row.get("created_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    });
    Ok(passkeys.collect::<Result<_, SqlError>>()?)
}

/// Returns the ids of the credentials of a user.
pub(crate) async fn list_known(database: &TenantDb, user: Uuid) -> Result<Vec<Known>> {
    let statement =
        "SELECT credential_id, transports FROM passkeys WHERE user_id = $1 ORDER BY slot";
    let rows = database.connection().query(statement, &[user.into()]).await?;
    let known = rows.iter().map(|row| {
        Ok(Known { credential_id: row.get("credential_id")?, transports: row.get("transports")? })
    });
    Ok(known.collect::<Result<_, SqlError>>()?)
}

/// A passkey with its user.
pub(crate) struct Stored {
    pub(crate) id: Uuid,
    pub(crate) user: User,
    pub(crate) expected: Expected,
    /// Whether the user has signed in from the address before.
    pub(crate) is_known_address: bool,
}

/// Returns the passkey with the id of a credential, if its user is active.
pub(crate) async fn find(
    database: &TenantDb,
    credential_id: &[u8],
    address: Option<&str>,
) -> Result<Option<Stored>> {
    let statement = format!(
        "SELECT {USER_COLUMNS}, passkey, algorithm, public_key, user_handle, is_backup_eligible, EXISTS (
             SELECT FROM sessions s
             WHERE s.user_id = users.id AND s.address::inet <<= $2::text::inet
         ) AS is_known_address
         FROM (SELECT u.*, p.id AS passkey, p.algorithm, p.public_key, p.user_handle, p.is_backup_eligible
               FROM passkeys p JOIN users u ON u.id = p.user_id
               WHERE p.credential_id = $1 AND u.is_active) AS users"
    );
    let parameters = [credential_id.into(), address.into()];
    let row = database.connection().query_first(&statement, &parameters).await?;
    row.as_ref().map(stored).transpose()
}

fn stored(row: &Row) -> Result<Stored> {
    let public_key = PublicKey::of_row(row.get("algorithm")?, row.get("public_key")?)?;
    Ok(Stored {
        id: row.get("passkey")?,
        user: user(row)?,
        expected: Expected {
            public_key,
            user_handle: row.get("user_handle")?,
            is_backup_eligible: row.get("is_backup_eligible")?,
        },
        is_known_address: row.get("is_known_address")?,
    })
}

/// The place of a response in a sign-in or a session.
pub(crate) struct Place<'a> {
    /// The user.
    pub(crate) user: Uuid,
    /// The challenge of the sign-in, if the response is its second step.
    pub(crate) sign_in: Option<Uuid>,
    /// The session in which the response is given.
    pub(crate) session: Option<Uuid>,
    /// The challenge that the authenticator has signed.
    pub(crate) challenge: &'a Opened,
    /// The time.
    pub(crate) now: DateTime<Utc>,
}

impl<'a> Place<'a> {
    fn answer(
        &self,
        is_enrollment: bool,
        recovery_codes: &'a [[u8; 32]],
        notice: Option<Notice>,
    ) -> Answer<'a> {
        Answer {
            user: self.user,
            challenge: self.sign_in,
            proven: Proven::Nothing,
            is_enrollment,
            recovery_codes,
            session: self.session,
            now: self.now,
            notice,
        }
    }
}

/// Returns the CTEs after `open` that mark the challenge `:nonce` as used: `spent` has a row if it was unused.
fn spent() -> String {
    format!(
        "spent AS (
             INSERT INTO spent_passkey_challenges (nonce, expires_at)
             SELECT :nonce::bytea, :nonce_expires_at::timestamp AT TIME ZONE 'UTC' FROM open
             ON CONFLICT (nonce) DO NOTHING
             RETURNING nonce
         ), expired AS (
             -- The clocks of instances differ by less than a minute.
             DELETE FROM spent_passkey_challenges WHERE nonce IN (
                 SELECT s.nonce FROM spent_passkey_challenges s
                 WHERE s.expires_at < :now::timestamp AT TIME ZONE 'UTC' - interval '1 minute'
                 ORDER BY s.expires_at LIMIT {MOST_FORGOTTEN} FOR UPDATE SKIP LOCKED)
         )"
    )
}

/// Accepts the response of an authenticator, and stores its counter. `entry` is recorded if it is accepted.
///
/// # Errors
/// [`Refusal::Outdated`], [`Refusal::Challenge`] and [`Refusal::Counter`], in the inner result.
pub(crate) async fn accept(
    database: &TenantDb,
    passkey: Uuid,
    authenticated: &Authenticated,
    place: &Place<'_>,
    entry: &Entry,
) -> Result<Result<Accepted, Refusal>> {
    let statement = format!(
        "WITH {open}, {spent}, accepted AS (
             UPDATE passkeys p
             SET sign_count = :sign_count::bigint, is_backed_up = :is_backed_up::boolean,
                 last_used_at = :now::timestamp AT TIME ZONE 'UTC'
             FROM open o CROSS JOIN spent
             WHERE p.id = :passkey::uuid AND p.user_id = o.user_id
               AND (p.sign_count < :sign_count::bigint OR (p.sign_count = 0 AND :sign_count::bigint = 0))
             RETURNING p.user_id
         ), {effects}, {recorded}
         SELECT EXISTS (SELECT FROM spent) AS is_unused, EXISTS (SELECT FROM accepted) AS is_accepted,
                EXISTS (SELECT FROM passkeys WHERE id = :passkey::uuid) AS is_there, {ACCEPTED}
         FROM open",
        open = open_user(),
        spent = spent(),
        effects = effects_of_accepted(),
        recorded = outbox::recorded_if("accepted"),
    );
    let statement = Statement::new(statement)
        .bind("nonce", place.challenge.nonce.as_slice())
        .bind("nonce_expires_at", place.challenge.expires_at)
        .bind("passkey", passkey)
        .bind("sign_count", i64::from(authenticated.sign_count))
        .bind("is_backed_up", authenticated.is_backed_up)
        .bind_all(effect_bindings(place.answer(false, &[], None)))
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    let Some(row) = row else { return Ok(Err(Refusal::Outdated)) };
    if !row.get::<bool>("is_unused")? {
        return Ok(Err(Refusal::Challenge));
    }
    if row.get::<bool>("is_accepted")? {
        return Accepted::read(&row).map(Ok);
    }
    Ok(Err(if row.get("is_there")? { Refusal::Counter } else { Refusal::Outdated }))
}

/// A passkey to add.
pub(crate) struct NewPasskey<'a> {
    pub(crate) id: Uuid,
    pub(crate) credential_id: &'a [u8],
    pub(crate) user_handle: [u8; 32],
    pub(crate) name: &'a str,
    pub(crate) transports: &'a [String],
    pub(crate) registered: &'a Registered,
    /// The hashes of the recovery codes that the user gets with the first factor.
    pub(crate) recovery_codes: &'a [[u8; 32]],
    /// The notice to the user.
    pub(crate) notice: Option<Notice>,
}

/// The result of a registration.
pub(crate) enum Addition {
    /// The passkey was added.
    Added(Accepted),
    /// It was refused.
    Refused(Refusal),
    /// The user has the maximum number of passkeys.
    TooMany,
    /// There is a passkey with this id.
    Taken,
    /// Another registration of the user was faster.
    Concurrent,
}

/// Adds a passkey. The sessions of the user without a second factor end, except the session of the registration.
pub(crate) async fn add(
    database: &TenantDb,
    new: NewPasskey<'_>,
    place: &Place<'_>,
    entry: &Entry,
) -> Result<Addition> {
    let statement = format!(
        "WITH {open}, {spent}, accepted AS (
             INSERT INTO passkeys (id, user_id, slot, credential_id, user_handle, algorithm, public_key,
                                   sign_count, transports, name, is_backup_eligible, is_backed_up, created_at)
             SELECT :id::uuid, o.user_id, s.slot, :credential_id::bytea, :user_handle::bytea,
                    :algorithm::bigint::integer, :public_key::bytea, :sign_count::bigint, :transports::text[],
                    :name::text, :is_backup_eligible::boolean, :is_backed_up::boolean,
                    :now::timestamp AT TIME ZONE 'UTC'
             FROM open o CROSS JOIN spent CROSS JOIN generate_series(0, {MOST} - 1) AS s (slot)
             WHERE NOT EXISTS (SELECT FROM passkeys p WHERE p.user_id = o.user_id AND p.slot = s.slot)
             ORDER BY s.slot LIMIT 1
             -- The credential is registered, or a simultaneous registration has the slot.
             ON CONFLICT DO NOTHING
             RETURNING user_id
         ), {effects}, {recorded}
         SELECT EXISTS (SELECT FROM spent) AS is_unused, EXISTS (SELECT FROM accepted) AS is_accepted,
                EXISTS (SELECT FROM passkeys WHERE credential_id = :credential_id::bytea) AS is_taken,
                {MOST} <= (SELECT count(*) FROM passkeys p WHERE p.user_id = o.user_id) AS are_too_many,
                {ACCEPTED}
         FROM open o",
        open = open_user(),
        spent = spent(),
        effects = effects_of_accepted(),
        recorded = outbox::recorded_if("accepted"),
    );
    let Registered { public_key, sign_count, is_backup_eligible, is_backed_up, .. } =
        new.registered;
    let statement = Statement::new(statement)
        .bind("nonce", place.challenge.nonce.as_slice())
        .bind("nonce_expires_at", place.challenge.expires_at)
        .bind("id", new.id)
        .bind("credential_id", new.credential_id)
        .bind("user_handle", new.user_handle.as_slice())
        .bind("algorithm", i64::from(public_key.algorithm.number()))
        .bind("public_key", public_key.bytes.as_slice())
        .bind("sign_count", i64::from(*sign_count))
        .bind("transports", new.transports.to_vec())
        .bind("name", new.name)
        .bind("is_backup_eligible", *is_backup_eligible)
        .bind("is_backed_up", *is_backed_up)
        .bind_all(effect_bindings(place.answer(true, new.recovery_codes, new.notice)))
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    let Some(row) = row else { return Ok(Addition::Refused(Refusal::Outdated)) };
    Ok(if !row.get::<bool>("is_unused")? {
        Addition::Refused(Refusal::Challenge)
    } else if row.get("is_accepted")? {
        Addition::Added(Accepted::read(&row)?)
    } else if row.get("is_taken")? {
        Addition::Taken
    } else if row.get("are_too_many")? {
        Addition::TooMany
    } else {
        Addition::Concurrent
    })
}

/// Renames a passkey of a user. Returns `false` if the user has no such passkey.
pub(crate) async fn rename(
    database: &TenantDb,
    user: Uuid,
    passkey: Uuid,
    name: &str,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH renamed AS (
             UPDATE passkeys SET name = :name::text WHERE id = :passkey AND user_id = :user RETURNING id
         ), {}
         SELECT FROM renamed",
        outbox::recorded_if("renamed")
    );
    let statement = Statement::new(statement)
        .bind("name", name)
        .bind("passkey", passkey)
        .bind("user", user)
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(database.connection()).await?.is_some())
}

/// Removes a passkey of a user. The recovery codes go with the last factor of any kind. Returns `false` if the user has
/// no such passkey.
pub(crate) async fn remove(
    database: &TenantDb,
    user: Uuid,
    passkey: Uuid,
    notice: Option<Notice>,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH removed AS (
             DELETE FROM passkeys WHERE id = :factor AND user_id = :user RETURNING user_id
         ), {}, {}, {}
         SELECT FROM removed",
        recovery_codes_forgotten(),
        noticed_if("removed", "n.user_id", Purpose::SecondFactorRemoved, "true"),
        outbox::recorded_if("removed")
    );
    let statement = Statement::new(statement)
        .bind("factor", passkey)
        .bind("user", user)
        .bind_all(notice::bindings(notice))
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(database.connection()).await?.is_some())
}
