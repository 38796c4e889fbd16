//! URLs of PostgreSQL databases.

use std::{borrow::Cow, fmt::Write as _};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use crate::secret::Secret;

/// The characters that are encoded in the user, password or path of a URL: all but the unreserved ones (RFC 3986,
/// section 2.3).
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parts of a `postgres://` URL.
#[derive(Debug, Clone)]
pub struct PostgresUrl {
    /// The user name; empty if the URL has none.
    pub user: String,
    /// The password; empty if the URL has none.
    pub password: Secret,
    /// The host. An IPv6 address has brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database name; empty if the URL has none.
    pub database: String,
    /// The connection options, in the form of the URL's query: `sslmode=require`.
    pub options: String,
}

impl PostgresUrl {
    /// Parses a URL. Returns `None` if the text is not a `postgres://` URL.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let decode = |text| percent_decode_str(text).decode_utf8().map(Cow::into_owned).ok();
        let host = url.host_str().filter(|host| !host.is_empty())?;
        // No server listens on port 0.
        if !matches!(url.scheme(), "postgres" | "postgresql") || url.port() == Some(0) {
            return None;
        }
        Some(Self {
            user: decode(url.username())?,
            password: Secret::from(decode(url.password().unwrap_or_default())?),
            host: host.to_owned(),
            port: url.port().unwrap_or(5432),
            database: decode(url.path().trim_start_matches('/'))?,
            options: url.query().unwrap_or_default().to_owned(),
        })
    }

    /// Returns the URL as text, percent-encoded as required.
    pub fn to_text(&self) -> Secret {
        let encode = |text| utf8_percent_encode(text, COMPONENT);
        let mut url = format!(
            "postgres://{}:{}@{}:{}/{}",
            encode(&self.user),
            encode(self.password.expose()),
            self.host,
            self.port,
            encode(&self.database),
        );
        if !self.options.is_empty() {
            // Writing to a `String` cannot fail.
            let _ = write!(url, "?{}", self.options);
        }
        Secret::from(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_survives_a_round_trip() {
        for text in [
            "postgres://tenancy:p%40ss%2Fword%3F@db.internal:6432/tenancy?sslmode=require",
            "postgres://tenancy:@[::1]:5432/a%20b",
            "postgres://a-b_c.d~:a%2540b%21@db:5432/x?sslmode=verify-full",
        ] {
            assert_eq!(PostgresUrl::parse(text).unwrap().to_text().expose(), text);
        }
        let short = PostgresUrl::parse("postgresql://host").unwrap();
        assert_eq!((short.user.as_str(), short.port, short.database.as_str()), ("", 5432, ""));
    }

    #[test]
    fn invalid_url_is_none() {
        for text in ["", "host", "mysql://host/x", "postgres:///x", "postgres://h/%ff"] {
            assert!(PostgresUrl::parse(text).is_none(), "{text}");
        }
    }
}
