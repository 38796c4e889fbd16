//! The verification of codes, with login throttling.

use std::rc::Rc;

use serde_json::json;
use uuid::Uuid;

use crate::{
    audit,
    context::Context,
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name},
    login_throttling::{self, Outcome, Target},
    mail::{due, notice::Notice},
    metrics::Login,
    second_factor::{
        Code, OneTimePasswords, RecoveryCode, SecretCipher,
        repo::{self, Answer, Holder, Proven},
    },
    tenant::{Tenant, TenantDb},
};

/// Returns the refusal of a wrong code in a session.
pub(super) fn wrong_code() -> Error {
    Error::invalid_field("code", "is wrong, expired or already used")
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
    let user = given.holder.user.id;
    let account = account_of_user(user);
    let target = target(tenant, &account, false, actor);
    let verified = async {
        let failed = || Event::new(name::SECOND_FACTOR_FAILED).about("user", user);
        Ok(accept(context, tenant, given, actor).await?.ok_or_else(failed))
    };
    let accepted = throttled(context, Some(tenant), &target, actor, verified).await?;
    if given.is_enrollment && accepted.is_some() {
        due::add_later(context, tenant);
    }
    Ok(accepted)
}

/// Returns the account of login throttling whose attempts are second factors of a user, of all kinds together.
pub(super) fn account_of_user(user: Uuid) -> String {
    format!("second factor of {user}")
}

/// Returns the target of login throttling for an account of a tenant.
pub(super) fn target<'a>(
    tenant: &Tenant,
    account: &'a str,
    is_known_address: bool,
    actor: &Actor,
) -> Target<'a> {
    let address = actor.origin().address;
    Target { tenant: tenant.id, is_tenant: true, account, address, is_known_address, device: None }
}

/// Makes an attempt with login throttling. Its inner error is the event of a failure, which is recorded; the result is
/// `None` then.
pub(super) async fn throttled<T>(
    context: &Rc<Context>,
    tenant: Option<&Tenant>,
    target: &Target<'_>,
    actor: &Actor,
    verified: impl Future<Output = Result<Result<T, Event>>>,
) -> Result<Option<T>> {
    let attempt = match login_throttling::begin(context, target).await {
        Ok(attempt) => attempt,
        Err(error) => {
            if matches!(error, Error::TooManyAttempts { .. }) {
                context.counters.login(Login::Throttled);
            }
            return Err(error);
        }
    };
    let outcome = verified.await;
    attempt
        .end(
            context,
            match &outcome {
                Ok(Ok(_)) => Outcome::Succeeded,
                Ok(Err(_)) => Outcome::Failed,
                Err(_) => Outcome::Abandoned,
            },
        )
        .await;
    let accepted = match outcome? {
        Ok(accepted) => Some(accepted),
        Err(event) => {
            context.counters.login(Login::Failure);
            if let Some(tenant) = tenant {
                let event = event.severity(Severity::Warning).failed();
                let entry = Entry::new(context, Some(tenant.id), actor, event);
                audit::record(context, &entry).await?;
            }
            None
        }
    };
    if let Some(tenant) = tenant {
        audit::flush_later(context, tenant);
    }
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
    let notice = if given.is_enrollment {
        Notice::new(context, tenant, &user.email, Some(actor.origin()))?
    } else {
        None
    };
    let hashes: Vec<_> = given.recovery_codes.iter().map(RecoveryCode::hash).collect();
    let answer = Answer {
        user: user.id,
        challenge: given.challenge,
        proven,
        is_enrollment: given.is_enrollment,
        recovery_codes: &hashes,
        session: given.session,
        now,
        notice,
    };
    // No connection is held while other requests wait for their turn.
    let database = TenantDb::connect(context, tenant).await?;
    repo::accept(&database, answer, &entry).await
}
