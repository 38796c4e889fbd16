//! `POST /api/v1/account/sign-in/confirm`

use tenancy::{
    Error, Result,
    error::AccountError,
    event::Actor,
    session::{self, MailedProof, SignedIn},
    token::{SignInCode, SignInRequest, SignInToken},
};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Call, Means, Response};

tenancy::fields! {
    /// The proof of control of an address: the token of the link, or the code with the token of its request.
    #[derive(ToSchema)]
    #[schema(as = MailedSignInConfirmation)]
    struct Request {
        /// The token in the link of the message.
        token: Option<String>,
        /// The token of the request for the code.
        request: Option<String>,
        /// The code in the message.
        #[schema(value_type = Option<String>, example = "1234 5678")]
        code: Option<SignInCode>,
    }
}

impl Request {
    /// Returns the tenant and the proof.
    fn proof(self) -> Result<(Uuid, MailedProof)> {
        let required = |field: &str| Err(Error::invalid_field(field, "is required"));
        match (self.token, self.request, self.code) {
            (Some(token), None, None) => {
                let token = SignInToken::parse(&token).ok_or(AccountError::InvalidToken)?;
                Ok((token.tenant(), MailedProof::Link(token)))
            }
            (None, Some(request), Some(code)) => {
                let request = SignInRequest::parse(&request).ok_or(AccountError::InvalidToken)?;
                Ok((request.tenant(), MailedProof::Code(request, code)))
            }
            (Some(_), _, _) => {
                Err(Error::invalid_field("token", "must not be together with request or code"))
            }
            (None, Some(_), None) => required("code"),
            (None, None, Some(_)) => required("request"),
            (None, None, None) => required("token"),
        }
    }
}

web::endpoint! {
    /// Signs a user in with the link or the code of a message, and verifies the address.
    ///
    /// Send either `token`, or `request` and `code`. The code is valid only with the token of its request, and at most
    /// five codes are accepted for a request. If the user has a second factor, the response is a challenge.
    ENDPOINT: POST "/api/v1/account/sign-in/confirm" => handler,
    access: Public,
    operation_id: "confirmSignIn",
    problems: [
        (401, &["invalid_mailed_token", "second_factor_required", "second_factor_enrollment_required"]),
        (403, &["network_not_allowed"]),
        (409, &["mail_not_configured", "mailed_sign_in_disabled"]),
        (429, &["too_many_attempts"]),
    ],
    openapi: (
        tag = "Accounts",
        request_body = Request,
        responses((status = 200, description = "The user is signed in.", body = SignedIn)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    // Rejects an unreadable tenant address before reading the body.
    call.addressing()?;
    let request: Request = call.json().await?;
    let (tenant, proof) = request.proof()?;
    let unknown = AccountError::InvalidToken;
    let tenant = call.tenant_of_token(tenant, Means::MailedToken, unknown).await?;
    let actor = Actor::anonymous(call.origin());
    let signed_in = session::confirm_mailed_sign_in(&context, &tenant, &proof, &actor).await?;
    call.record().signed_in(tenant.id, signed_in.user_id());
    Ok(Response::ok(&signed_in))
}
