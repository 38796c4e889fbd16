//! Responses.

use chrono::SecondsFormat;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use tenancy::{body::BodyReader, version_cache::Effect};

use super::headers::ResponseHeaders;

/// The header with the latest time at which a change takes effect, as an RFC 3339 timestamp.
const TAKES_EFFECT_BY: HeaderName = HeaderName::from_static("takes-effect-by");

/// A response.
///
/// The host writes a complete response with `content-length` and in one segment. A chunked or split response costs 40
/// ms on a keep-alive connection, because Spin does not disable Nagle's algorithm.
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers without `content-length`.
    pub headers: ResponseHeaders,
    /// The body.
    pub content: Content,
}

/// The body of a response.
pub enum Content {
    /// The complete body.
    Whole(Vec<u8>),
    /// The body in pieces, if it does not fit into memory. An error aborts the connection, so that clients do not
    /// mistake a part for the complete body.
    Stream {
        /// The length in bytes, if known.
        length: Option<u64>,
        /// The source of the pieces.
        pieces: Box<dyn BodyReader>,
    },
}

impl Response {
    /// Returns a response without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: ResponseHeaders::default(), content: Content::Whole(Vec::new()) }
    }

    /// Returns a response with `value` as JSON.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::bytes("application/json", body).with_status(status),
            // `serde_json` fails only for maps with keys other than strings, and no response contains such a map.
            Err(_) => Self::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Returns `200 OK` with these bytes.
    pub fn bytes(content_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { content: Content::Whole(bytes), ..Self::empty(StatusCode::OK) }
            .with_header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// Returns `200 OK` with a body in pieces. `length` is the length in bytes, if known.
    pub fn stream(length: Option<u64>, pieces: impl BodyReader + 'static) -> Self {
        let content = Content::Stream { length, pieces: Box::new(pieces) };
        Self { content, ..Self::empty(StatusCode::OK) }
    }

    /// Returns the response with another status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Returns `200 OK` with `value` as JSON.
    pub fn ok(value: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// Returns `201 Created` with `value` as JSON.
    pub fn created(value: &impl Serialize) -> Self {
        Self::json(StatusCode::CREATED, value)
    }

    /// Returns the response to a change with this effect. For a change that is recorded but not yet in effect, this is
    /// `202 Accepted` (RFC 9110, section 15.3.3) with the header `Takes-Effect-By`. If the response has no body, it
    /// gets one with this time.
    #[must_use]
    pub fn with_effect(self, effect: Effect) -> Self {
        let Effect::By(time) = effect else { return self };
        let time = time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let accepted = match &self.content {
            Content::Whole(body) if body.is_empty() => {
                let body = json!({ "takes_effect_by": time });
                Self { headers: self.headers, ..Self::json(StatusCode::ACCEPTED, &body) }
                    .with_header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            }
            _ => self.with_status(StatusCode::ACCEPTED),
        };
        match HeaderValue::from_str(&time) {
            Ok(time) => accepted.with_header(TAKES_EFFECT_BY, time),
            Err(_) => accepted,
        }
    }

    /// Returns the response with a header. The header replaces one of the same name.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}
