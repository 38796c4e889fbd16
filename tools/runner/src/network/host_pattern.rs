//! The host in an entry of `allowed_outbound_hosts`.

use anyhow::{Context as _, Result, bail, ensure};
use ip_network::IpNetwork;
use url::Host;

/// The hosts that an entry allows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum HostPattern {
    /// `*`
    Any,
    /// `*.example.com`, stored as `.example.com`.
    Subdomain(String),
    /// `self`: the application itself.
    Own,
    /// A name or an address.
    Exact(Host),
    /// `10.0.0.0/8`
    Network(IpNetwork),
}

impl HostPattern {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        match text {
            "*" => return Ok(Self::Any),
            "self" | "self.alt" => return Ok(Self::Own),
            _ => {}
        }
        ensure!(!text.starts_with('{'), "lists of hosts are not supported");
        if let Ok(network) = IpNetwork::from_str_truncate(text) {
            return Ok(Self::Network(network));
        }
        let text = text.strip_suffix('/').unwrap_or(text);
        ensure!(!text.contains('/'), "a path is not allowed");
        if let Some(suffix) = text.strip_prefix("*.") {
            ensure!(!suffix.contains('*'), "a wildcard must come first");
            return match Host::parse(suffix).with_context(|| format!("invalid host {text:?}"))? {
                Host::Domain(domain) => Ok(Self::Subdomain(format!(".{domain}"))),
                _ => bail!("a wildcard must precede a domain"),
            };
        }
        ensure!(!text.contains('*'), "a wildcard must replace whole subdomains");
        Ok(Self::Exact(Host::parse(text)?))
    }

    /// Returns whether the pattern matches `host`, the host of a URL.
    pub(super) fn matches(&self, host: &str) -> bool {
        let Ok(host) = Host::parse(host) else {
            return false;
        };
        match (self, &host) {
            (Self::Any, _) => true,
            (Self::Exact(exact), host) => exact == host,
            (Self::Subdomain(suffix), Host::Domain(domain)) => domain.ends_with(suffix),
            (Self::Network(network), Host::Ipv4(address)) => network.contains(*address),
            (Self::Network(network), Host::Ipv6(address)) => network.contains(*address),
            (Self::Own | Self::Subdomain(_) | Self::Network(_), _) => false,
        }
    }

    /// Returns whether the pattern includes the application itself.
    pub(super) fn matches_self(&self) -> bool {
        matches!(self, Self::Any | Self::Own)
    }
}
