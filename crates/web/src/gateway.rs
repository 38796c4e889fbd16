//! The key of a gateway that forwards a call.

use std::rc::Rc;

use tenancy::{
    Error, Result,
    access::{OperatorScope, Scope},
    admission::{self, Metering},
    api_key::{ApiKey, ApiKeyRecord},
    error::Unauthenticated,
    operator_key::{OperatorKey, OperatorKeyRecord},
};

use super::{Member, operator};

/// The header that carries a gateway's key, in addition to the caller's credential.
const GATEWAY_KEY_HEADER: &str = "x-gateway-key";

const INVALID: Error = Error::Unauthenticated(Unauthenticated::InvalidGatewayKey);

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
/// [`Error::Forbidden`]; [`Error::TenantMismatch`] for a key of another tenant; [`Unauthenticated::InvalidGatewayKey`];
/// [`Error::RateLimited`] if the network has sent too many invalid keys.
pub async fn require_consumption(member: &Member) -> Result<()> {
    let (of_tenant, of_operator) = (Scope::UsageWrite, OperatorScope::TenantUsageWrite);
    if member.principals().any(|principal| principal.scopes().contains(&of_tenant)) {
        return Ok(());
    }
    match key(member).await? {
        Some(GatewayKey::Tenant(key)) if key.tenant != member.tenant.id => {
            Err(Error::TenantMismatch)
        }
        Some(GatewayKey::Tenant(key)) if key.scopes.contains(&of_tenant) => Ok(()),
        Some(GatewayKey::Operator(key)) if key.scopes.contains(&of_operator) => Ok(()),
        Some(GatewayKey::Operator(_)) => Err(Error::Forbidden { scope: of_operator.as_str() }),
        _ => Err(Error::Forbidden { scope: of_tenant.as_str() }),
    }
}

/// Returns the key that a gateway sends in addition to the caller's credential, if there is one.
///
/// # Errors
/// [`Unauthenticated::InvalidGatewayKey`], and errors for a tenant that is not active.
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
