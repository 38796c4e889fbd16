//! `POST /api/v1/users`

use http::{HeaderValue, header};
use serde::Serialize;
use tenancy::{
    Result,
    access::{Ids, Role},
    credential::NewPassword,
    identifier::EmailAddress,
    mail::template::Language,
    metadata::Metadata,
    resource::Resource,
    user::{self, Authority, NewUser, PersonName, User, Username},
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// A new user.
    #[derive(ToSchema)]
    #[schema(as = NewUser)]
    struct Request {
        email: EmailAddress,
        password: Option<NewPassword>,
        username: Option<Username>,
        first_name: Option<PersonName>,
        last_name: Option<PersonName>,
        #[schema(required = false, default = "user")]
        role: Role = Role::User,
        /// The ids of the roles of the tenant that the user gets.
        #[schema(required = false, value_type = Vec<uuid::Uuid>, max_items = 16)]
        custom_roles: Ids = Ids::default(),
        /// The ids of the groups of the user.
        #[schema(required = false, value_type = Vec<uuid::Uuid>, max_items = 16)]
        groups: Ids = Ids::default(),
        #[schema(required = false, value_type = Object)]
        public_metadata: Metadata = Metadata::default(),
        /// Whether the service sends the setup token by mail, if the operator has set up mail. Otherwise the response
        /// contains it.
        #[schema(required = false, default = true)]
        send_mail: bool = true,
        /// The language of the message. The default is that of the tenant.
        #[schema(value_type = Option<Language>)]
        language: Option<Language>,
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = CreatedUser)]
struct Created {
    #[serde(flatten)]
    user: User,
    /// The token that sets the user's password. Present if the request has no password and the service does not send
    /// the token by mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    setup_token: Option<String>,
    /// Whether the service sends the setup token by mail.
    is_mailed: bool,
}

web::endpoint! {
    /// Creates a user in the caller's tenant.
    ///
    /// If the request has no password, the service sends a setup token by mail, or the response contains it. The caller
    /// must hold every scope of the role, or the scope that delegates the role: `users:grant:viewer`, `users:grant:user` or `users:grant:admin`.
    /// The caller must also hold every permission of the custom roles and groups.
    ENDPOINT: POST "/api/v1/users" => handler,
    access: Member(UsersWrite),
    authority: Users,
    options: [destructive()],
    operation_id: "createUser",
    problems: [
        (403, &["scope_not_held", "quota_exceeded"]),
        (409, &["email_taken", "username_taken"]),
    ],
    headers: ["Location"],
    openapi: (
        tag = "Users",
        request_body = Request,
        responses((status = 201, description = "The user.", body = Created)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let request: Request = member.call().json().await?;
    let role = authority.grant(request.role)?;
    let definitions = &member.tenant().definitions;
    let custom_roles = authority.grant_custom_roles(definitions, &request.custom_roles.0)?;
    let groups = authority.grant_groups(definitions, &request.groups.0)?;
    let context = member.context();
    let password = request
        .password
        .map(|password| password.accept(&context.settings, "password"))
        .transpose()?;
    let new = NewUser {
        email: request.email,
        username: request.username,
        first_name: request.first_name,
        last_name: request.last_name,
        role,
        custom_roles,
        groups,
        public_metadata: request.public_metadata,
        password,
        posting: super::posting(request.send_mail, request.language),
    };
    let user::Created { user, setup_token, is_mailed, user_count } =
        user::create(context, member.tenant(), new, &member.actor()).await?;
    member.used(Resource::Users, user_count, member.tenant().limits.users);
    let location = HeaderValue::from_str(&format!("/api/v1/users/{}", user.id));
    let setup_token = setup_token.map(|token| token.expose());
    let created = Created { user, setup_token, is_mailed };
    Ok(Response::created(&created)
        .with_header(header::LOCATION, location.map_err(tenancy::Error::internal)?))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;
    use tenancy::access::Role;
    use web::testing::{Service, request};

    use super::handler;

    #[test]
    fn invalid_fields_are_named() {
        let body = json!({ "email": "no address", "role": "owner", "first_name": "", "extra": 1 });
        let answer = Service::new().call_with(handler, Role::Admin, request(Method::POST, &body));
        assert_eq!((answer.status, &answer.body["code"]), (422, &json!("validation_failed")));
        let mut fields = answer.fields();
        fields.sort_unstable();
        assert_eq!(fields, ["email", "extra", "first_name", "role"]);
    }

    #[test]
    fn role_above_the_callers_is_rejected_before_any_statement() {
        let service = Service::new();
        let body = json!({ "email": "a@acme.example", "role": "admin" });
        let answer = service.call_with(handler, Role::Viewer, request(Method::POST, &body));
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("scope_not_held")));
    }

    #[test]
    fn unavailable_database_is_no_fault_of_the_caller() {
        let body = json!({ "email": "a@acme.example" });
        let answer = Service::new().call_with(handler, Role::Admin, request(Method::POST, &body));
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    }
}
