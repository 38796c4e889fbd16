//! Parsers of settings. Their messages follow the name of the setting and never contain its value.

use std::{str::FromStr, time::Duration};

use super::strength::is_weak;
use crate::{postgres_url::PostgresUrl, secret::Secret};

/// The minimum length of a secret in bytes: 256 bits, as RFC 7518 requires for HS256.
const SECRET_MINIMUM: usize = 32;

/// Returns a parser that also accepts an empty text, which stands for `None` or an empty list.
pub(super) fn optional<P, T: Default + From<P>>(
    parse: impl Fn(&str) -> Result<P, String>,
) -> impl Fn(&str) -> Result<T, String> {
    move |text| if text.is_empty() { Ok(T::default()) } else { parse(text).map(T::from) }
}

/// Copies any text.
#[expect(clippy::unnecessary_wraps, reason = "the declarations expect a parser that can fail")]
pub(super) fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// Parses the name of a PostgreSQL role.
pub(super) fn role_name(text: &str) -> Result<String, String> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if text.len() <= 63 && text.bytes().all(is_name) {
        Ok(text.to_owned())
    } else {
        Err("must be the name of a role: at most 63 lower case letters, digits and underscores"
            .to_owned())
    }
}

/// Parses a number. The declaration has its bounds.
pub(super) fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "must be a whole number".to_owned())
}

pub(super) fn milliseconds(text: &str) -> Result<Duration, String> {
    number(text).map(Duration::from_millis)
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    number(text).map(Duration::from_secs)
}

pub(super) fn minutes(text: &str) -> Result<Duration, String> {
    number(text).map(Duration::from_mins)
}

pub(super) fn hours(text: &str) -> Result<Duration, String> {
    number(text).map(Duration::from_hours)
}

pub(super) fn days(text: &str) -> Result<Duration, String> {
    number(text).map(|days: u64| Duration::from_hours(days * 24))
}

pub(super) fn secret(text: &str) -> Result<Secret, String> {
    if text.len() < SECRET_MINIMUM {
        Err(format!("must have at least {SECRET_MINIMUM} bytes"))
    } else if is_weak(text) || is_placeholder(text) {
        Err("must be random, not a repetition, a sequence or an example".to_owned())
    } else {
        Ok(Secret::from(text.to_owned()))
    }
}

/// Parses a comma-separated list of secrets.
pub(super) fn secrets(text: &str) -> Result<Vec<Secret>, String> {
    list(text).iter().map(|item| secret(item)).collect()
}

/// Parses one secret, or two secrets separated by a comma.
pub(super) fn admin_keys(text: &str) -> Result<Vec<Secret>, String> {
    let keys = list(text);
    // The key must be valid in an HTTP header.
    let good = |key: &String| {
        key.len() >= SECRET_MINIMUM
            && key.bytes().all(|byte| byte.is_ascii_graphic())
            && !is_weak(key)
            && !is_placeholder(key)
    };
    if !keys.iter().all(good) || !(1..=2).contains(&keys.len()) {
        return Err(format!(
            "must be one random key or two separated by a comma, each of at least {SECRET_MINIMUM} \
             visible ASCII characters"
        ));
    }
    Ok(keys.into_iter().map(Secret::from).collect())
}

pub(super) fn catalog_url(text: &str) -> Result<PostgresUrl, String> {
    PostgresUrl::parse(text)
        .filter(|url| !url.database.is_empty())
        .ok_or("must have the form postgres://user:password@host:5432/database".to_owned())
}

pub(super) fn redis_url(text: &str) -> Result<Secret, String> {
    let is_valid = url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "redis" | "rediss")
            && url.host_str().is_some()
            && url.port() != Some(0)
    });
    if is_valid {
        Ok(Secret::from(text.to_owned()))
    } else {
        Err("must have the form redis://:password@host:6379".to_owned())
    }
}

/// Parses the address of the application, to which paths are appended.
pub(super) fn public_url(text: &str) -> Result<url::Url, String> {
    let is_local = |url: &url::Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1"));
    let is_valid = |url: &url::Url| {
        (url.scheme() == "https" || url.scheme() == "http" && is_local(url))
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    url::Url::parse(text).ok().filter(is_valid).ok_or_else(|| {
        "must be an address like https://app.example.com, without a query".to_owned()
    })
}

/// Parses a comma-separated list of web origins.
pub(super) fn origins(text: &str) -> Result<Vec<String>, String> {
    let origins = list(text);
    let exact = |origin: &String| {
        url::Url::parse(origin).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.origin().ascii_serialization() == *origin
        })
    };
    if origins.iter().all(exact) {
        Ok(origins)
    } else {
        Err("must be a comma-separated list of origins like https://app.example.com, without *"
            .to_owned())
    }
}

/// Returns whether a text is a placeholder from an example.
fn is_placeholder(text: &str) -> bool {
    let text = text.to_ascii_lowercase().replace(['-', '_', ' ', '.'], "");
    ["changeme", "changethis", "changein", "yoursecret", "yourkey", "placeholder", "example"]
        .iter()
        .any(|word| text.contains(word))
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}
