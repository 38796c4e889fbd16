//! The key of a gateway that forwards a call.

use std::rc::Rc;

use tenancy::{
    Context, Error, Result,
    access::Scope,
    admission::{self, Metering},
    api_key::{ApiKey, ApiKeyRecord},
    error::Unauthenticated,
};

use super::{Call, Member};

/// The header that carries a gateway's key, in addition to the caller's credential.
const GATEWAY_KEY_HEADER: &str = "x-gateway-key";

/// Checks that the caller or the gateway that forwards the call holds a scope. A gateway sends its own key of the
/// tenant in `X-Gateway-Key`, which grants the caller nothing. Alternatively, it sends the key in `X-API-Key` next
/// to the caller's access token.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::TenantMismatch`] for a key of another tenant; [`Error::Unauthenticated`] for an
/// invalid key.
pub async fn require(member: &Member, scope: Scope) -> Result<()> {
    if member.principals().any(|principal| principal.scopes().contains(&scope)) {
        return Ok(());
    }
    match key(&member.context, &member.call).await? {
        Some(key) if key.tenant != member.tenant.id => Err(Error::TenantMismatch),
        Some(key) if key.scopes.contains(&scope) => Ok(()),
        _ => Err(Error::Forbidden { scope: scope.as_str() }),
    }
}

/// Returns the key that a gateway sends in addition to the caller's credential, if there is one.
///
/// # Errors
/// [`Unauthenticated::InvalidApiKey`], and errors for a tenant that is not active.
async fn key(context: &Rc<Context>, call: &Call) -> Result<Option<Rc<ApiKeyRecord>>> {
    let Some(text) = call.request.header(GATEWAY_KEY_HEADER)?.filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let key = ApiKey::parse(text).ok_or(Error::Unauthenticated(Unauthenticated::InvalidApiKey))?;
    let (_, record) = admission::admit_api_key(context, &key, Metering::None, call.arrival).await?;
    Ok(Some(record))
}
