//! `GET /api/v1/auth/verify`

use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use tenancy::{
    Error, Result,
    access::{Grants, Permission, Role, Scope},
    input::Text as _,
    quota,
    resource::Amount,
};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Member, Principal, Response, gateway};

/// The response headers that identify the caller to a gateway.
const IDENTITY: [&str; 6] =
    ["x-tenant-id", "x-tenant-slug", "x-user-id", "x-user-role", "x-api-key-id", "x-scopes"];

tenancy::fields! {
    /// The permissions that the caller needs.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The required scopes and permissions of the application, separated by spaces.
        #[param(example = "tenant:read")]
        scope: Option<String>,
        /// The price of the request in units of the tenant's quota, such as `ai_requests:1` or `api_calls:1`. Either
        /// the caller or the gateway's own API key in `X-Gateway-Key` needs the scope `usage:write`. For all tenants, an
        /// operator key with the scope `tenant_usage:write` can be in `X-Gateway-Key`.
        #[param(value_type = Option<String>, example = "ai_requests:1")]
        consume: Option<Amount>,
    }
}

/// The identity of the caller.
#[derive(Serialize, ToSchema)]
struct Verified<'a> {
    tenant_id: Uuid,
    tenant_slug: &'a str,
    /// The id of the user, if the caller is a user.
    user_id: Option<Uuid>,
    /// The role of the user, if the caller is a user.
    user_role: Option<Role>,
    /// The id of the API key, if the caller is an API key.
    api_key_id: Option<Uuid>,
    scopes: &'a Grants,
}

web::endpoint! {
    /// Authenticates and authorizes a request for a gateway, such as nginx (`auth_request`), Traefik (`ForwardAuth`) or
    /// Envoy (`ext_authz`).
    ///
    /// The response headers `X-Tenant-Id`, `X-Tenant-Slug`, `X-User-Id`, `X-User-Role`, `X-Api-Key-Id` and `X-Scopes`
    /// contain the same identity as the body. Every method is handled like GET, also on any path below this one. A
    /// browser's preflight request has no credential. It gets 204, with these headers empty.
    ENDPOINT: GET "/api/v1/auth/verify" => handler,
    access: Authenticated,
    options: [any_method(preflight)],
    operation_id: "verifyCredential",
    problems: [(400, &["invalid_gateway_key"]), (429, &["quota_exceeded"])],
    headers: [
        "X-Tenant-Id",
        "X-Tenant-Slug",
        "X-User-Id",
        "X-User-Role",
        "X-Api-Key-Id",
        "X-Scopes",
    ],
    openapi: (
        tag = "Other services",
        params(Query),
        responses((status = 200, description = "The caller has the required scopes.", body = Verified<'_>)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let query = member.call().query()?;
    verified(&member, &query).await
}

web::endpoint! {
    /// Handles the path that ends with a slash, like [`BELOW`].
    BELOW_ROOT: GET "/api/v1/auth/verify/" => below,
    access: Authenticated,
    options: [any_method(preflight)],
}

web::endpoint! {
    /// Handles paths below this one. A gateway copies the path and the query of the original request, so both are
    /// untrusted and are ignored.
    BELOW: GET "/api/v1/auth/verify/{*path}" => below,
    access: Authenticated,
    options: [any_method(preflight)],
}

async fn below(member: Member) -> Result<Response> {
    verified(&member, &Query { scope: None, consume: None }).await
}

async fn verified(member: &Member, query: &Query) -> Result<Response> {
    for name in
        query.scope.iter().flat_map(|names| names.split(' ').filter(|name| !name.is_empty()))
    {
        // Not 422: gateways replace a 422 by their own error but pass on a 403.
        match Scope::parse(name) {
            Ok(scope) => member.require(scope)?,
            Err(_) => member
                .require_permission(&Permission::parse(name).map_err(|_| Error::UnknownScope)?)?,
        }
    }
    if let Some(amount) = query.consume {
        // Only a gateway may set the price. Otherwise each user could spend the whole tenant's quota.
        gateway::require_consumption(member).await?;
        let Amount { resource, amount } = amount;
        let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
        if let Some(used) = quota::consume(context, tenant, resource, amount, &actor).await? {
            let resource = resource.resource();
            member.used(resource, used, tenant.limits.of(resource));
        }
    }
    let scopes = member.grants();
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
    let names: Vec<_> = scopes.names().collect();
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
        // Empty headers are sent too, so that the gateway overwrites those that a client has sent.
        let value = HeaderValue::from_str(&value.unwrap_or_default()).map_err(Error::internal)?;
        response = response.with_header(HeaderName::from_static(name), value);
    }
    Ok(response)
}

/// Responds to a browser's preflight request, which has no credential. The gateway forwards it to the service without
/// an identity.
pub fn preflight() -> Response {
    identified_as_nobody(Response::empty(StatusCode::NO_CONTENT))
}

/// Adds all identity headers without a value, so that the gateway overwrites those that a client has sent.
fn identified_as_nobody(response: Response) -> Response {
    IDENTITY.into_iter().fold(response, |response, name| {
        response.with_header(HeaderName::from_static(name), HeaderValue::from_static(""))
    })
}
