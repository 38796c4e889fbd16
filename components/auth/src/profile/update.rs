//! `PATCH /api/v1/profile`

use tenancy::{
    Result,
    input::Patch,
    user::{self, PersonName, ProfileChange, User, Username},
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// A change of the caller's profile. Omitted fields keep their values; null removes a name.
    #[derive(ToSchema)]
    #[schema(as = ProfileUpdate)]
    struct Request {
        #[schema(value_type = Option<Username>)]
        username: Patch<Username>,
        #[schema(value_type = Option<PersonName>)]
        first_name: Patch<PersonName>,
        #[schema(value_type = Option<PersonName>)]
        last_name: Patch<PersonName>,
    }
}

web::endpoint! {
    /// Updates the caller's names.
    ENDPOINT: PATCH "/api/v1/profile" => handler,
    access: User(ProfileWrite),
    operation_id: "updateProfile",
    problems: [(409, &["username_taken"])],
    openapi: (
        tag = "Profile",
        request_body = Request,
        responses((status = 200, description = "The changed profile.", body = User)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let request: Request = member.call().json().await?;
    let change = ProfileChange {
        username: request.username,
        first_name: request.first_name,
        last_name: request.last_name,
    };
    let id = member.user()?.sub;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let changed = user::update_profile(context, tenant, id, change, &actor).await?;
    Ok(Response::ok(&changed.value).with_effect(changed.effect))
}
