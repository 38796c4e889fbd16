//! `GET /api/v1/tenant/usage`

use serde::Serialize;
use tenancy::{
    Error, Result,
    resource::Resource,
    usage::stats::{self, Usage},
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// The resources to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// Restricts the response to this resource.
        resource_type: Option<Resource>,
    }
}

/// The usage of all resources.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageOfAll)]
struct All {
    items: Vec<Usage>,
}

web::endpoint! {
    /// Returns the usage of one resource or of all resources.
    ///
    /// With `resource_type`, the response is one object. Otherwise it is a list of all resources.
    ENDPOINT: GET "/api/v1/tenant/usage" => handler,
    access: Member(TenantRead),
    operation_id: "getUsage",
    openapi: (
        tag = "Tenant",
        params(Query),
        responses((status = 200, description = "The usage.", body = UsageAnswer)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Query { resource_type } = member.call().query()?;
    let (context, tenant) = (member.context(), member.tenant().record());
    match resource_type {
        Some(resource) => {
            let one = stats::usage(context, tenant, &[resource]).await?.into_iter().next();
            let one = one
                .ok_or_else(|| Error::internal("the usage of the requested resource is missing"))?;
            Ok(Response::ok(&UsageAnswer::One(one)))
        }
        None => {
            let items = stats::usage(context, tenant, &Resource::ALL).await?;
            Ok(Response::ok(&UsageAnswer::All(All { items })))
        }
    }
}

/// The usage of one resource or of all resources.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum UsageAnswer {
    One(Usage),
    All(All),
}
