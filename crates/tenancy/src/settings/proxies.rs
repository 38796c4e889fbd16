//! The proxies in front of the service.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::networks;

/// Addresses and networks of proxies whose `X-Forwarded-For`, `-Host` and `-Proto` are trusted.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Parses a comma-separated list of addresses and networks: `10.0.0.0/8, 192.0.2.1, fd00::/8`.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(networks::parse)
            .collect::<Option<_>>()
            .map(Self)
            .ok_or_else(|| {
                "must be a comma-separated list of addresses or networks like 10.0.0.0/8".into()
            })
    }

    /// Returns whether there are no trusted proxies.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether an address belongs to a trusted proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_matched() {
        let proxies = TrustedProxies::parse("10.0.0.0/8, ::ffff:192.0.2.1,fd00::/8").unwrap();
        for (address, expected) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("192.0.2.1", true),
            ("192.0.2.2", false),
            ("fd12::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(proxies.contains(address.parse().unwrap()), expected, "{address}");
        }
        assert!(!TrustedProxies::default().contains("127.0.0.1".parse().unwrap()));
        for text in ["*", "10.0.0.0/33", "proxy.internal"] {
            assert!(TrustedProxies::parse(text).is_err(), "{text}");
        }
    }
}
