//! A reader that collects every invalid setting.

use std::collections::BTreeMap;

use super::{Level, strength::is_weak};
use crate::{crypto::MasterKey, error::InvalidSetting, postgres_url::PostgresUrl, secret::Secret};

/// The minimum length of a secret in bytes: 256 bits, as RFC 7518 requires for HS256.
const SECRET_MINIMUM: usize = 32;

pub(super) struct Reader<'a> {
    values: &'a BTreeMap<&'static str, String>,
    invalid: Vec<InvalidSetting>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(values: &'a BTreeMap<&'static str, String>) -> Self {
        Self { values, invalid: Vec::new() }
    }

    /// Returns the invalid settings.
    pub(super) fn into_invalid(self) -> Vec<InvalidSetting> {
        self.invalid
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn refuse(&mut self, name: &'static str, message: impl Into<String>) {
        self.invalid.push(InvalidSetting { name, message: message.into() });
    }

    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let parsed = self.value(name).map(parse);
        match parsed {
            Some(Ok(value)) => return Some(value),
            Some(Err(message)) => self.refuse(name, message),
            None => self.refuse(name, "is required"),
        }
        None
    }

    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.value(name)?;
        self.required(name, parse)
    }

    pub(super) fn secret(&mut self, name: &'static str) -> Option<Secret> {
        self.required(name, secret)
    }

    /// Returns a secret, or `None` if the setting is absent.
    pub(super) fn optional_secret(&mut self, name: &'static str) -> Option<Secret> {
        self.optional(name, secret)
    }

    /// Returns a comma-separated list of secrets, which is empty if the setting is absent.
    pub(super) fn secrets(&mut self, name: &'static str) -> Vec<Secret> {
        let parse = |text: &str| list(text).iter().map(|item| secret(item)).collect();
        self.optional(name, parse).unwrap_or_default()
    }

    /// Returns a comma-separated list of additional master keys, which is empty if the setting is absent.
    pub(super) fn other_master_keys(
        &mut self,
        name: &'static str,
        current: Option<&Secret>,
    ) -> Vec<Secret> {
        let others = self.secrets(name);
        // Deriving keys is slow and each instance reads its settings, so the check runs only if there are other keys.
        let is_ring = |current| MasterKey::derive(current, &others).is_ok();
        if !others.is_empty() && !current.is_none_or(is_ring) {
            self.refuse(name, "must not repeat a key or contain MASTER_ENCRYPTION_KEY");
        }
        others
    }

    /// Refuses a secret that another setting uses, because a leak of one would be a leak of both.
    pub(super) fn different(&mut self, secrets: &[(&'static str, &[&Secret])]) {
        for (index, (name, own)) in secrets.iter().enumerate() {
            let twin = secrets[..index].iter().find(|(_, others)| {
                own.iter().any(|own| others.iter().any(|other| own.expose() == other.expose()))
            });
            if let Some((twin, _)) = twin {
                self.refuse(name, format!("must not share a secret with {twin}"));
            }
        }
    }

    /// Returns one secret, or two secrets separated by a comma.
    pub(super) fn keys(&mut self, name: &'static str) -> Option<Vec<Secret>> {
        self.required(name, |text| {
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
        })
    }

    pub(super) fn database_url(&mut self, name: &'static str) -> Option<PostgresUrl> {
        self.required(name, |text| {
            PostgresUrl::parse(text)
                .filter(|url| !url.database.is_empty())
                .ok_or("must have the form postgres://user:password@host:5432/database".to_owned())
        })
    }

    pub(super) fn redis_url(&mut self) -> Option<Secret> {
        let Some(url) = self.value("REDIS_URL") else {
            let host = self.value("REDIS_HOST").unwrap_or("localhost");
            let url = if host.contains(':') {
                format!("redis://{host}")
            } else {
                format!("redis://{host}:6379")
            };
            if url::Url::parse(&url).is_err() {
                self.refuse("REDIS_HOST", "must be a host name, optionally with a port");
                return None;
            }
            return Some(Secret::from(url));
        };
        let valid = url::Url::parse(url).is_ok_and(|url| {
            matches!(url.scheme(), "redis" | "rediss") && url.host_str().is_some()
        });
        if valid {
            return Some(Secret::from(url.to_owned()));
        }
        self.refuse("REDIS_URL", "must have the form redis://:password@host:6379");
        None
    }

    pub(super) fn text(&self, name: &str, default: &str) -> String {
        self.value(name).unwrap_or(default).to_owned()
    }

    pub(super) fn number(
        &mut self,
        name: &'static str,
        default: u32,
        least: u32,
        most: u32,
    ) -> u32 {
        let Some(text) = self.value(name) else {
            return default;
        };
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => number,
            _ => {
                self.refuse(name, format!("must be a whole number from {least} to {most}"));
                default
            }
        }
    }

    pub(super) fn origins(&mut self) -> Vec<String> {
        let origins = list(self.value("ALLOWED_ORIGINS").unwrap_or_default());
        let exact = |origin: &String| {
            url::Url::parse(origin).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.origin().ascii_serialization() == *origin
            })
        };
        if !origins.iter().all(exact) {
            self.refuse(
                "ALLOWED_ORIGINS",
                "must be a comma-separated list of origins like https://app.example.com, without *",
            );
        }
        origins
    }

    pub(super) fn log_level(&mut self) -> Level {
        match self.value("LOG_LEVEL").unwrap_or("INFO").to_ascii_uppercase().as_str() {
            "DEBUG" => Level::Debug,
            "INFO" => Level::Info,
            "WARNING" | "WARN" => Level::Warning,
            "ERROR" => Level::Error,
            _ => {
                self.refuse("LOG_LEVEL", "must be DEBUG, INFO, WARNING or ERROR");
                Level::Info
            }
        }
    }
}

fn secret(text: &str) -> Result<Secret, String> {
    if text.len() < SECRET_MINIMUM {
        Err(format!("must have at least {SECRET_MINIMUM} bytes"))
    } else if is_weak(text) || is_placeholder(text) {
        Err("must be random, not a repetition, a sequence or an example".to_owned())
    } else {
        Ok(Secret::from(text.to_owned()))
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
