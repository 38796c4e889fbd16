//! `PATCH /admin/tenants/{id}/users/{user}`

use tenancy::{
    Error, Result,
    metadata::Metadata,
    user::{self, Authority, OperatorUserView, UserChange},
};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Operator, Response};

tenancy::fields! {
    /// A change of the metadata of a user. Omitted fields keep their values.
    #[derive(ToSchema)]
    #[schema(as = UserMetadataUpdate)]
    struct Request {
        /// Members of the public metadata to replace. Null removes a member; the other members stay.
        public_metadata: Option<Metadata>,
        /// Members of the private metadata to replace. Null removes a member; the other members stay.
        private_metadata: Option<Metadata>,
    }
}

web::endpoint! {
    /// Updates the metadata of a user. Sessions and access tokens stay valid.
    ENDPOINT: PATCH "/admin/tenants/{id}/users/{user}" => handler,
    access: Operator(TenantUsersWrite),
    authority: TenantUsers,
    options: [pending()],
    operation_id: "updateTenantUser",
    problems: [(404, &["user_not_found"])],
    openapi: (
        tag = "Administration",
        params(
            ("id" = Uuid, Path, description = "The id of the tenant."),
            ("user" = Uuid, Path, description = "The id of the user."),
        ),
        request_body = Request,
        responses((status = 200, description = "The changed user.", body = OperatorUserView<'_>)),
    ),
}

async fn handler(mut operator: Operator, authority: Authority) -> Result<Response> {
    let id: Uuid = operator.call().parameter("user").map_err(|_| Error::UserNotFound)?;
    let Request { public_metadata, private_metadata } = operator.call().json().await?;
    let tenant = operator.tenant().await?;
    let change = UserChange { public_metadata, private_metadata, ..UserChange::NOTHING };
    let (context, actor) = (operator.context(), operator.actor());
    let changed = user::update(context, &tenant, id, &change, &authority, &actor).await?;
    Ok(Response::ok(&OperatorUserView::from(&changed.value)).with_effect(changed.effect))
}
