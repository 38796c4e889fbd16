//! What a caller gets.

use chrono::SecondsFormat;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::json;

use super::{BodyReader, headers::ResponseHeaders};
use crate::admission::Effect;

/// The header with the latest time at which a change takes effect, as a date and time of RFC 3339.
const TAKES_EFFECT_BY: HeaderName = HeaderName::from_static("takes-effect-by");

/// An answer.
///
/// One that is whole the host writes with `content-length` and in one segment: a chunked or split
/// answer costs 40 ms on a connection that is kept alive, since Spin leaves Nagle's algorithm on.
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers, `content-length` left out.
    pub headers: ResponseHeaders,
    /// The body.
    pub content: Content,
}

/// The body of an answer.
pub enum Content {
    /// All of it.
    Whole(Vec<u8>),
    /// Piece by piece, for what does not fit into memory. An error on the way breaks the connection
    /// off, so that nobody takes a part for the whole.
    Stream {
        /// How many bytes it will be, where that is known.
        length: Option<u64>,
        /// Where the pieces come from.
        pieces: Box<dyn BodyReader>,
    },
}

impl Response {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: ResponseHeaders::default(), content: Content::Whole(Vec::new()) }
    }

    /// An answer with `value` as JSON.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::bytes("application/json", body).with_status(status),
            // Maps with keys other than strings are all that serde_json cannot write, and no
            // answer has one.
            Err(_) => Self::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// `200 OK` with these bytes.
    pub fn bytes(content_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { content: Content::Whole(bytes), ..Self::empty(StatusCode::OK) }
            .with_header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// `200 OK` piece by piece; `length` is how many bytes it will be, where that is known.
    pub fn stream(length: Option<u64>, pieces: impl BodyReader + 'static) -> Self {
        let content = Content::Stream { length, pieces: Box::new(pieces) };
        Self { content, ..Self::empty(StatusCode::OK) }
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// `200 OK` with `value` as JSON.
    pub fn ok(value: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// `201 Created` with `value` as JSON.
    pub fn created(value: &impl Serialize) -> Self {
        Self::json(StatusCode::CREATED, value)
    }

    /// The same for a change that has this effect. A change that is recorded but not yet in effect gives
    /// `202 Accepted` (RFC 9110, section 15.3.3) and the header `Takes-Effect-By`; a response without a body gets
    /// one that says so.
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

    /// The same with one more header, in the place of one of the same name.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}
