//! The key of a gateway that forwards a call.

use std::rc::Rc;

use tenancy::{
    Error, Result,
    access::{OperatorScope, Scope},
    admission::{self, Metering},
    api_key::{ApiKey, ApiKeyRecord},
    operator_key::{OperatorKey, OperatorKeyRecord},
};

use super::{Member, operator};

/// The header that carries a gateway's key, in addition to the caller's credential.
const GATEWAY_KEY_HEADER: &str = "x-gateway-key";

const INVALID: Error = Error::InvalidGatewayKey;

/// The key of a gateway.
enum GatewayKey {
    /// Of one tenant.
    Tenant(Rc<ApiKeyRecord>),
    /// Of all tenants.
    Operator(Rc<OperatorKeyRecord>),
}

/// Checks that the caller, or the gateway that forwards the call, may take units from the tenant's quotas. A gateway sends
/// a key in `X-Gateway-Key`, which grants the caller nothing: an API key of the tenant with `usage:write`, or an operator
/// key with `tenant_usage:write` for all tenants. An API key can also be in `X-API-Key` next to the caller's access token.
///
/// # Errors
/// [`Error::Forbidden`] without a gateway's key; [`Error::InvalidGatewayKey`] for every fault of that key;
/// [`Error::RateLimited`] if the network has sent too many invalid keys.
pub async fn require_consumption(member: &Member) -> Result<()> {
    let scope = Scope::UsageWrite;
    if member.principals().any(|principal| principal.scopes().contains(&scope)) {
        return Ok(());
    }
    let is_allowed = match key(member).await? {
        None => return Err(Error::Forbidden { scope: scope.as_str() }),
        Some(GatewayKey::Tenant(key)) => {
            key.tenant == member.tenant.id && key.scopes.contains(&scope)
        }
        Some(GatewayKey::Operator(key)) => key.scopes.contains(&OperatorScope::TenantUsageWrite),
    };
    if is_allowed { Ok(()) } else { Err(INVALID) }
}

/// Returns the key that a gateway sends in addition to the caller's credential, if there is one.
///
/// # Errors
/// [`Error::InvalidGatewayKey`], and errors for a tenant that is not active.
async fn key(member: &Member) -> Result<Option<GatewayKey>> {
    let (context, call) = (&member.context, &member.call);
    let Some(text) = call.request.header(GATEWAY_KEY_HEADER)?.filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let found = if OperatorKey::is_meant(text) {
        let key = OperatorKey::parse(text).ok_or(INVALID)?;
        operator::verify(context, call, &key).await.map(GatewayKey::Operator)
    } else {
        let key = ApiKey::parse(text).ok_or(INVALID)?;
        let admitted = admission::admit_api_key(context, &key, Metering::None, call.arrival).await;
        admitted.map(|(_, record)| GatewayKey::Tenant(record))
    };
    found.map(Some).map_err(|error| match error {
        Error::Unauthenticated(_) => INVALID,
        error => error,
    })
}
