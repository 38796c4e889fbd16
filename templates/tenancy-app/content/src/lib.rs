mod caller;

use caller::Caller;
use spin_sdk::{
    http::{IntoResponse, Json, Request, StatusCode},
    http_service,
};

/// Serves the routes that `tenancy_routes` in spin.toml allows.
#[http_service]
async fn serve(request: Request) -> spin_sdk::http::Result<impl IntoResponse> {
    if request.uri().path() == "/health" {
        return StatusCode::OK.into_response().map_err(Into::into);
    }
    match Caller::of(&request) {
        // Store your data under the id of the tenant.
        Some(caller) => Json(caller).into_response().map_err(Into::into),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response().map_err(Into::into),
    }
}
