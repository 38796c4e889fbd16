//! Sign-in, session refresh and logout.

use std::rc::Rc;

use chrono::TimeDelta;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    audit,
    context::Context,
    credential::{NewPassword, Password, Passwords, Verdict, allowance},
    device,
    error::{Error, Result, Unauthenticated},
    event::{Actor, Entry, Event, Severity, name},
    identifier::EmailAddress,
    later,
    login_throttling::{self, Outcome, Target},
    mail::{due, notice::Notice},
    metrics::Login,
    resolve::{self, SignInTarget},
    security_policy,
    session::{self, End, Ended, Proof, Used, challenge},
    tenant::{Tenant, TenantDb},
    token::{AccessTokens, RefreshToken, SetupToken, Subject},
    user::{
        User,
        repo::credentials::{self, Credentials, PasswordToken, PasswordTokenUse},
    },
    verified_address,
    version_cache::{Change, Changed, Effect},
};

/// The response to a sign-in.
#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    /// The access token. Send it with each request as `Authorization: Bearer`.
    access_token: String,
    /// The refresh token, which can be used once to get the next access token.
    refresh_token: String,
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// The lifetime of the access token in seconds.
    expires_in: i64,
    user: User,
    /// The recovery codes of the user, if this sign-in has set up the first second factor. Only this response contains
    /// them.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes: Option<Vec<String>>,
}

impl SignedIn {
    /// Returns the id of the user.
    pub fn user_id(&self) -> Uuid {
        self.user.id
    }

    /// Adds the recovery codes of the user.
    pub(super) fn with_recovery_codes(self, recovery_codes: Option<Vec<String>>) -> Self {
        Self { recovery_codes, ..self }
    }
}

/// Signs in a user by e-mail address and password. `device` is a refresh token of an earlier session on the same
/// device, whether it is valid or not.
///
/// # Errors
/// [`Error::InvalidCredentials`] for a wrong password, an unknown address, a user without a password, a deactivated
/// user, and a tenant that is unknown, suspended or deleted. The error and the response time are the same in all these
/// cases. [`SecondFactorError::Required`](crate::error::SecondFactorError::Required) if the sign-in needs a second factor. [`Error::TooManyAttempts`] after too
/// many failures. [`Error::TenantSuspended`] for a valid password in a suspended tenant.
pub async fn sign_in(
    context: &Rc<Context>,
    target: SignInTarget,
    email: &EmailAddress,
    password: Password,
    device: Option<&RefreshToken>,
    actor: &Actor,
) -> Result<SignedIn> {
    let SignInTarget { tenant, refusal, subject } = target;
    // No connection is held during password hashing, because other requests need it.
    let address = actor.origin().address.map(login_throttling::network_text);
    let device = device.filter(|token| token.tenant() == subject).map(RefreshToken::session);
    let found = match &tenant {
        Some(tenant) => {
            let database = TenantDb::connect(context, tenant).await?;
            let (email, address) = (email.as_str(), address.as_deref());
            credentials::find_credentials(&database, email, address, device).await?
        }
        None => {
            resolve::stand_in(context).await?;
            None
        }
    };
    let attempted = Attempted {
        tenant: tenant.as_ref(),
        subject,
        email: email.as_str(),
        found: found.as_ref(),
        device: device.filter(|_| found.as_ref().is_some_and(|found| found.is_known_device)),
        failure: name::AUTH_LOGIN_FAILED,
    };
    let verdict = compare(context, &attempted, &password, actor).await?;
    let (Some(tenant), Some(verdict), Some(found)) = (&tenant, verdict, found) else {
        return Err(Error::InvalidCredentials);
    };
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    if let (Verdict::RightButWeak, Some(weak)) = (verdict, found.password_hash) {
        rehash_later(context, tenant, found.user.id, password, weak);
    }
    let database = TenantDb::connect(context, tenant).await?;
    challenge::ask_for_second_factor(context, tenant, &database, &found.user, found.second_factor)
        .await?;
    begin_session(context, tenant, &database, found.user, Proof::OneFactor, actor).await
}

/// The account of a sign-in attempt.
pub(super) struct Attempted<'a> {
    /// The tenant, or `None` if it is unknown.
    pub tenant: Option<&'a Tenant>,
    /// The id of the tenant for login throttling.
    pub subject: Uuid,
    /// The e-mail address of the account.
    pub email: &'a str,
    /// The user, if there is one.
    pub found: Option<&'a Credentials>,
    /// The earlier session of this device with the account.
    pub device: Option<Uuid>,
    /// The name of the event that records a failure.
    pub failure: &'static str,
}

/// Verifies a password, with login throttling. Returns `None` and records the failure if the password is wrong or the
/// account cannot sign in.
pub(super) async fn compare(
    context: &Rc<Context>,
    attempted: &Attempted<'_>,
    password: &Password,
    actor: &Actor,
) -> Result<Option<Verdict>> {
    let Attempted { tenant, subject, email, found, device, failure } = *attempted;
    let target = Target {
        tenant: subject,
        is_tenant: tenant.is_some(),
        account: email,
        address: actor.origin().address,
        is_known_address: found.is_some_and(|found| found.is_known_address),
        device,
    };
    let allowance = allowance::take_for_sign_in(context, tenant, subject, email).await?;
    let attempt = match login_throttling::begin(context, &target).await {
        Ok(attempt) => attempt,
        Err(error) => {
            if matches!(error, Error::TooManyAttempts { .. }) {
                context.counters.login(Login::Throttled);
            }
            if let (Error::TooManyAttempts { .. }, Some(from), Some(tenant)) =
                (&error, target.address, tenant)
            {
                let event =
                    Event::new(name::AUTH_LOGIN_THROTTLED).severity(Severity::Warning).failed();
                let entry = Entry::new(context, Some(tenant.id), actor, event);
                audit::record_rarely(context, entry, &login_throttling::network_text(from));
            }
            return Err(error);
        }
    };
    let kept = found.and_then(|found| found.password_hash.as_deref());
    let verdict =
        match context.state::<Passwords>().verify(context, &allowance, password, kept).await {
            Ok(verdict) => verdict,
            Err(error) => {
                attempt.end(context, Outcome::Abandoned).await;
                return Err(error);
            }
        };
    let is_active = found.is_some_and(|found| found.user.is_active);
    if verdict != Verdict::Wrong && is_active {
        attempt.end(context, Outcome::Succeeded).await;
        context.counters.login(Login::Success);
        return Ok(Some(verdict));
    }
    attempt.end(context, Outcome::Failed).await;
    context.counters.login(Login::Failure);
    let Some(tenant) = tenant else {
        resolve::stand_in(context).await?;
        return Ok(None);
    };
    let event = Event::new(failure).severity(Severity::Warning).failed();
    let event = match found {
        Some(found) => event.about("user", found.user.id),
        None => event.detail(json!({ "reason": "unknown_user" })),
    };
    audit::record(context, &Entry::new(context, Some(tenant.id), actor, event)).await?;
    audit::flush_later(context, tenant);
    Ok(None)
}

/// Sets the password of the user that a setup token belongs to, and signs in the user.
///
/// # Errors
/// [`Error::InvalidSetupToken`] if the token is invalid, used or expired. [`SecondFactorError::Required`](crate::error::SecondFactorError::Required) if the password
/// is set and the sign-in needs a second factor.
pub async fn set_up(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: &SetupToken,
    password: NewPassword,
    actor: &Actor,
) -> Result<Changed<SignedIn>> {
    let password = password.accept(&context.settings, "password")?;
    let given = GivenPassword { password, field: "password", event: name::AUTH_PASSWORD_SET };
    let token = PasswordToken::Setup(token.hash());
    set_password(context, tenant, token, given, actor).await?.ok_or(Error::InvalidSetupToken)
}

/// A new password in a request.
pub(super) struct GivenPassword {
    pub password: Password,
    /// The name of the field.
    pub field: &'static str,
    /// The name of the event that records the change.
    pub event: &'static str,
}

/// Sets the password of the user that a token belongs to, and signs in the user. Returns `None` if the token is invalid.
///
/// # Errors
/// [`SecondFactorError::Required`](crate::error::SecondFactorError::Required) if the password is set and the sign-in
/// needs a second factor.
pub(super) async fn set_password(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: PasswordToken,
    given: GivenPassword,
    actor: &Actor,
) -> Result<Option<Changed<SignedIn>>> {
    let GivenPassword { password, field, event } = given;
    let now = context.platform.clock.now();
    // Hashing is expensive, so an invalid token must be refused first.
    let address = {
        let database = TenantDb::connect(context, tenant).await?;
        credentials::find_address_by_token(&database, token, now).await?
    };
    let Some(address) = address else { return Ok(None) };
    let policy = security_policy::get(context, tenant).await?;
    policy.check_network(actor)?;
    let hash = policy.hash_password(context, tenant, &password, field).await?;
    let publication = Change::begin(context);
    let database = TenantDb::connect(context, tenant).await?;
    let event = Event::new(event).with_actor_from_statement();
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let notice = Notice::new(context, tenant, &address, Some(actor.origin()))?;
    let use_of_token = PasswordTokenUse { token, password_hash: &hash, now, notice };
    let user = credentials::use_password_token(&database, use_of_token, &entry).await?;
    let Some(user) = user else { return Ok(None) };
    due::add_later(context, tenant);
    publication.user(tenant.id, user.id, user.version).await;
    let effect = publication.finish().await;
    verified_address::publish_later(context, tenant);
    let needed = credentials::find_needed_factor(&database, user.id).await?;
    challenge::ask_for_second_factor(context, tenant, &database, &user, needed).await?;
    let proof = Proof::OneFactor;
    let value = begin_session(context, tenant, &database, user, proof, actor).await?;
    Ok(Some(Changed { value, effect }))
}

/// Starts a session of an authenticated user.
pub(super) async fn begin_session(
    context: &Rc<Context>,
    tenant: &Tenant,
    database: &TenantDb,
    mut user: User,
    proof: Proof,
    actor: &Actor,
) -> Result<SignedIn> {
    let random = &*context.platform.random;
    let now = context.platform.clock.now();
    let id = random.uuid(now);
    let refresh_token = RefreshToken::first(&context.master_key, tenant.id, id, random)?;
    let origin = actor.origin();
    let new = session::NewSession {
        id,
        user: user.id,
        token: &refresh_token,
        user_agent: origin.user_agent.as_deref(),
        address: origin.address.map(|address| address.to_string()),
        now,
        expires_at: now + context.settings.refresh_token_lifetime,
        proof,
        device: device::sign(&tenant.data_keys(context)?, user.id, origin)?,
        notice: Notice::new(context, tenant, &user.email, Some(origin))?,
    };
    let actor = Actor::user(user.id, origin.clone());
    let event = Event::new(name::AUTH_LOGIN).about("session", id);
    let event = match proof {
        Proof::OtherTenant(tenant) => event.detail(json!({ "from_tenant": tenant })),
        _ => event,
    };
    let entry = Entry::new(context, Some(tenant.id), &actor, event);
    let publication = Change::begin(context);
    let begun = session::begin(database, new, user.version, &entry).await;
    if matches!(begun, Err(Error::NetworkNotAllowed)) {
        let event = Event::new(name::AUTH_LOGIN_FAILED)
            .severity(Severity::Warning)
            .failed()
            .about("user", user.id)
            .detail(json!({ "reason": "network_not_allowed" }));
        audit::record(context, &Entry::new(context, Some(tenant.id), &actor, event)).await?;
    }
    let begun =
        begun?.ok_or_else(|| Error::unavailable("the user was updated during the sign-in"))?;
    if begun.is_noticed {
        due::add_later(context, tenant);
    }
    for session in begun.ended {
        publication.session_tombstone(tenant.id, session).await;
    }
    // The caller did not request the end of these sessions, so the response does not wait for it.
    let _: Effect = publication.finish().await;
    audit::flush_later(context, tenant);
    user.last_login = Some(now);
    signed_in(context, tenant, user, id, &refresh_token)
}

fn signed_in(
    context: &Context,
    tenant: &Tenant,
    user: User,
    session: Uuid,
    refresh_token: &RefreshToken,
) -> Result<SignedIn> {
    let grants = tenant.definitions.of_user(user.role, &user.custom_roles, &user.groups);
    let subject = Subject {
        user: user.id,
        user_version: user.version,
        role: user.role,
        roles: &user.custom_roles,
        groups: &user.groups,
        grants: &grants,
        tenant: tenant.id,
        slug: tenant.slug.as_str(),
        session,
    };
    let now = context.platform.clock.now();
    Ok(SignedIn {
        access_token: AccessTokens::of(context).issue(&subject, now, &*context.platform.random)?,
        refresh_token: refresh_token.expose(),
        token_type: "bearer",
        expires_in: AccessTokens::of(context).lifetime_seconds(),
        user,
        recovery_codes: None,
    })
}

/// Refreshes a session. Returns the next refresh token and an access token.
///
/// # Errors
/// [`Error::InvalidRefreshToken`] if the token is invalid. A token that was already used also ends its session and
/// revokes the session's access tokens.
pub async fn refresh(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: &RefreshToken,
    actor: &Actor,
) -> Result<SignedIn> {
    let successor = token.successor(&context.master_key, &tenant.data_keys(context)?)?;
    let now = context.platform.clock.now();
    let event = Event::new(name::AUTH_REFRESH_TOKEN_REUSED)
        .about("session", token.session())
        .severity(Severity::Critical)
        .failed();
    let reuse = Entry::new(context, Some(tenant.id), actor, event);
    let used = session::Use {
        token,
        successor: &successor,
        address: actor.origin().address.map(|address| address.to_string()),
        now,
        expires_at: now + context.settings.refresh_token_lifetime,
        grace: TimeDelta::from_std(context.settings.refresh_grace).map_err(Error::internal)?,
        reuse: &reuse,
    };
    let publication = Change::begin(context);
    let database = TenantDb::connect(context, tenant).await?;
    match session::rotate(&database, &used).await? {
        Used::Rotated(user) => signed_in(context, tenant, user, token.session(), &successor),
        Used::Again { user, current, generations } => {
            // Each generation is derived from the previous one.
            let keys = tenant.data_keys(context)?;
            let mut newest = successor;
            for _ in 0..generations {
                if newest.hash().as_slice() == current {
                    return signed_in(context, tenant, user, token.session(), &newest);
                }
                newest = newest.successor(&context.master_key, &keys)?;
            }
            Err(Error::InvalidRefreshToken)
        }
        Used::Reused => {
            publication.session_tombstone(tenant.id, token.session()).await;
            audit::flush_later(context, tenant);
            // The caller is refused, regardless of when the end of the session takes effect.
            let _: Effect = publication.finish().await;
            Err(Error::InvalidRefreshToken)
        }
        Used::Over => Err(Error::InvalidRefreshToken),
    }
}

/// Ends a session and revokes its access tokens. If a user is given, ends only a session of this user. A repeated call
/// publishes the end again.
///
/// # Errors
/// [`Error::SessionNotFound`] if the session does not exist, or if its end is already in effect.
pub async fn log_out(
    context: &Rc<Context>,
    tenant: &Tenant,
    user: Option<Uuid>,
    session: Uuid,
    why: End,
    actor: &Actor,
) -> Result<Effect> {
    let event = Event::new(name::AUTH_LOGOUT).about("session", session);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let publication = Change::begin(context);
    let database = TenantDb::connect(context, tenant).await?;
    let ended = session::end(&database, user, session, why, &entry).await?;
    if ended == Ended::NotFound {
        return Err(Error::SessionNotFound);
    }
    publication.session_tombstone(tenant.id, session).await;
    audit::flush_later(context, tenant);
    match (publication.finish().await, ended) {
        (Effect::Now, Ended::Before) => Err(Error::SessionNotFound),
        (effect, _) => Ok(effect),
    }
}

/// Ends every session of a user and revokes every access token.
pub async fn log_out_everywhere(
    context: &Rc<Context>,
    tenant: &Tenant,
    user: Uuid,
    actor: &Actor,
) -> Result<Effect> {
    let event = Event::new(name::AUTH_LOGOUT_EVERYWHERE).about("user", user);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let publication = Change::begin(context);
    let database = TenantDb::connect(context, tenant).await?;
    let version = session::end_all(&database, user, &entry)
        .await?
        .ok_or(Error::Unauthenticated(Unauthenticated::RevokedToken))?;
    publication.user(tenant.id, user, version).await;
    audit::flush_later(context, tenant);
    Ok(publication.finish().await)
}

/// Hashes the password again with the current number of rounds, in the background. If this fails, the next sign-in
/// tries again.
fn rehash_later(
    context: &Rc<Context>,
    tenant: &Tenant,
    user: Uuid,
    password: Password,
    weak: String,
) {
    let tenant = tenant.clone();
    let failure = "could not strengthen a password hash; the next sign-in tries again";
    later::run(context, failure, async move |context| {
        let allowance = allowance::take(context, &tenant, None).await?;
        let hash = context.state::<Passwords>().hash(context, &allowance, &password).await?;
        let database = TenantDb::connect(context, &tenant).await?;
        credentials::replace_hash(&database, user, &weak, &hash).await
    });
}
