//! What a caller sent.

use std::{
    cell::OnceCell,
    net::{IpAddr, SocketAddr},
};

use async_trait::async_trait;
use http::Method;

use super::{
    Headers,
    fields::{Fields, FromFields},
    headers::visible,
    pace::Pace,
};
use crate::{
    error::{Error, Result},
    json::{self, Object},
    settings::TrustedProxies,
};

const JSON: &str = "application/json";
/// The most bytes of a body that is read whole.
const BODY_LIMIT: usize = 64 * 1024;

/// A request, its body not yet read.
pub struct Request {
    /// The method.
    pub method: Method,
    /// The host, and often the port, that the request is for.
    pub authority: Option<String>,
    /// The path as it was sent, percent-encoding and all.
    pub path: String,
    /// The slug of a prefix that was taken off the path.
    pub path_slug: Option<String>,
    /// What follows the question mark, as it was sent.
    pub query: Option<String>,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Body,
    /// The address that the request came from, once it was asked for.
    pub(crate) peer: OnceCell<Option<IpAddr>>,
}

/// A body that arrives piece by piece.
pub struct Body {
    source: Box<dyn BodySource>,
    pace: Pace,
}

/// Where the pieces of a request's body come from.
#[async_trait(?Send)]
pub trait BodySource {
    /// Returns the next piece, `None` at the end, and records in `pace` how long it took.
    ///
    /// # Errors
    /// [`Error::BodyIncomplete`] if the rest will not come, [`Error::BodyTooSlow`] if it takes longer than `pace`
    /// allows, [`Error::Unavailable`] if too many requests of the instance wait.
    async fn read(&mut self, pace: &mut Pace) -> Result<Option<Vec<u8>>>;
}

/// Where the pieces of a response's body come from.
#[async_trait(?Send)]
pub trait BodyReader {
    /// Returns the next piece, `None` at the end.
    async fn read(&mut self) -> Result<Option<Vec<u8>>>;
}

impl Body {
    /// A body from where its pieces come from.
    pub fn new(source: impl BodySource + 'static) -> Self {
        Self { source: Box::new(source), pace: Pace::transfer() }
    }

    /// Returns the next piece of a body of any length, `None` at the end.
    ///
    /// # Errors
    /// [`Error::BodyIncomplete`] if the rest will not come, [`Error::BodyTooSlow`] below the minimum rate.
    pub async fn read(&mut self) -> Result<Option<Vec<u8>>> {
        self.source.read(&mut self.pace).await
    }

    /// Reads a value of at most `limit` bytes, which may take as long as its rate allows.
    pub async fn read_value(&mut self, limit: usize) -> Result<Vec<u8>> {
        self.collect(limit).await
    }

    /// Reads the whole body, at most `limit` bytes of it, within 10 s.
    async fn read_to_end(&mut self, limit: usize) -> Result<Vec<u8>> {
        self.pace = Pace::whole();
        self.collect(limit).await
    }

    async fn collect(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut whole = Vec::new();
        while let Some(piece) = self.read().await? {
            if whole.len() + piece.len() > limit {
                return Err(Error::BodyTooLarge { limit });
            }
            if whole.is_empty() {
                whole = piece;
            } else {
                whole.extend_from_slice(&piece);
            }
        }
        Ok(whole)
    }
}

impl Request {
    /// The value of a header that may stand once, `None` when it is absent.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`] when it stands several times or is not visible ASCII.
    pub fn header(&self, name: &'static str) -> Result<Option<&str>> {
        let mut values = self.headers.get_all(name);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Error::InvalidHeader { name, message: "stands more than once".to_owned() });
        }
        visible(value).map(|text| Some(text.trim())).ok_or_else(|| Error::InvalidHeader {
            name,
            message: "has characters outside of visible ASCII".to_owned(),
        })
    }

    /// The address that the request came from: the client's, or a proxy's.
    pub fn peer(&self) -> Option<IpAddr> {
        *self.peer.get_or_init(|| {
            // The host adds its value behind any that a client sends.
            let value = self.headers.get_all("spin-client-addr").next_back()?;
            let address = visible(value)?.parse::<SocketAddr>().ok()?;
            Some(address.ip().to_canonical())
        })
    }

    /// Whether the request came by way of one of these proxies.
    pub(super) fn is_by(&self, proxies: &TrustedProxies) -> bool {
        !proxies.is_empty() && self.peer().is_some_and(|peer| proxies.contains(peer))
    }

    /// The body as a form of the fields that `T` takes.
    pub async fn form<T: FromFields>(&mut self) -> Result<T> {
        const FORM: &str = "application/x-www-form-urlencoded";
        if !self.is_of_type(FORM)? {
            return Err(Error::UnsupportedMediaType { expected: FORM });
        }
        let body = self.read_body().await?;
        if json::starts_with_byte_order_mark(&body) {
            let reason = "it begins with a byte order mark, send UTF-8 without one";
            return Err(Error::InvalidForm(reason.to_owned()));
        }
        let text = std::str::from_utf8(&body)
            .map_err(|_| Error::InvalidForm("it is not UTF-8".to_owned()))?;
        // Who does not know a parameter ignores it (RFC 6749, section 3.2).
        let fields = Fields::from_query(text).map(Fields::ignoring_unknown);
        fields.and_then(T::from_fields).map_err(|error| match error {
            Error::InvalidFields(fields) => {
                let told = fields.iter().map(|field| format!("{} {}", field.field, field.message));
                Error::InvalidForm(told.collect::<Vec<_>>().join(", "))
            }
            error => error,
        })
    }

    /// The body as a JSON object, or as an empty one where there is no body.
    pub async fn json_or_empty<T: FromFields>(&mut self) -> Result<T> {
        let body = self.read_body().await?;
        if body.is_empty() {
            return T::from_object(Object::new());
        }
        if !self.is_of_type(JSON)? {
            return Err(Error::UnsupportedMediaType { expected: JSON });
        }
        if body.trim_ascii() == b"null" {
            return T::from_object(Object::new());
        }
        T::from_object(json::parse_object(&body)?)
    }

    /// The body as a JSON object of the fields that `T` takes.
    pub async fn json<T: FromFields>(&mut self) -> Result<T> {
        T::from_object(self.json_object().await?)
    }

    /// The body as a JSON object.
    async fn json_object(&mut self) -> Result<Object> {
        if !self.is_of_type(JSON)? {
            return Err(Error::UnsupportedMediaType { expected: JSON });
        }
        json::parse_object(&self.read_body().await?)
    }

    fn is_of_type(&self, expected: &str) -> Result<bool> {
        let content_type = self.header("content-type")?.unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        Ok(essence.eq_ignore_ascii_case(expected))
    }

    /// Checks that the body has no content coding (RFC 9110, section 8.4): compressed bytes are neither unpacked nor
    /// stored with their coding, so a reader would take them for the content.
    ///
    /// # Errors
    /// [`Error::UnsupportedContentCoding`].
    pub fn check_coding(&self) -> Result<()> {
        let mut codings = self
            .headers
            .get_all("content-encoding")
            .flat_map(|list| list.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii);
        if codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")) {
            Ok(())
        } else {
            Err(Error::UnsupportedContentCoding)
        }
    }

    async fn read_body(&mut self) -> Result<Vec<u8>> {
        self.check_coding()?;
        let declared = self.header("content-length")?.and_then(|length| length.parse().ok());
        if declared.is_some_and(|length: u64| length > BODY_LIMIT as u64) {
            return Err(Error::BodyTooLarge { limit: BODY_LIMIT });
        }
        self.body.read_to_end(BODY_LIMIT).await
    }

    /// The query string as the parameters that `T` takes.
    pub fn query<T: FromFields>(&self) -> Result<T> {
        let query = self.query.as_deref().unwrap_or_default();
        T::from_fields(Fields::from_query(query)?)
    }
}

/// Returns a request with these headers, for tests.
#[cfg(test)]
pub(super) fn of_headers(method: Method, headers: &[(&str, &[u8])]) -> Request {
    struct NoBody;

    #[async_trait(?Send)]
    impl BodySource for NoBody {
        async fn read(&mut self, _: &mut Pace) -> Result<Option<Vec<u8>>> {
            Ok(None)
        }
    }

    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec()));
    Request {
        method,
        authority: None,
        path: "/".to_owned(),
        path_slug: None,
        query: None,
        headers: Headers::from(headers.collect::<Vec<_>>()),
        body: Body::new(NoBody),
        peer: OnceCell::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_with_a_content_coding_is_refused() {
        let check = |lines: &[&str]| {
            let headers: Vec<_> =
                lines.iter().map(|line| ("content-encoding", line.as_bytes())).collect();
            of_headers(Method::PUT, &headers).check_coding().is_ok()
        };
        assert!(check(&[]) && check(&[""]) && check(&["identity"]) && check(&["Identity, "]));
        for coded in [&["gzip"][..], &["GZIP"], &["identity", "br"], &["identity, zstd"], &["x"]] {
            assert!(!check(coded), "{coded:?}");
        }
    }
}
