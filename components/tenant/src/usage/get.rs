//! `GET /api/v1/tenant/usage`

use serde::Serialize;
use tenancy::{
    Error, Result,
    http::{Member, Response},
    quota::Resource,
    tenant::stats::{self, Usage},
};
use utoipa::ToSchema;

tenancy::fields! {
    /// Which resources to show.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// This one alone.
        resource_type: Option<Resource>,
    }
}

/// How much is used of everything.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageOfAll)]
struct All {
    items: Vec<Usage>,
}

/// Shows how much is used of each resource: an object of one, where `resource_type` asks for it, or
/// else a list of all.
#[utoipa::path(
    get,
    path = "/api/v1/tenant/usage",
    tag = "Tenant",
    params(Query),
    responses((status = 200, description = "The usage.", body = UsageAnswer)),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let Query { resource_type } = member.call().query()?;
    let (tenancy, tenant) = (member.tenancy(), member.tenant().record());
    match resource_type {
        Some(resource) => {
            let one = stats::usage(tenancy, tenant, &[resource]).await?.into_iter().next();
            let one = one.ok_or_else(|| Error::internal("a usage was asked for and not found"))?;
            Ok(Response::ok(&UsageAnswer::One(one)))
        }
        None => {
            let items = stats::usage(tenancy, tenant, &Resource::ALL).await?;
            Ok(Response::ok(&UsageAnswer::All(All { items })))
        }
    }
}

/// One resource, or all of them.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum UsageAnswer {
    One(Usage),
    All(All),
}
