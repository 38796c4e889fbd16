//! The flows of passkeys: registration, sign-in, the second step of a sign-in, and a proof of identity in a session.
//!
//! Each flow has two calls. The first one returns options with a challenge, and the second one takes the response of the
//! authenticator. [`crate::passkey`] has the rules of the verification.

mod manage;
mod recent;
mod registration;
mod second_step;
mod sign_in;

pub use manage::{remove, rename};
pub use recent::{begin_proof, prove};
pub use registration::{
    Registration, begin_enrollment, begin_registration, confirm_enrollment, confirm_registration,
};
pub use second_step::{answer, begin_answer};
pub use sign_in::{begin_sign_in, sign_in};

use serde_json::json;
use uuid::Uuid;

use crate::{
    bucket::{self, Bucket, Rate},
    context::Context,
    error::Result,
    event::{Actor, Entry, Event, name},
    passkey::{
        Assertion, Refusal, RelyingParty,
        challenge::{self, Use},
        repo::{self, Place, Stored},
        verification,
    },
    second_factor::repo::Accepted,
    tenant::{Tenant, TenantDb},
    user::User,
};

/// The rate at which a session, or the second step of a sign-in, gets challenges.
const OF_PLACE: Rate = Rate { burst: 30, per_minute: 10 };

/// Takes the unit of a challenge for a session or for the second step of a sign-in.
async fn take_for_place(context: &Context, tenant: &Tenant, of: Use) -> Result<()> {
    let Some(place) = of.place() else { return Ok(()) };
    let name = format!("passkey_challenges:{place}");
    bucket::take(context, &[Bucket::of_tenant(tenant.id, &name, OF_PLACE)]).await
}

/// Returns a new challenge of a tenant.
fn new_challenge(context: &Context, tenant: &Tenant, of: Use) -> Result<String> {
    let now = context.platform.clock.now();
    let keys = tenant.data_keys(context)?;
    challenge::issue(&keys, tenant.id, of, now, &*context.platform.random)
}

/// The place in which a user gives the response of an authenticator.
#[derive(Clone, Copy)]
struct Response<'a> {
    /// The passkey with the id of the response, if there is one.
    found: Option<&'a Stored>,
    /// The user that it must belong to; `None` if it identifies the user.
    user: Option<Uuid>,
    assertion: &'a Assertion,
    /// The use of its challenge.
    of: Use,
    /// The challenge of the sign-in whose second step it is.
    sign_in: Option<Uuid>,
    /// The session that it proves.
    session: Option<Uuid>,
}

/// Verifies the response of an authenticator and accepts it once.
///
/// # Errors
/// The event of a failure, in the inner result.
async fn accept<'a>(
    context: &Context,
    tenant: &Tenant,
    relying_party: &RelyingParty,
    response: Response<'a>,
    actor: &Actor,
) -> Result<Result<(Accepted, &'a User), Event>> {
    let found = response.found;
    let owned = found.filter(|found| response.user.is_none_or(|user| found.user.id == user));
    let user = response.user.or(owned.map(|owned| owned.user.id));
    let refused = |refusal: Refusal| match user {
        Some(user) => failed(refusal).about("user", user),
        None => failed(refusal),
    };
    let Some(stored) = owned else { return Ok(Err(refused(Refusal::Unknown))) };
    let (assertion, expected) = (response.assertion, &stored.expected);
    let verified = match verification::authentication(assertion, expected, relying_party) {
        Ok(verified) => verified,
        Err(refusal) => return Ok(Err(refused(refusal))),
    };
    let now = context.platform.clock.now();
    let keys = tenant.data_keys(context)?;
    let opened = challenge::open(&keys, tenant.id, response.of, &verified.challenge, now)?;
    let opened = match opened {
        Ok(opened) => opened,
        Err(refusal) => return Ok(Err(refused(refusal))),
    };
    let place = Place {
        user: stored.user.id,
        sign_in: response.sign_in,
        session: response.session,
        challenge: &opened,
        now,
    };
    let event = Event::new(name::PASSKEY_USED).about("user", stored.user.id);
    let event = event.detail(json!({ "passkey": stored.id }));
    let actor = Actor::user(stored.user.id, actor.origin().clone());
    let entry = Entry::new(context, Some(tenant.id), &actor, event);
    // No connection is held while other requests wait for their turn.
    let database = TenantDb::connect(context, tenant).await?;
    let accepted = repo::accept(&database, stored.id, &verified, &place, &entry).await?;
    Ok(accepted.map(|accepted| (accepted, &stored.user)).map_err(refused))
}

/// Returns the event of a refused response.
fn failed(refusal: Refusal) -> Event {
    Event::new(name::PASSKEY_FAILED).detail(json!({ "reason": refusal.as_str() }))
}
