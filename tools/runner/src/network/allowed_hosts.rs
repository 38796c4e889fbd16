//! `allowed_outbound_hosts`, as Spin reads and applies it.

use std::ops::Range;

use anyhow::{Context as _, Result, bail, ensure};
use url::Host;

use super::destination::Destination;
use super::host_pattern::HostPattern;
use crate::variables::{Lookup, Template};

/// The domain of calls between components in Spin.
pub(crate) const CHAINING_SUFFIX: &str = ".spin.internal";

/// The allowed destinations of one component.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts(Vec<AllowedHost>);

/// One entry: `scheme://host:port`. Each part can be `*` for any.
#[derive(Clone, Debug, PartialEq)]
struct AllowedHost {
    /// `None` allows any scheme.
    scheme: Option<String>,
    host: HostPattern,
    ports: Ports,
}

#[derive(Clone, Debug, PartialEq)]
enum Ports {
    Any,
    /// The end is exclusive.
    Range(Range<u32>),
}

impl AllowedHosts {
    /// Resolves the templates `entries` with the variables of the application, whose components are `components`.
    ///
    /// An entry with a variable that resolves to an empty value allows nothing. This is the notation for an optional
    /// destination.
    pub fn resolve<'a>(
        entries: &[String],
        variables: &impl Lookup,
        components: &(impl Iterator<Item = &'a str> + Clone),
    ) -> Result<Self> {
        let mut hosts = Vec::new();
        for (template, literal) in parse(entries)? {
            let host = match literal {
                Some(host) => Some(host),
                None => parse_resolved(&template.resolve(variables)?)?,
            };
            match host {
                Some(host) if host.host == HostPattern::Subdomain(CHAINING_SUFFIX.to_owned()) => {
                    hosts.extend(components.clone().map(|component| AllowedHost {
                        host: HostPattern::Exact(Host::Domain(format!(
                            "{component}{CHAINING_SUFFIX}"
                        ))),
                        ..host.clone()
                    }));
                }
                host => hosts.extend(host),
            }
        }
        Ok(Self(hosts))
    }

    pub(super) fn allows(&self, destination: &Destination) -> bool {
        self.0.iter().any(|host| host.allows(destination))
    }

    /// Returns whether a call to the application itself with one of `schemes` is allowed.
    pub(super) fn allows_self(&self, schemes: &[&str]) -> bool {
        self.0.iter().any(|host| {
            host.host.matches_self() && schemes.iter().any(|scheme| host.allows_scheme(scheme))
        })
    }
}

/// Checks `entries` as far as the default values of variables permit.
pub fn validate(entries: &[String], defaults: &impl Lookup) -> Result<()> {
    for (template, literal) in parse(entries)? {
        if literal.is_none()
            && let Ok(resolved) = template.resolve(defaults)
        {
            parse_resolved(&resolved)
                .with_context(|| format!("with the default values, {resolved:?} is invalid"))?;
        }
    }
    Ok(())
}

/// Parses `entries`, and checks entries without variables completely.
fn parse(entries: &[String]) -> Result<Vec<(Template, Option<AllowedHost>)>> {
    entries
        .iter()
        .map(|entry| {
            let template = Template::parse(entry)?;
            let literal =
                if template.is_literal() { Some(AllowedHost::parse(entry)?) } else { None };
            Ok((template, literal))
        })
        .collect()
}

fn parse_resolved(text: &str) -> Result<Option<AllowedHost>> {
    match text {
        "" | "http://" | "https://" => Ok(None),
        text => AllowedHost::parse(text).map(Some),
    }
}

impl AllowedHost {
    fn parse(entry: &str) -> Result<Self> {
        Self::parse_parts(entry.trim()).with_context(|| format!("invalid entry {entry:?}"))
    }

    fn parse_parts(entry: &str) -> Result<Self> {
        let (scheme, rest) = entry
            .split_once("://")
            .context("expected '<scheme>://<host>[:<port>]', where each part can be '*'")?;
        let (host, port) = split_port(rest)?;
        let ports = Ports::parse(port, scheme).with_context(|| format!("port {port:?}"))?;
        let scheme = parse_scheme(scheme).with_context(|| format!("scheme {scheme:?}"))?;
        let host = HostPattern::parse(host).with_context(|| format!("host {host:?}"))?;
        Ok(Self { scheme, host, ports })
    }

    fn allows(&self, destination: &Destination) -> bool {
        self.allows_scheme(&destination.scheme)
            && self.host.matches(&destination.host)
            && self.ports.allow(destination)
    }

    fn allows_scheme(&self, scheme: &str) -> bool {
        self.scheme.as_ref().is_none_or(|own| own == scheme)
    }
}

/// Splits `host:port`. The port is empty if absent.
fn split_port(text: &str) -> Result<(&str, &str)> {
    match text.rsplit_once(':') {
        None => Ok((text, "")),
        Some((host, "")) => Ok((host, "")),
        // The colon of an IPv6 address.
        Some(_) if HostPattern::parse(text).is_ok() => Ok((text, "")),
        Some((host, rest)) => {
            let (port, path) = rest.split_once('/').unwrap_or((rest, ""));
            ensure!(path.is_empty(), "a path is not allowed");
            Ok((host, port))
        }
    }
}

fn parse_scheme(text: &str) -> Result<Option<String>> {
    if text == "*" {
        return Ok(None);
    }
    ensure!(text.chars().all(char::is_alphabetic), "must contain only letters");
    Ok(Some(text.to_owned()))
}

impl Ports {
    fn parse(text: &str, scheme: &str) -> Result<Self> {
        let number = |text: &str| text.parse::<u16>().map(u32::from).context("not a number");
        if text.is_empty() {
            let port = well_known_port(scheme)
                .with_context(|| format!("required, because {scheme:?} has no default port"))?;
            return Ok(Self::single(port.into()));
        }
        if text == "*" {
            return Ok(Self::Any);
        }
        if text.starts_with('{') {
            bail!("lists of ports are not supported");
        }
        match text.split_once("..") {
            Some((start, end)) => Ok(Self::Range(number(start)?..number(end)?)),
            None => Ok(Self::single(number(text)?)),
        }
    }

    fn single(port: u32) -> Self {
        Self::Range(port..port + 1)
    }

    fn allow(&self, destination: &Destination) -> bool {
        match self {
            Self::Any => true,
            Self::Range(range) => destination
                .port
                .or_else(|| well_known_port(&destination.scheme))
                .is_some_and(|port| range.contains(&port.into())),
        }
    }
}

fn well_known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "postgres" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "mqtt" => Some(1883),
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::Error;

    struct Values(&'static [(&'static str, &'static str)]);

    impl Lookup for Values {
        fn variable(&self, name: &str) -> Result<String, Error> {
            let value = self.0.iter().find(|(key, _)| *key == name);
            value
                .map(|(_, value)| (*value).to_owned())
                .ok_or_else(|| Error::InvalidName(name.to_owned()))
        }
    }

    fn resolve(entries: &[&str]) -> Result<AllowedHosts> {
        let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        let values = Values(&[("host", "db:5432"), ("empty", ""), ("all", "*://*:*")]);
        AllowedHosts::resolve(&entries, &values, &["a", "b"].into_iter())
    }

    fn allows(entry: &str, url: &str) -> bool {
        let destination = Destination::parse(url, "http").unwrap();
        resolve(&[entry]).unwrap().allows(&destination)
    }

    #[test]
    fn entry_allows_its_destination() {
        for (entry, url) in [
            ("http://example.com", "http://example.com"),
            ("http://example.com", "http://example.com:80/path?query"),
            ("http://example.com/", "http://example.com"),
            ("http://example.com:80/", "http://example.com"),
            ("http://EXAMPLE.com", "http://example.com"),
            ("redis://localhost:6380", "redis://u:p@localhost:6380/1"),
            ("postgres://db", "postgres://db:5432"),
            ("*://example.com:*", "tcp://example.com:1"),
            ("http://*", "http://example.com"),
            ("http://*.example.com", "http://a.b.example.com"),
            ("http://*:8000..8002", "http://x:8001"),
            ("http://127.0.0.1:*", "http://127.0.0.1:1"),
            ("http://10.0.0.0/8", "http://10.1.2.3"),
            ("http://10.1.2.3/8", "http://10.9.9.9"),
            ("http://[::1]", "http://[::1]"),
            ("http://[::1]:80", "http://[::1]:80"),
            ("http://fd00::/8", "http://[fd00::1]"),
            (" http://example.com ", "http://example.com"),
            ("http://bücher.example", "http://xn--bcher-kva.example"),
        ] {
            assert!(allows(entry, url), "{entry} {url}");
        }
    }

    #[test]
    fn entry_allows_nothing_else() {
        for (entry, url) in [
            ("http://example.com", "https://example.com"),
            ("http://example.com", "http://example.com:8080"),
            ("http://example.com", "http://example.com.evil.test"),
            ("http://*.example.com", "http://example.com"),
            ("http://*.example.com", "http://evilexample.com"),
            ("http://*:8000..8002", "http://x:8002"),
            ("http://10.0.0.0/8", "http://11.0.0.1"),
            ("http://10.0.0.0/8", "http://example.com"),
            ("http://127.0.0.1", "http://localhost"),
            ("http://self", "http://self"),
            ("redis://localhost:6379", "rediss://localhost:6379"),
            ("tcp://example.com:1..3", "tcp://example.com"),
        ] {
            assert!(!allows(entry, url), "{entry} {url}");
        }
    }

    #[test]
    fn malformed_entries_are_refused() {
        for entry in [
            "",
            "*",
            ":",
            "?",
            "localhost",
            "example.com:80",
            "http://",
            "http://*.",
            "http://a*",
            "http://*.*.com",
            "http://*.10.0.0.1",
            "http://example.com/path",
            "http://example.com:80/path",
            "http://example.com:x",
            "http://example.com:1..x",
            "http://example.com:65536",
            "http://{a,b}",
            "http://a:{1,2}",
            "{http,https}://a",
            "tcp://example.com",
            "*://example.com",
            "ht-tp://a:1",
            "insecure:allow-all",
        ] {
            assert!(resolve(&[entry]).is_err(), "{entry:?}");
        }
    }

    #[test]
    fn variables_are_resolved() {
        let destination = Destination::parse("postgres://db:5432", "").unwrap();
        assert!(resolve(&["postgres://{{ host }}"]).unwrap().allows(&destination));
        assert!(resolve(&["{{ all }}"]).unwrap().allows(&destination));
        assert!(resolve(&["{{ unknown }}"]).is_err());
        assert!(resolve(&["postgres://{{ host }}/x"]).is_err());
    }

    #[test]
    fn empty_value_allows_nothing() {
        for entry in ["{{ empty }}", "http://{{ empty }}", "https://{{ empty }}"] {
            assert_eq!(resolve(&[entry]).unwrap().0, []);
        }
        assert!(resolve(&["redis://{{ empty }}"]).is_err());
    }

    #[test]
    fn self_calls_are_allowed_by_name() {
        let allows = |entry| resolve(&[entry]).unwrap().allows_self(&["http", "https"]);
        assert!(allows("http://self") && allows("https://self") && allows("*://*:*"));
        assert!(!allows("redis://self:1") && !allows("http://example.com"));
    }

    #[test]
    fn component_wildcard_matches_existing_components() {
        assert!(allows("http://*.spin.internal", "http://a.spin.internal"));
        assert!(!allows("http://*.spin.internal", "http://c.spin.internal"));
        assert!(!allows("http://*.spin.internal", "http://x.a.spin.internal"));
    }
}
