//! Errors as `application/problem+json` (RFC 9457). This module defines the status, code and text of every error.

mod accompanying_header;
mod account;
mod database;
mod operator_key;
mod passkey;
mod roles;
mod second_factor;
mod unauthenticated;

use std::borrow::Cow;

use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use tenancy::{
    Error,
    error::{SecondFactorError, Unauthenticated},
    resource::{Kind, Resource, Unit},
};
use utoipa::ToSchema;

use super::Response;

/// An error (RFC 9457).
#[derive(Serialize, ToSchema)]
pub struct Problem<'a> {
    r#type: String,
    /// A short summary of the problem type.
    title: &'static str,
    status: u16,
    /// An explanation of this occurrence.
    #[schema(value_type = String)]
    detail: Cow<'static, str>,
    /// The stable code for programs.
    code: &'static str,
    /// The id of the request, which is also in the log.
    request_id: &'a str,
    /// The invalid fields.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: Vec<FieldProblem<'a>>,
    /// For OAuth endpoints: the error code of RFC 6749.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    /// For a sign-in that needs a second factor: the token that continues it.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<&'a str>,
    /// For a sign-in that needs a second factor: the seconds until the challenge expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<i64>,
    /// For a sign-in that needs a second factor: the kinds that the user has, `one_time_password` or `passkey`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    second_factors: &'a [&'static str],
    /// For a quota: the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Resource>,
    /// For a quota: the limit of the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<i64>,
    /// For a quota: the current usage of the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<i64>,
}

#[derive(Serialize, ToSchema)]
struct FieldProblem<'a> {
    field: &'a str,
    message: &'a str,
}

impl Problem<'_> {
    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the summary of the problem type.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// Returns the explanation, with the remedy.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

/// Returns the response for `error`.
pub fn answer(error: &Error, request_id: &str) -> Response {
    let problem = document(error, request_id);
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::json(status, &problem)
        .with_header(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some((name, value)) = accompanying_header::of(error) {
        response = response.with_header(name, value);
    }
    response
}

/// Returns the problem document for `error`, which the command line also shows.
pub fn document<'a>(error: &'a Error, request_id: &'a str) -> Problem<'a> {
    let (status, code, title, detail) = describe(error);
    let (resource, limit, usage) = match error {
        Error::QuotaExceeded { resource, limit, usage, .. } => {
            (Some(*resource), Some(*limit), Some(*usage))
        }
        _ => (None, None, None),
    };
    let pending = match error {
        Error::SecondFactor(SecondFactorError::Required(pending)) => Some(&**pending),
        _ => None,
    };
    Problem {
        r#type: format!("urn:tenancy:problem:{code}"),
        title,
        status: status.as_u16(),
        detail,
        code,
        request_id,
        errors: fields(error),
        error: match error {
            Error::InvalidForm(_) => Some("invalid_request"),
            Error::UnsupportedTokenType => Some("unsupported_token_type"),
            Error::Unauthenticated(Unauthenticated::InvalidClient) => Some("invalid_client"),
            _ => None,
        },
        challenge: pending.map(|pending| pending.challenge.expose()),
        expires_in: pending.map(|pending| pending.expires_in),
        second_factors: pending.map_or(&[], |pending| &pending.factors),
        resource,
        limit,
        usage,
    }
}

#[expect(clippy::too_many_lines, reason = "a table is easier to read in one piece")]
fn describe(error: &Error) -> (StatusCode, &'static str, &'static str, Cow<'static, str>) {
    use StatusCode as S;
    match error {
        Error::InvalidFields(fields) => {
            let names: Vec<_> = fields.iter().map(|field| field.field.as_str()).collect();
            (
                S::UNPROCESSABLE_ENTITY,
                "validation_failed",
                "Validation failed",
                format!("Invalid fields: {}.", names.join(", ")).into(),
            )
        }
        Error::InvalidJson(reason) => (
            S::BAD_REQUEST,
            "invalid_json",
            "The body is not a JSON object",
            format!("The body is not a JSON object: {reason}.").into(),
        ),
        Error::InvalidHeader { name, message } => (
            S::BAD_REQUEST,
            "invalid_header",
            "Invalid header",
            format!("The header {name} {message}.").into(),
        ),
        Error::InvalidForm(reason) => (
            S::BAD_REQUEST,
            "invalid_request",
            "Invalid form",
            format!("The body is not a valid form: {reason}.").into(),
        ),
        Error::UnsupportedMediaType { expected } => (
            S::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Unsupported content type",
            format!("Send the body with the content type {expected}.").into(),
        ),
        Error::UnsupportedContentCoding => (
            S::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_content_coding",
            "Unsupported content coding",
            "Compressed bodies are not supported. Send the body without Content-Encoding.".into(),
        ),
        Error::BodyTooLarge { limit } => (
            S::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The body is too large",
            format!("The body may have at most {limit} bytes.").into(),
        ),
        Error::BodyIncomplete => (
            S::BAD_REQUEST,
            "body_incomplete",
            "Incomplete body",
            "The connection ended before the whole body arrived. Send the request again.".into(),
        ),
        Error::BodyTooSlow => (
            S::REQUEST_TIMEOUT,
            "body_too_slow",
            "The body arrived too slowly",
            "Send JSON and forms within 10 s. Send files and cache values at 1 KiB/s or faster."
                .into(),
        ),
        Error::RouteNotFound => (
            S::NOT_FOUND,
            "route_not_found",
            "No such route",
            "No route matches this path.".into(),
        ),
        Error::MethodNotAllowed { allow } => (
            S::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Method not allowed",
            format!("This path supports {allow}.").into(),
        ),
        Error::Unauthenticated(reason) => unauthenticated::describe(*reason),
        // Not 401, with which a caller would discard a valid credential.
        Error::InvalidGatewayKey => (
            S::BAD_REQUEST,
            "invalid_gateway_key",
            "Invalid key of the gateway",
            "The key in X-Gateway-Key is invalid: it is mistyped, unknown, revoked, expired or not allowed from this \
             address, it belongs to another tenant, or it has neither of the scopes usage:write and \
             tenant_usage:write. The operator of the gateway must replace it."
                .into(),
        ),
        Error::InvalidCredentials => (
            S::UNAUTHORIZED,
            "invalid_credentials",
            "Not authenticated",
            "The e-mail address or the password is wrong.".into(),
        ),
        Error::InvalidSetupToken => (
            S::UNAUTHORIZED,
            "invalid_setup_token",
            "Not authenticated",
            "The setup token is invalid, used or expired.".into(),
        ),
        Error::Account(error) => account::describe(*error),
        Error::InvalidRefreshToken => (
            S::UNAUTHORIZED,
            "invalid_refresh_token",
            "Not authenticated",
            "The refresh token is invalid, used or expired. Sign in again.".into(),
        ),
        Error::SecondFactor(error) => second_factor::describe(error),
        Error::Passkey(error) => passkey::describe(*error),
        Error::UnsupportedTokenType => (
            S::BAD_REQUEST,
            "unsupported_token_type",
            "Unsupported token type",
            "To revoke an API key, send DELETE /api/v1/api-keys/{id}.".into(),
        ),
        Error::TooManyAttempts { retry_after } => (
            S::TOO_MANY_REQUESTS,
            "too_many_attempts",
            "Too many attempts",
            format!("Too many sign-ins have failed. Try again in {retry_after} s.").into(),
        ),
        Error::RateLimited { retry_after } => (
            S::TOO_MANY_REQUESTS,
            "rate_limited",
            "Rate limit exceeded",
            format!("The rate limit is exceeded. Try again in {retry_after} s.").into(),
        ),
        Error::QuotaExceeded { resource, limit, usage, .. } => (
            match (resource.kind(), resource.unit()) {
                (Kind::Daily(_), _) => S::TOO_MANY_REQUESTS,
                (Kind::Quantity(_), Unit::Count) => S::FORBIDDEN,
                (Kind::Quantity(_), Unit::Bytes) => S::INSUFFICIENT_STORAGE,
            },
            "quota_exceeded",
            "Quota exceeded",
            format!(
                "The request exceeds the quota of {}: {usage} of {limit} are used.",
                resource.as_str()
            )
            .into(),
        ),
        Error::AdministratorRequired => (
            S::FORBIDDEN,
            "administrator_required",
            "Not allowed",
            "Only an administrator, or a caller with the scope users:grant:admin, can modify an administrator \
             account."
                .into(),
        ),
        Error::UserRequired => (
            S::FORBIDDEN,
            "user_required",
            "Not allowed",
            "This endpoint requires a user's access token. API keys are not accepted.".into(),
        ),
        Error::ScopeNotHeld { scope } => roles::not_held("scope", scope),
        Error::PermissionNotHeld { permission } => roles::not_held("permission", permission),
        Error::NetworkNotAllowed => (
            S::FORBIDDEN,
            "network_not_allowed",
            "Not allowed",
            "Your tenant does not allow sign-ins from this network. Ask a tenant administrator to allow it."
                .into(),
        ),
        Error::StrongerApiKey => (
            S::FORBIDDEN,
            "stronger_api_key",
            "The API key exceeds your own",
            "This API key has higher limits or a later expiry than your own. Ask a tenant administrator to \
             manage it."
                .into(),
        ),
        Error::Forbidden { scope } => (
            S::FORBIDDEN,
            "forbidden",
            "Not allowed",
            format!("The scope {scope} is required. Use a credential that has it.").into(),
        ),
        Error::PermissionRequired { permission } => (
            S::FORBIDDEN,
            "forbidden",
            "Not allowed",
            format!("The permission {permission} is required. Use a credential that has it.").into(),
        ),
        Error::UnknownScope => (
            S::FORBIDDEN,
            "forbidden",
            "Not allowed",
            "The scope does not exist, so no caller has it.".into(),
        ),
        Error::TenantRequired => (
            S::BAD_REQUEST,
            "tenant_required",
            "Tenant required",
            "Identify the tenant by the host name, the path or the header X-Tenant-Slug."
                .into(),
        ),
        Error::TenantMismatch => (
            S::FORBIDDEN,
            "tenant_mismatch",
            "Tenant mismatch",
            "The credential and the address of the request identify different tenants.".into(),
        ),
        Error::TenantNotFound => {
            (S::NOT_FOUND, "tenant_not_found", "No such tenant", "There is no such tenant.".into())
        }
        Error::FormerSlugNotFound => (
            S::NOT_FOUND,
            "former_slug_not_found",
            "No such former slug",
            "The tenant has no such former slug. It may have been released.".into(),
        ),
        Error::TenantSuspended => (
            S::FORBIDDEN,
            "tenant_suspended",
            "The tenant is suspended",
            "The tenant is suspended. Ask the operator for the reason.".into(),
        ),
        Error::TenantDeleted => (
            S::FORBIDDEN,
            "tenant_deleted",
            "The tenant is deleted",
            "The tenant is deleted.".into(),
        ),
        Error::IllegalTransition { from, to } => (
            S::CONFLICT,
            "illegal_transition",
            "Invalid state transition",
            match to {
                Some(to) => format!("A tenant that is {from} cannot become {to}.").into(),
                None => format!("A tenant that is {from} cannot be updated.").into(),
            },
        ),
        Error::UserNotFound => {
            (S::NOT_FOUND, "user_not_found", "No such user", "There is no such user.".into())
        }
        Error::FileNotFound => {
            (S::NOT_FOUND, "file_not_found", "No such file", "There is no such file.".into())
        }
        Error::CacheEntryNotFound => (
            S::NOT_FOUND,
            "cache_entry_not_found",
            "No such entry",
            "The cache entry does not exist or has expired.".into(),
        ),
        Error::PlanNotFound => {
            (S::NOT_FOUND, "plan_not_found", "No such plan", "There is no such plan.".into())
        }
        Error::PlanInUse => (
            S::CONFLICT,
            "plan_in_use",
            "The plan is in use",
            "You cannot delete the default plan or a plan that tenants use.".into(),
        ),
        Error::RangeNotSatisfiable { size } => (
            S::RANGE_NOT_SATISFIABLE,
            "range_not_satisfiable",
            "Range not satisfiable",
            format!("The file has {size} bytes.").into(),
        ),
        Error::PreconditionFailed => (
            S::PRECONDITION_FAILED,
            "precondition_failed",
            "Precondition failed",
            "The resource has changed or does not exist. Fetch it again and retry with its current ETag."
                .into(),
        ),
        Error::SessionNotFound => (
            S::NOT_FOUND,
            "session_not_found",
            "No such session",
            "There is no such session.".into(),
        ),
        Error::ApiKeyNotFound => (
            S::NOT_FOUND,
            "api_key_not_found",
            "No such API key",
            "There is no such API key.".into(),
        ),
        Error::OperatorKey(error) => operator_key::describe(*error),
        Error::LastAdministrator => (
            S::CONFLICT,
            "last_admin",
            "The last administrator is required",
            "A tenant needs an active administrator with a password. Add another one first."
                .into(),
        ),
        Error::TooManyApiKeys => (
            S::CONFLICT,
            "too_many_api_keys",
            "Too many API keys",
            format!(
                "A tenant can have at most {} API keys. Revoke one first.",
                tenancy::api_key::MOST
            )
            .into(),
        ),
        Error::Role(error) => roles::describe(*error),
        Error::Database(error) => database::describe(*error),
        Error::Taken { field, code } => {
            (S::CONFLICT, code, "Already taken", format!("This {field} is taken.").into())
        }
        Error::IdempotencyKeyReused => (
            S::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "The idempotency key was used for another request",
            "Use a new Idempotency-Key for a request that differs from the first.".into(),
        ),
        Error::Unavailable { .. } => (
            S::SERVICE_UNAVAILABLE,
            "unavailable",
            "Temporarily unavailable",
            "The service cannot process the request right now. It is safe to try again.".into(),
        ),
        Error::Misconfigured(settings) => {
            let names: Vec<_> = settings.iter().map(|setting| setting.name).collect();
            (
                S::SERVICE_UNAVAILABLE,
                "misconfigured",
                "The service is misconfigured",
                format!(
                    "The service is misconfigured. Ask the operator to check {}.",
                    names.join(", ")
                )
                .into(),
            )
        }
        Error::Internal(_) => (
            S::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Internal error",
            "The service failed. Its log has the cause under this request id.".into(),
        ),
    }
}

fn fields(error: &Error) -> Vec<FieldProblem<'_>> {
    match error {
        Error::InvalidFields(fields) => fields
            .iter()
            .map(|invalid| FieldProblem { field: &invalid.field, message: &invalid.message })
            .collect(),
        Error::Taken { field, .. } => vec![FieldProblem { field, message: "is taken" }],
        _ => Vec::new(),
    }
}
