//! Sign-ins with two factors: a challenge after the first one, and the code that answers it.

use std::rc::Rc;

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::{Proof, SignedIn, enrollment, sign_in::begin_session};
use crate::{
    audit,
    context::Context,
    error::{Error, PendingSignIn, Result},
    event::{Actor, Entry, Event, Severity, name},
    login_throttling::{self, Outcome, Target},
    metrics::Login,
    second_factor::{
        Code, FactorName, OneTimePasswords, RecoveryCode, SecretCipher,
        repo::{self, Answer, Holder, NewChallenge, Proven},
    },
    secret::Secret,
    tenant::{Tenant, TenantDb},
    token::ChallengeToken,
    user::{User, repo::credentials::NeededFactor},
    version_cache::{Change, Effect},
};

/// How long a challenge can be answered.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// Returns if a sign-in needs no second factor. Otherwise it begins a challenge.
///
/// # Errors
/// [`Error::SecondFactorRequired`] with the challenge.
pub(super) async fn unless_needless(
    context: &Context,
    tenant: &Tenant,
    database: &TenantDb,
    user: &User,
    needed: NeededFactor,
) -> Result<()> {
    let needs_enrollment = match needed {
        NeededFactor::None => return Ok(()),
        NeededFactor::Code => false,
        NeededFactor::Enrollment => true,
    };
    let now = context.platform.clock.now();
    let token = ChallengeToken::generate(tenant.id, &*context.platform.random);
    let challenge = NewChallenge {
        id: context.platform.random.uuid(now),
        user,
        token_hash: token.hash(),
        needs_enrollment,
        expires_at: now + LIFETIME,
    };
    repo::insert_challenge(database, &challenge).await?;
    Err(Error::SecondFactorRequired(Box::new(PendingSignIn {
        challenge: Secret::from(token.expose()),
        expires_in: LIFETIME.num_seconds(),
        needs_enrollment,
    })))
}

/// Signs in the user of a challenge with a code.
///
/// # Errors
/// [`Error::InvalidChallenge`] if the challenge is invalid, answered or expired, or had too many wrong codes.
/// [`Error::InvalidSecondFactor`] if the code is wrong or was used before. [`Error::TooManyAttempts`] after too many
/// failures.
pub async fn answer(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: &ChallengeToken,
    code: &Code,
    actor: &Actor,
) -> Result<SignedIn> {
    let now = context.platform.clock.now();
    let database = TenantDb::connect(context, tenant).await?;
    let found = repo::find_challenge(&database, &token.hash(), now).await?;
    let challenge = found.ok_or(Error::InvalidChallenge)?;
    let user = challenge.holder.user.id;
    let codes = enrollment::new_recovery_codes(context);
    let publication = Change::begin(context);
    let given = Given {
        holder: &challenge.holder,
        challenge: Some(challenge.id),
        session: None,
        is_enrollment: challenge.needs_enrollment,
        recovery_codes: &codes,
        code,
    };
    let accepted =
        check(context, tenant, &given, actor).await?.ok_or(Error::InvalidSecondFactor)?;
    for session in accepted.ended {
        publication.session_tombstone(tenant.id, session).await;
    }
    // The caller did not request the end of these sessions, so the response does not wait for it.
    let _: Effect = publication.finish().await;
    let shown = accepted.has_new_codes.then(|| codes.iter().map(RecoveryCode::expose).collect());
    let actor = Actor::user(user, actor.origin().clone());
    let proof = Proof::TwoFactors;
    let database = TenantDb::connect(context, tenant).await?;
    let holder = challenge.holder.user;
    let signed_in = begin_session(context, tenant, &database, holder, proof, &actor).await?;
    Ok(signed_in.with_recovery_codes(shown))
}

/// Begins the enrolment that a sign-in needs.
///
/// # Errors
/// [`Error::InvalidChallenge`] as for [`answer`], or if the challenge needs no enrolment.
pub async fn enroll(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: &ChallengeToken,
    name: &FactorName,
) -> Result<enrollment::Begun> {
    let now = context.platform.clock.now();
    let database = TenantDb::connect(context, tenant).await?;
    let found = repo::find_challenge(&database, &token.hash(), now).await?;
    let challenge = found.filter(|challenge| challenge.needs_enrollment);
    let challenge = challenge.ok_or(Error::InvalidChallenge)?;
    enrollment::begin(context, tenant, &database, &challenge.holder.user, name).await
}

/// A code that a caller gives.
pub(super) struct Given<'a> {
    /// The user with the factors that the code may belong to.
    pub holder: &'a Holder,
    /// The challenge that it answers.
    pub challenge: Option<Uuid>,
    /// The session in which it is given.
    pub session: Option<Uuid>,
    /// Whether it confirms a factor.
    pub is_enrollment: bool,
    /// The recovery codes that the user gets with the first factor.
    pub recovery_codes: &'a [RecoveryCode],
    /// The code.
    pub code: &'a Code,
}

/// Verifies a code, with login throttling. Returns `None` and records the failure if it is wrong or was used before.
pub(super) async fn check(
    context: &Rc<Context>,
    tenant: &Tenant,
    given: &Given<'_>,
    actor: &Actor,
) -> Result<Option<repo::Accepted>> {
    let user = &given.holder.user;
    let account = format!("second factor of {}", user.id);
    let target = Target {
        tenant: tenant.id,
        is_tenant: true,
        account: &account,
        address: actor.origin().address,
        is_known_address: false,
        device: None,
    };
    let attempt = match login_throttling::begin(context, &target).await {
        Ok(attempt) => attempt,
        Err(error) => {
            if matches!(error, Error::TooManyAttempts { .. }) {
                context.counters.login(Login::Throttled);
            }
            return Err(error);
        }
    };
    let outcome = accept(context, tenant, given, actor).await;
    attempt
        .end(
            context,
            match &outcome {
                Ok(Some(_)) => Outcome::Succeeded,
                Ok(None) => Outcome::Failed,
                Err(_) => Outcome::Abandoned,
            },
        )
        .await;
    let accepted = outcome?;
    if accepted.is_none() {
        context.counters.login(Login::Failure);
        let event = Event::new(name::SECOND_FACTOR_FAILED)
            .about("user", user.id)
            .severity(Severity::Warning)
            .failed();
        audit::record(context, &Entry::new(context, Some(tenant.id), actor, event)).await?;
    }
    audit::flush_later(context, tenant);
    Ok(accepted)
}

async fn accept(
    context: &Context,
    tenant: &Tenant,
    given: &Given<'_>,
    actor: &Actor,
) -> Result<Option<repo::Accepted>> {
    let now = context.platform.clock.now();
    let user = &given.holder.user;
    let proven = match given.code {
        Code::Recovery(code) => Proven::RecoveryCode(code.hash()),
        Code::OneTimePassword(code) => {
            let cipher = SecretCipher::new(tenant.data_keys(context)?);
            let mut proven = Proven::Nothing;
            for factor in &given.holder.factors {
                let secret = cipher.open(user.id, factor.id, &factor.sealed)?;
                if let Some(step) = OneTimePasswords::new(&secret)?.step(code, now) {
                    proven = Proven::Step { factor: factor.id, step };
                }
            }
            proven
        }
    };
    let (event, kind) = match (given.is_enrollment, given.code) {
        (true, _) => (name::SECOND_FACTOR_ADDED, "one_time_password"),
        (false, Code::OneTimePassword(_)) => (name::SECOND_FACTOR_USED, "one_time_password"),
        (false, Code::Recovery(_)) => (name::SECOND_FACTOR_USED, "recovery_code"),
    };
    let event = Event::new(event).about("user", user.id).detail(json!({ "kind": kind }));
    let event = match given.code {
        Code::Recovery(_) => event.severity(Severity::Warning),
        Code::OneTimePassword(_) => event,
    };
    let actor = Actor::user(user.id, actor.origin().clone());
    let entry = Entry::new(context, Some(tenant.id), &actor, event);
    let hashes: Vec<_> = given.recovery_codes.iter().map(RecoveryCode::hash).collect();
    let answer = Answer {
        user: user.id,
        challenge: given.challenge,
        proven,
        is_enrollment: given.is_enrollment,
        recovery_codes: &hashes,
        session: given.session,
        now,
    };
    // No connection is held while other requests wait for their turn.
    let database = TenantDb::connect(context, tenant).await?;
    repo::accept(&database, &answer, &entry).await
}
