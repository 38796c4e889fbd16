//! Calls of the component `outbound`, the only one with access to other servers.

use std::time::Duration;

use platform::{HttpError, HttpMethod, HttpRequest, HttpResponse};

use crate::context::Context;

/// The origin of the component. The host calls it without a network.
const ORIGIN: &str = "http://outbound.spin.internal";

/// Sends a body to the component. The response has at most `most` bytes.
///
/// # Errors
/// [`HttpError`], also if the component does not respond within the deadline.
pub(crate) async fn post(
    context: &Context,
    path: &str,
    (content_type, body): (&str, Vec<u8>),
    deadline: Duration,
    most: usize,
) -> Result<HttpResponse, HttpError> {
    let request = HttpRequest {
        method: HttpMethod::Post,
        origin: ORIGIN.to_owned(),
        target: path.to_owned(),
        headers: vec![("content-type", content_type.to_owned())],
        body,
        deadline,
        most,
    };
    context.platform.http.send(request).await
}
