//! `PATCH /api/v1/users/{id}`

use tenancy::{
    Error, Result,
    access::{Ids, Role},
    identifier::EmailAddress,
    input::Patch,
    user::{self, Authority, PersonName, User, UserChange, Username},
};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Member, Response};

tenancy::fields! {
    /// A change of a user. Omitted fields keep their values; null removes a name.
    #[derive(ToSchema)]
    #[schema(as = UserUpdate)]
    struct Request {
        email: Option<EmailAddress>,
        #[schema(value_type = Option<Username>)]
        username: Patch<Username>,
        #[schema(value_type = Option<PersonName>)]
        first_name: Patch<PersonName>,
        #[schema(value_type = Option<PersonName>)]
        last_name: Patch<PersonName>,
        role: Option<Role>,
        /// The ids of all roles of the tenant that the user has after the change.
        #[schema(value_type = Option<Vec<Uuid>>, max_items = 16)]
        custom_roles: Option<Ids>,
        /// The ids of all groups of the user after the change.
        #[schema(value_type = Option<Vec<Uuid>>, max_items = 16)]
        groups: Option<Ids>,
        /// `false` deactivates the user and ends all of their sessions.
        is_active: Option<bool>,
    }
}

web::endpoint! {
    /// Updates a user. New roles, new groups and a deactivation take effect on the user's next request.
    ENDPOINT: PATCH "/api/v1/users/{id}" => handler,
    access: Member(UsersWrite),
    authority: Users,
    options: [destructive(), pending()],
    operation_id: "updateUser",
    problems: [
        (403, &["scope_not_held", "administrator_required"]),
        (409, &["email_taken", "username_taken", "last_admin"]),
    ],
    openapi: (
        tag = "Users",
        params(("id" = Uuid, Path, description = "The id of the user.")),
        request_body = Request,
        responses((status = 200, description = "The changed user.", body = User)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::UserNotFound)?;
    let request: Request = member.call().json().await?;
    let role = request.role.map(|role| authority.grant(role)).transpose()?;
    let definitions = &member.tenant().definitions;
    let custom_roles = request
        .custom_roles
        .map(|Ids(ids)| authority.grant_custom_roles(definitions, &ids))
        .transpose()?;
    let groups =
        request.groups.map(|Ids(ids)| authority.grant_groups(definitions, &ids)).transpose()?;
    let change = UserChange {
        email: request.email,
        username: request.username,
        first_name: request.first_name,
        last_name: request.last_name,
        role,
        custom_roles,
        groups,
        membership: None,
        is_active: request.is_active,
    };
    let context = member.context();
    let actor = member.actor();
    let changed = user::update(context, member.tenant(), id, &change, &authority, &actor).await?;
    Ok(Response::ok(&changed.value).with_effect(changed.effect))
}
