//! Requests and their bodies.

use std::{
    cell::OnceCell,
    net::{IpAddr, SocketAddr},
};

use http::Method;
use tenancy::{
    Error, Result,
    body::Body,
    input::{Fields, FromFields},
    json::{self, Object},
    settings::TrustedProxies,
};

use super::{Headers, headers::visible};

const JSON: &str = "application/json";
/// The maximum length of a body that is read whole, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// A request whose body is not read yet.
pub struct Request {
    /// The method.
    pub method: Method,
    /// The requested host, often with the port.
    pub authority: Option<String>,
    /// The path as sent, percent-encoded.
    pub path: String,
    /// The slug from the path prefix, which was removed from the path.
    pub path_slug: Option<String>,
    /// The query string as sent, without the question mark.
    pub query: Option<String>,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Body,
    /// The peer address, cached after the first look-up.
    pub(crate) peer: OnceCell<Option<IpAddr>>,
}

impl Request {
    /// Returns the value of a header that may occur once, or `None` if it is absent.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`] if the header occurs more than once or is not visible ASCII.
    pub fn header(&self, name: &'static str) -> Result<Option<&str>> {
        let mut values = self.headers.get_all(name);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Error::InvalidHeader {
                name,
                message: "must not occur more than once".to_owned(),
            });
        }
        visible(value).map(|text| Some(text.trim())).ok_or_else(|| Error::InvalidHeader {
            name,
            message: "must have only visible ASCII characters".to_owned(),
        })
    }

    /// Returns the address of the peer, which is the client or a proxy.
    pub fn peer(&self) -> Option<IpAddr> {
        *self.peer.get_or_init(|| {
            // The host appends its value after any value from the client.
            let value = self.headers.get_all("spin-client-addr").next_back()?;
            let address = visible(value)?.parse::<SocketAddr>().ok()?;
            Some(address.ip().to_canonical())
        })
    }

    /// Returns whether the peer is one of these proxies.
    pub(super) fn is_by(&self, proxies: &TrustedProxies) -> bool {
        !proxies.is_empty() && self.peer().is_some_and(|peer| proxies.contains(peer))
    }

    /// Reads the body as a form.
    pub async fn form<T: FromFields>(&mut self) -> Result<T> {
        const FORM: &str = "application/x-www-form-urlencoded";
        if !self.is_of_type(FORM)? {
            return Err(Error::UnsupportedMediaType { expected: FORM });
        }
        let body = self.read_body().await?;
        if json::starts_with_byte_order_mark(&body) {
            let reason = "it begins with a byte order mark. Send UTF-8 without one";
            return Err(Error::InvalidForm(reason.to_owned()));
        }
        let text = std::str::from_utf8(&body)
            .map_err(|_| Error::InvalidForm("it is not UTF-8".to_owned()))?;
        // Unknown parameters are ignored (RFC 6749, section 3.2).
        let fields = Fields::from_query(text).map(Fields::ignoring_unknown);
        fields.and_then(T::from_fields).map_err(|error| match error {
            Error::InvalidFields(fields) => {
                let told = fields.iter().map(|field| format!("{} {}", field.field, field.message));
                Error::InvalidForm(told.collect::<Vec<_>>().join(", "))
            }
            error => error,
        })
    }

    /// Reads the body as a JSON object. An empty body is read as an empty object.
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

    /// Reads the body as a JSON object with the fields of `T`.
    pub async fn json<T: FromFields>(&mut self) -> Result<T> {
        T::from_object(self.json_object().await?)
    }

    /// Reads the body as a JSON object.
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

    /// Checks that the body has no content coding (RFC 9110, section 8.4). Compressed bytes are neither decompressed
    /// nor stored with their coding, so a reader would mistake them for the content.
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

    /// Reads the parameters of the query string.
    pub fn query<T: FromFields>(&self) -> Result<T> {
        let query = self.query.as_deref().unwrap_or_default();
        T::from_fields(Fields::from_query(query)?)
    }
}

/// Returns a request with these headers, for tests.
#[cfg(test)]
pub(super) fn of_headers(method: Method, headers: &[(&str, &[u8])]) -> Request {
    struct NoBody;

    #[async_trait::async_trait(?Send)]
    impl tenancy::body::BodySource for NoBody {
        async fn read(&mut self, _: &mut platform::pace::Pace) -> Result<Option<Vec<u8>>> {
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
