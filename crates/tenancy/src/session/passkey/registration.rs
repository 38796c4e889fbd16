//! The registration of a passkey: in a session, or during a sign-in that needs a second factor.

use std::rc::Rc;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{new_challenge, take_for_place};
use crate::{
    audit,
    context::Context,
    error::{Error, PasskeyError, Result, SecondFactorError},
    event::{Actor, Entry, Event, name},
    mail::{due, notice::Notice},
    passkey::{
        CreationOptions, NewCredential, Refusal, RelyingParty,
        challenge::{self, Use},
        repo::{self, Addition, NewPasskey, Place},
        verification,
    },
    second_factor::{
        FactorName, RecoveryCode,
        repo::{OpenChallenge, find_challenge},
    },
    session::{Proof, SignedIn, enrollment::new_recovery_codes, sign_in::begin_session},
    tenant::{Tenant, TenantDb},
    token::ChallengeToken,
    user::{self, User},
    version_cache::{Change, Changed, Effect},
};

/// The result of a registration.
#[derive(Serialize, ToSchema)]
#[schema(as = RegisteredPasskey)]
pub struct Registration {
    /// The id of the passkey.
    pub id: Uuid,
    /// The codes that replace a lost factor, each once. They are null if the user has unused ones from an earlier
    /// factor. Only this response contains them.
    pub recovery_codes: Option<Vec<String>>,
}

/// Begins the registration of a passkey of the caller.
///
/// # Errors
/// [`PasskeyError::TooMany`], [`PasskeyError::NotConfigured`], [`Error::RateLimited`].
pub async fn begin_registration(
    context: &Context,
    tenant: &Tenant,
    (user, session): (Uuid, Uuid),
) -> Result<CreationOptions> {
    let found = {
        let database = TenantDb::connect(context, tenant).await?;
        user::repo::find(&database, user).await?.ok_or(Error::UserNotFound)?
    };
    begin(context, tenant, &found, Use::Registration { user, session }).await
}

/// Begins the registration of the passkey that a sign-in needs.
///
/// # Errors
/// [`SecondFactorError::InvalidChallenge`] if the challenge is invalid, answered or expired, or needs no enrolment; the
/// errors of [`begin_registration`].
pub async fn begin_enrollment(
    context: &Context,
    tenant: &Tenant,
    token: &ChallengeToken,
) -> Result<CreationOptions> {
    let sign_in = find(context, tenant, token).await?;
    begin(context, tenant, &sign_in.holder.user, Use::Enrollment(sign_in.id)).await
}

/// Returns the sign-in of a challenge that needs an enrolment.
async fn find(context: &Context, tenant: &Tenant, token: &ChallengeToken) -> Result<OpenChallenge> {
    let now = context.platform.clock.now();
    let database = TenantDb::connect(context, tenant).await?;
    let found = find_challenge(&database, &token.hash(), now).await?;
    let found = found.filter(|challenge| challenge.needs_enrollment);
    found.ok_or_else(|| SecondFactorError::InvalidChallenge.into())
}

async fn begin(
    context: &Context,
    tenant: &Tenant,
    user: &User,
    of: Use,
) -> Result<CreationOptions> {
    take_for_place(context, tenant, of).await?;
    let known = {
        let database = TenantDb::connect(context, tenant).await?;
        repo::list_known(&database, user.id).await?
    };
    if i64::try_from(known.len()).is_ok_and(|count| count >= crate::passkey::MOST) {
        return Err(PasskeyError::TooMany.into());
    }
    let relying_party = RelyingParty::of(context, tenant).await?;
    let handle = tenant.data_keys(context)?.passkey_user_handle(tenant.id, user.id)?;
    let challenge = new_challenge(context, tenant, of)?;
    Ok(CreationOptions::new(relying_party, &tenant.name, user, &handle, challenge, known))
}

/// A registration to complete.
struct Given<'a> {
    user: Uuid,
    of: Use,
    sign_in: Option<Uuid>,
    session: Option<Uuid>,
    credential: &'a NewCredential,
    name: &'a FactorName,
}

/// Completes the registration of a passkey of the caller. The other sessions of the user without a second factor end.
///
/// # Errors
/// [`Error::InvalidFields`] for `credential` if it is not valid; [`PasskeyError::TooMany`], [`PasskeyError::Taken`],
/// [`PasskeyError::NotConfigured`].
pub async fn confirm_registration(
    context: &Rc<Context>,
    tenant: &Tenant,
    (user, session): (Uuid, Uuid),
    credential: &NewCredential,
    name: &FactorName,
    actor: &Actor,
) -> Result<Changed<Registration>> {
    let of = Use::Registration { user, session };
    let given = Given { user, of, sign_in: None, session: Some(session), credential, name };
    confirm(context, tenant, &given, actor).await
}

/// Completes the registration of the passkey that a sign-in needs, and signs the user in.
///
/// # Errors
/// [`SecondFactorError::InvalidChallenge`] as for [`begin_enrollment`]; the errors of
/// [`confirm_registration`].
pub async fn confirm_enrollment(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: &ChallengeToken,
    credential: &NewCredential,
    name: &FactorName,
    actor: &Actor,
) -> Result<SignedIn> {
    let sign_in = find(context, tenant, token).await?;
    let user = sign_in.holder.user;
    let given = Given {
        user: user.id,
        of: Use::Enrollment(sign_in.id),
        sign_in: Some(sign_in.id),
        session: None,
        credential,
        name,
    };
    let Changed { value: Registration { recovery_codes, .. }, effect } =
        confirm(context, tenant, &given, actor).await?;
    // The caller did not request the end of the other sessions, so the response does not wait for it.
    let _: Effect = effect;
    let database = TenantDb::connect(context, tenant).await?;
    let proof = Proof::TwoFactors;
    let signed_in = begin_session(context, tenant, &database, user, proof, actor).await?;
    Ok(signed_in.with_recovery_codes(recovery_codes))
}

async fn confirm(
    context: &Rc<Context>,
    tenant: &Tenant,
    given: &Given<'_>,
    actor: &Actor,
) -> Result<Changed<Registration>> {
    let refused = |refusal: Refusal| Error::invalid_field("credential", refusal.message());
    let relying_party = RelyingParty::of(context, tenant).await?;
    let registered =
        verification::registration(given.credential, &relying_party).map_err(refused)?;
    let now = context.platform.clock.now();
    let keys = tenant.data_keys(context)?;
    let opened = challenge::open(&keys, tenant.id, given.of, &registered.challenge, now)?;
    let opened = opened.map_err(refused)?;
    let id = context.platform.random.uuid(now);
    let codes = new_recovery_codes(context);
    let hashes: Vec<_> = codes.iter().map(RecoveryCode::hash).collect();
    let notice = {
        let database = TenantDb::connect(context, tenant).await?;
        let found = user::repo::find(&database, given.user).await?.ok_or(Error::UserNotFound)?;
        Notice::new(context, tenant, &found.email, Some(actor.origin()))?
    };
    let new = NewPasskey {
        id,
        credential_id: &given.credential.id,
        user_handle: keys.passkey_user_handle(tenant.id, given.user)?,
        name: given.name.as_str(),
        transports: &given.credential.transports,
        registered: &registered,
        recovery_codes: &hashes,
        notice,
    };
    let place = Place {
        user: given.user,
        sign_in: given.sign_in,
        session: given.session,
        challenge: &opened,
        now,
    };
    let event = Event::new(name::PASSKEY_ADDED).about("user", given.user);
    let event = event.detail(json!({ "passkey": id, "is_backed_up": registered.is_backed_up }));
    let actor = Actor::user(given.user, actor.origin().clone());
    let entry = Entry::new(context, Some(tenant.id), &actor, event);
    let publication = Change::begin(context);
    let database = TenantDb::connect(context, tenant).await?;
    let accepted = match repo::add(&database, new, &place, &entry).await? {
        Addition::Added(accepted) => accepted,
        Addition::Refused(refusal) => return Err(refused(refusal)),
        Addition::TooMany => return Err(PasskeyError::TooMany.into()),
        Addition::Taken => return Err(PasskeyError::Taken.into()),
        Addition::Concurrent => {
            return Err(Error::unavailable("a passkey was registered concurrently"));
        }
    };
    audit::flush_later(context, tenant);
    due::add_later(context, tenant);
    for session in accepted.ended {
        publication.session_tombstone(tenant.id, session).await;
    }
    let effect = publication.finish().await;
    let recovery_codes =
        accepted.has_new_codes.then(|| codes.iter().map(RecoveryCode::expose).collect());
    Ok(Changed { value: Registration { id, recovery_codes }, effect })
}
