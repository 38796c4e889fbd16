//! A session in another tenant of the same person, without a new sign-in.

use std::rc::Rc;

use uuid::Uuid;

use super::{Proof, SignedIn, challenge, sign_in::begin_session};
use crate::{
    audit,
    context::Context,
    error::{AccountError, Error, Result, Unauthenticated},
    event::{Actor, Entry, Event, Severity, name},
    login_throttling, resolve,
    tenant::{Tenant, TenantDb},
    user::{
        self,
        repo::credentials::{self, Credentials},
    },
    verified_address::{PersonTenant, switching},
};

const REVOKED: Error = Error::Unauthenticated(Unauthenticated::RevokedToken);

/// Returns the tenants to which a user may switch, by name.
///
/// # Errors
/// [`AccountError::AddressNotVerified`].
pub async fn list_targets(
    context: &Context,
    tenant: &Tenant,
    user: Uuid,
) -> Result<Vec<PersonTenant>> {
    let database = TenantDb::connect(context, tenant).await?;
    let user = user::repo::find(&database, user).await?.ok_or(REVOKED)?;
    if !user.is_verified {
        return Err(AccountError::AddressNotVerified.into());
    }
    switching::targets(context, tenant, &user.email).await
}

/// Begins a session in another tenant for the user of a session. Both tenants must name each other, and the person must
/// have an active user there with the same verified address. The second factor and the networks of the other tenant apply.
/// The session is no recent sign-in there.
///
/// # Errors
/// [`AccountError::AddressNotVerified`]; [`AccountError::SwitchingNotAllowed`] in all cases in which the other tenant does not accept
/// the person; [`SecondFactorError::Required`](crate::error::SecondFactorError::Required);
/// [`Error::NetworkNotAllowed`].
pub async fn switch(
    context: &Rc<Context>,
    tenant: &Tenant,
    user: Uuid,
    other: Uuid,
    actor: &Actor,
) -> Result<SignedIn> {
    let own = {
        let database = TenantDb::connect(context, tenant).await?;
        user::repo::find(&database, user).await?.ok_or(REVOKED)?
    };
    if !own.is_verified {
        return Err(AccountError::AddressNotVerified.into());
    }
    let Some((other, found)) = find(context, tenant, other, &own.email).await? else {
        let event = Event::new(name::AUTH_SWITCH_REFUSED).severity(Severity::Warning).failed();
        let event = event.about("tenant", other);
        let network = actor.origin().address.map(login_throttling::network_text);
        let entry = Entry::new(context, Some(tenant.id), actor, event);
        audit::record_rarely(context, entry, &network.unwrap_or_default());
        return Err(AccountError::SwitchingNotAllowed.into());
    };
    let database = TenantDb::connect(context, &other).await?;
    let needed = found.second_factor;
    challenge::ask_for_second_factor(context, &other, &database, &found.user, needed).await?;
    let proof = Proof::OtherTenant(tenant.id);
    // The user of the own tenant is not an actor of the other one.
    let actor = Actor::anonymous(actor.origin().clone());
    begin_session(context, &other, &database, found.user, proof, &actor).await
}

/// Returns the other tenant and its user with an address, if the person may switch to it.
async fn find(
    context: &Context,
    tenant: &Tenant,
    other: Uuid,
    address: &str,
) -> Result<Option<(Tenant, Credentials)>> {
    if !switching::is_allowed(context, tenant, other).await? {
        return Ok(None);
    }
    let Some(other) = resolve::by_id(context, other).await? else { return Ok(None) };
    let database = TenantDb::connect(context, &other).await?;
    let found = credentials::find_credentials(&database, address, None, None).await?;
    let found = found.filter(|found| found.user.is_active && found.user.is_verified);
    Ok(found.map(|found| (other, found)))
}
