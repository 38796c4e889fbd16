//! Sign-in with a passkey, without a password and without an address: the authenticator knows the account.
//!
//! The first call writes nothing and depends on no account. A tenant that does not exist has the same responses.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use super::{Response, accept, failed, new_challenge};
use crate::{
    audit,
    bucket::{self, Bucket, Rate},
    context::Context,
    error::{PasskeyError, Result},
    event::{Actor, Entry, Severity},
    login_throttling::{self, Target},
    metrics::Login,
    passkey::{
        Assertion, Refusal, RelyingParty, RequestOptions,
        challenge::{self, Use},
        repo,
    },
    resolve::{self, SignInTarget},
    session::{Proof, SignedIn, code::throttled, sign_in::begin_session},
    tenant::TenantDb,
};

/// The rate of sign-ins that one network begins in a tenant. A page begins one each time it is opened.
const OF_NETWORK: Rate = Rate { burst: 60, per_minute: 60 };

/// Begins a sign-in.
///
/// # Errors
/// [`PasskeyError::NotConfigured`]; [`crate::Error::RateLimited`] after too many calls of the network.
pub async fn begin_sign_in(
    context: &Context,
    target: SignInTarget,
    actor: &Actor,
) -> Result<RequestOptions> {
    let network = actor.origin().address.map(login_throttling::network_text).unwrap_or_default();
    let parts = [b"passkey".as_slice(), target.subject.as_bytes(), network.as_bytes()];
    let name = base16ct::lower::encode_string(&context.master_key.throttling_subject(&parts)?);
    let bucket = Bucket::of_tenant(target.subject, &format!("passkeys:{name}"), OF_NETWORK);
    bucket::take(context, &[bucket]).await?;
    let (relying_party, challenge) = match &target.tenant {
        Some(tenant) => {
            (RelyingParty::of(context, tenant).await?, new_challenge(context, tenant, Use::SignIn)?)
        }
        None => {
            resolve::stand_in(context).await?;
            let now = context.platform.clock.now();
            let challenge = challenge::stand_in(now, &*context.platform.random)?;
            (RelyingParty::of_service(&context.settings)?, challenge)
        }
    };
    Ok(RequestOptions::new(relying_party, challenge, Vec::new()))
}

/// Signs in the user of a passkey. The session has a second factor, because the authenticator has verified its user.
///
/// # Errors
/// [`PasskeyError::Invalid`] for an unknown passkey, an invalid response, a deactivated user, and a tenant that is
/// unknown, suspended or deleted. [`crate::Error::TooManyAttempts`] after too many failures.
/// [`crate::Error::TenantSuspended`] for a valid response in a suspended tenant.
pub async fn sign_in(
    context: &Rc<Context>,
    target: SignInTarget,
    assertion: &Assertion,
    actor: &Actor,
) -> Result<SignedIn> {
    const INVALID: PasskeyError = PasskeyError::Invalid;
    let SignInTarget { tenant, refusal, subject } = target;
    let address = actor.origin().address.map(login_throttling::network_text);
    let (relying_party, found) = match &tenant {
        Some(tenant) => {
            let relying_party = RelyingParty::of(context, tenant).await?;
            let database = TenantDb::connect(context, tenant).await?;
            (relying_party, repo::find(&database, &assertion.id, address.as_deref()).await?)
        }
        None => {
            resolve::stand_in(context).await?;
            resolve::stand_in(context).await?;
            (RelyingParty::of_service(&context.settings)?, None)
        }
    };
    let hash = base16ct::lower::encode_string(&Sha256::digest(&assertion.id));
    let throttling = Target {
        tenant: subject,
        is_tenant: tenant.is_some(),
        account: &format!("passkey {hash}"),
        address: actor.origin().address,
        is_known_address: found.as_ref().is_some_and(|found| found.is_known_address),
        device: None,
    };
    // Strangers cause failures as often as they like, so they are recorded with a bound.
    let recorded = tenant.as_ref().filter(|_| found.is_some());
    let verified = async {
        let Some(tenant) = &tenant else { return Ok(Err(failed(Refusal::Unknown))) };
        // A sign-in without an address needs the user handle (WebAuthn, section 7.2, step 6).
        if found.is_some() && assertion.user_handle.is_none() {
            return Ok(Err(failed(Refusal::UserHandle)));
        }
        let response = Response {
            found: found.as_ref(),
            user: None,
            assertion,
            of: Use::SignIn,
            sign_in: None,
            session: None,
        };
        accept(context, tenant, &relying_party, response, actor).await
    };
    let accepted = throttled(context, recorded, &throttling, actor, verified).await?;
    let (Some(tenant), Some((_, user))) = (&tenant, accepted) else {
        if let (Some(tenant), None) = (&tenant, recorded) {
            let event = failed(Refusal::Unknown).severity(Severity::Warning).failed();
            let entry = Entry::new(context, Some(tenant.id), actor, event);
            audit::record_rarely(context, entry, &address.unwrap_or_default());
        }
        return Err(INVALID.into());
    };
    context.counters.login(Login::Success);
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    let database = TenantDb::connect(context, tenant).await?;
    begin_session(context, tenant, &database, user.clone(), Proof::TwoFactors, actor).await
}
