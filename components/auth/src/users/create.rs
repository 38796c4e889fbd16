//! `POST /api/v1/users`

use serde::Serialize;
use tenancy::{
    Result,
    access::Role,
    credential::NewPassword,
    email::EmailAddress,
    http::{Member, Response},
    user::{self, NewUser, PersonName, User, Username},
};

tenancy::fields! {
    /// A user to be made.
    struct Request {
        email: EmailAddress,
        password: Option<NewPassword>,
        username: Option<Username>,
        first_name: Option<PersonName>,
        last_name: Option<PersonName>,
        role: Role = Role::User,
    }
}

#[derive(Serialize)]
struct Created {
    #[serde(flatten)]
    user: User,
    /// What sets the user's password, where the request set none.
    #[serde(skip_serializing_if = "Option::is_none")]
    setup_token: Option<String>,
}

/// Makes a user of the caller's tenant.
pub async fn handler(mut member: Member) -> Result<Response> {
    let request: Request = member.call().json().await?;
    let tenancy = member.tenancy();
    let password = request
        .password
        .map(|password| password.accept(&tenancy.settings, "password"))
        .transpose()?;
    let new = NewUser {
        email: request.email,
        username: request.username,
        first_name: request.first_name,
        last_name: request.last_name,
        role: request.role,
        password,
    };
    let (user, setup_token) = user::create(tenancy, member.tenant(), new).await?;
    Ok(Response::created(&Created { user, setup_token: setup_token.map(|token| token.expose()) }))
}
