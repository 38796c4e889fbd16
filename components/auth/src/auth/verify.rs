//! `GET /api/v1/auth/verify`

use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use tenancy::{
    Error, Result,
    access::{Role, Scope},
    http::{Member, Principal, Response, fields::Text as _},
    quota::{self, Amount},
};
use utoipa::ToSchema;
use uuid::Uuid;

/// The response headers that tell a gateway who calls.
const IDENTITY: [&str; 6] =
    ["x-tenant-id", "x-tenant-slug", "x-user-id", "x-user-role", "x-api-key-id", "x-scopes"];

tenancy::fields! {
    /// What the caller must be allowed.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The scopes that it takes, with spaces between.
        #[param(example = "tenant:read")]
        scope: Option<String>,
        /// The price of the request in units of the tenant's quota, as `ai_requests:1` or `api_calls:1`. The scope
        /// `usage:write` is required, of the caller or of the gateway's own API key in `X-Gateway-Key`.
        #[param(value_type = Option<String>, example = "ai_requests:1")]
        consume: Option<Amount>,
    }
}

/// Who calls.
#[derive(Serialize, ToSchema)]
struct Verified<'a> {
    tenant_id: Uuid,
    tenant_slug: &'a str,
    /// Of a user.
    user_id: Option<Uuid>,
    /// Of a user.
    user_role: Option<Role>,
    /// Of an API key.
    api_key_id: Option<Uuid>,
    scopes: &'a [Scope],
}

/// Says who calls, and whether they may: for gateways such as nginx (`auth_request`), Traefik
/// (`ForwardAuth`) and Envoy (`ext_authz`). The answer's headers `X-Tenant-Id`, `X-Tenant-Slug`,
/// `X-User-Id`, `X-User-Role`, `X-Api-Key-Id` and `X-Scopes` say the same as its body. Every method
/// is answered as GET, and so is any path below this one. The preflight of a browser has no
/// credential: it gets 204, with these headers empty.
#[utoipa::path(
    get,
    path = "/api/v1/auth/verify",
    tag = "Other services",
    params(Query),
    responses((status = 200, description = "The caller may.", body = Verified<'_>)),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let query = member.call().query()?;
    verified(&member, &query).await
}

/// Answers below this path as well. The path and the query are those of the request that a gateway
/// asks about: what its caller wrote there is none of ours.
pub async fn below(member: Member) -> Result<Response> {
    verified(&member, &Query { scope: None, consume: None }).await
}

async fn verified(member: &Member, query: &Query) -> Result<Response> {
    for name in
        query.scope.iter().flat_map(|names| names.split(' ').filter(|name| !name.is_empty()))
    {
        // Not 422: of that a gateway makes an error of its own, and 403 it passes on.
        member.require(Scope::parse(name).map_err(|_| Error::UnknownScope)?)?;
    }
    if let Some(amount) = query.consume {
        // A gateway sets the price. Without this, each user could spend the quota of all.
        member.require_of_gateway(Scope::UsageWrite).await?;
        let Amount { resource, amount } = amount;
        let (tenancy, tenant, actor) = (member.tenancy(), member.tenant(), member.actor());
        if let Some(used) = quota::consume(tenancy, tenant, resource, amount, &actor).await? {
            let resource = resource.resource();
            member.used(resource, used, resource.limit(&tenant.limits));
        }
    }
    let scopes: Vec<_> =
        member.principal().scopes().iter().copied().filter(|scope| member.allows(*scope)).collect();
    let (user_id, user_role, api_key_id) = match member.principal() {
        Principal::User(claims) => (Some(claims.sub), Some(claims.role), None),
        Principal::ApiKey(record) => (None, None, Some(record.id)),
    };
    let verified = Verified {
        tenant_id: member.tenant().id,
        tenant_slug: member.tenant().slug.as_str(),
        user_id,
        user_role,
        api_key_id,
        scopes: &scopes,
    };
    let names: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    let headers = [
        ("x-tenant-id", Some(verified.tenant_id.to_string())),
        ("x-tenant-slug", Some(verified.tenant_slug.to_owned())),
        ("x-user-id", user_id.map(|id| id.to_string())),
        ("x-user-role", user_role.map(|role| role.as_str().to_owned())),
        ("x-api-key-id", api_key_id.map(|id| id.to_string())),
        ("x-scopes", Some(names.join(" "))),
    ];
    let mut response = Response::ok(&verified);
    for (name, value) in headers {
        // Also without a value: a gateway then replaces what a client has sent itself.
        let value = HeaderValue::from_str(&value.unwrap_or_default()).map_err(Error::internal)?;
        response = response.with_header(HeaderName::from_static(name), value);
    }
    Ok(response)
}

/// Answers the preflight of a browser, which has no credential. The gateway lets it pass to the service behind it,
/// for nobody.
pub fn preflight() -> Response {
    identified_as_nobody(Response::empty(StatusCode::NO_CONTENT))
}

/// Adds every header of the identity, without a value: a gateway then replaces what a client has sent itself.
fn identified_as_nobody(response: Response) -> Response {
    IDENTITY.into_iter().fold(response, |response, name| {
        response.with_header(HeaderName::from_static(name), HeaderValue::from_static(""))
    })
}
