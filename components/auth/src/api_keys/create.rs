//! `POST /api/v1/api-keys`

use http::{HeaderValue, header};
use tenancy::{
    Error, Result,
    api_key::{self, ApiKeyRecord, CallLimit, NewApiKeyRequest, ShownOnce},
    http::{Member, Principal, Response},
};

/// A key that makes another gives it no more than it has itself: no later end, no higher limit.
fn check_bounds(own: &ApiKeyRecord, request: &NewApiKeyRequest) -> Result<()> {
    let over = |own: Option<i64>, asked: Option<CallLimit>| {
        own.is_some_and(|own| asked.is_none_or(|asked| asked.get() > own))
    };
    let is_later =
        own.expires_at.is_some_and(|own| request.expires_at.is_none_or(|asked| asked > own));
    for (field, is_over) in [
        ("expires_at", is_later),
        (
            "max_requests_per_minute",
            over(own.max_requests_per_minute, request.max_requests_per_minute),
        ),
        ("max_requests_per_day", over(own.max_requests_per_day, request.max_requests_per_day)),
    ] {
        if is_over {
            return Err(Error::invalid_field(field, "must not be more than that of your own key"));
        }
    }
    Ok(())
}

/// Makes an API key. The key itself is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/v1/api-keys",
    tag = "API keys",
    request_body = NewApiKeyRequest,
    responses((status = 201, description = "The key.", body = ShownOnce<'_>)),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let request: NewApiKeyRequest = member.call().json().await?;
    member.require_held(&request.scopes.0)?;
    if let Principal::ApiKey(own) = member.principal() {
        check_bounds(own, &request)?;
    }
    let (record, key) =
        api_key::create(member.tenancy(), member.tenant(), request.into(), &member.actor()).await?;
    let location = HeaderValue::from_str(&format!("/api/v1/api-keys/{}", record.id));
    Ok(Response::created(&ShownOnce::new(&record, &key))
        .with_header(header::LOCATION, location.map_err(Error::internal)?))
}
