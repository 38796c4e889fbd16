//! Setting up and removing second factors.

use std::rc::Rc;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::code::{Given, check, wrong_code};
use crate::{
    audit,
    context::Context,
    database_role::{self, Ending},
    error::{Error, Result, SecondFactorError},
    event::{Actor, Entry, Event, Severity, name},
    mail::{due, notice::Notice},
    second_factor::{
        Code, FactorName, OneTimePasswords, RECOVERY_CODES, RecoveryCode, SecretCipher,
        repo::{self, NewFactor, Which},
    },
    tenant::{Tenant, TenantDb},
    user::{self, User},
    version_cache::{Change, Changed, Effect},
};

/// A factor that waits for its first code.
#[derive(Serialize, ToSchema)]
#[schema(as = SecondFactorEnrollment)]
pub struct Begun {
    /// The id of the factor.
    pub id: Uuid,
    /// The secret in base32, for typing. Only this response contains it.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    pub secret: String,
    /// The `otpauth` URI, for a QR code.
    pub uri: String,
}

/// Begins the enrolment of the caller. An earlier one that was not confirmed ends.
///
/// # Errors
/// [`SecondFactorError::TooMany`].
pub async fn begin_enrollment(
    context: &Context,
    tenant: &Tenant,
    user: Uuid,
    name: &FactorName,
) -> Result<Begun> {
    let database = TenantDb::connect(context, tenant).await?;
    let user = user::repo::find(&database, user).await?.ok_or(Error::UserNotFound)?;
    begin(context, tenant, &database, &user, name).await
}

pub(super) async fn begin(
    context: &Context,
    tenant: &Tenant,
    database: &TenantDb,
    user: &User,
    name: &FactorName,
) -> Result<Begun> {
    let random = &*context.platform.random;
    let id = random.uuid(context.platform.clock.now());
    let secret = OneTimePasswords::generate_secret(random);
    let cipher = SecretCipher::new(tenant.data_keys(context)?);
    let sealed = cipher.seal(user.id, id, &*secret, random)?;
    let factor = NewFactor { id, user: user.id, name: name.as_str(), sealed };
    if !repo::begin(database, &factor).await? {
        return Err(SecondFactorError::TooMany.into());
    }
    let shown = OneTimePasswords::enrollment(&*secret, &tenant.name, &user.email)?;
    Ok(Begun { id, secret: shown.secret, uri: shown.uri })
}

/// The result of an enrolment.
#[derive(Serialize, ToSchema)]
#[schema(as = ConfirmedSecondFactor)]
pub struct Confirmed {
    /// The codes that replace a lost factor, each once. They are null if the user has unused ones from an earlier
    /// factor. Only this response contains them.
    pub recovery_codes: Option<Vec<String>>,
}

/// Confirms a factor of the caller with its first code. The other sessions of the user without a second factor end.
///
/// # Errors
/// [`SecondFactorError::NotFound`]; [`Error::InvalidFields`] for `code` if it is wrong; [`Error::TooManyAttempts`].
pub async fn confirm_enrollment(
    context: &Rc<Context>,
    tenant: &Tenant,
    (user, session): (Uuid, Uuid),
    factor: Uuid,
    code: &Code,
    actor: &Actor,
) -> Result<Changed<Confirmed>> {
    let database = TenantDb::connect(context, tenant).await?;
    let holder = repo::holder(&database, user, Which::Unconfirmed(factor)).await?;
    let holder = holder.filter(|holder| !holder.factors.is_empty());
    let holder = holder.ok_or(SecondFactorError::NotFound)?;
    let codes = new_recovery_codes(context);
    let publication = Change::begin(context);
    let given = Given {
        holder: &holder,
        challenge: None,
        session: Some(session),
        is_enrollment: true,
        recovery_codes: &codes,
        code,
    };
    let accepted = check(context, tenant, &given, actor).await?;
    let accepted = accepted.ok_or_else(wrong_code)?;
    for session in accepted.ended {
        publication.session_tombstone(tenant.id, session).await;
    }
    let effect = publication.finish().await;
    let recovery_codes =
        accepted.has_new_codes.then(|| codes.iter().map(RecoveryCode::expose).collect());
    Ok(Changed { value: Confirmed { recovery_codes }, effect })
}

/// Generates the recovery codes of a user.
pub(super) fn new_recovery_codes(context: &Context) -> Vec<RecoveryCode> {
    (0..RECOVERY_CODES).map(|_| RecoveryCode::generate(&*context.platform.random)).collect()
}

/// Removes a factor of the caller. The recovery codes go with the last one.
///
/// # Errors
/// [`SecondFactorError::NotFound`].
pub async fn remove_factor(
    context: &Rc<Context>,
    tenant: &Tenant,
    user: Uuid,
    factor: Uuid,
    actor: &Actor,
) -> Result<()> {
    let event = Event::new(name::SECOND_FACTOR_REMOVED)
        .about("user", user)
        .severity(Severity::Warning)
        .detail(json!({ "factor": factor }));
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let database = TenantDb::connect(context, tenant).await?;
    let found = user::repo::find(&database, user).await?.ok_or(Error::UserNotFound)?;
    let notice = Notice::new(context, tenant, &found.email, Some(actor.origin()))?;
    if !repo::remove(&database, user, factor, notice, &entry).await? {
        return Err(SecondFactorError::NotFound.into());
    }
    audit::flush_later(context, tenant);
    due::add_later(context, tenant);
    Ok(())
}

/// Replaces the recovery codes of the caller.
///
/// # Errors
/// [`SecondFactorError::NotFound`] if the caller has no factor.
pub async fn replace_recovery_codes(
    context: &Rc<Context>,
    tenant: &Tenant,
    user: Uuid,
    actor: &Actor,
) -> Result<Vec<String>> {
    let codes = new_recovery_codes(context);
    let hashes: Vec<_> = codes.iter().map(RecoveryCode::hash).collect();
    let event = Event::new(name::RECOVERY_CODES_REPLACED).about("user", user);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let database = TenantDb::connect(context, tenant).await?;
    if !repo::replace_recovery_codes(&database, user, &hashes, &entry).await? {
        return Err(SecondFactorError::NotFound.into());
    }
    audit::flush_later(context, tenant);
    Ok(codes.iter().map(RecoveryCode::expose).collect())
}

/// Removes all second factors of a user, for example after a loss, and ends every session of the user.
///
/// # Errors
/// [`Error::UserNotFound`]; [`Error::AdministratorRequired`] and [`Error::ScopeNotHeld`] if the user is outside the
/// caller's authority.
pub async fn remove_factors(
    context: &Rc<Context>,
    tenant: &Tenant,
    user: Uuid,
    authority: &user::Authority,
    actor: &Actor,
) -> Result<Effect> {
    let reach = authority.resettable(&tenant.definitions)?;
    let event =
        Event::new(name::SECOND_FACTORS_RESET).about("user", user).severity(Severity::Warning);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let publication = Change::begin(context);
    let database = TenantDb::connect(context, tenant).await?;
    let found = user::repo::find(&database, user).await?.ok_or(Error::UserNotFound)?;
    let notice = Notice::new(context, tenant, &found.email, None)?;
    let Some(version) = repo::remove_all(&database, user, &reach, notice, &entry).await? else {
        let user = user::repo::find(&database, user).await?.ok_or(Error::UserNotFound)?;
        return Err(authority.refusal(&tenant.definitions, &reach, &user));
    };
    publication.user(tenant.id, user, version).await;
    audit::flush_later(context, tenant);
    due::add_later(context, tenant);
    let effect = publication.finish().await;
    database_role::end(context, tenant, Ending::User(user)).await?;
    Ok(effect)
}
