//! The proxies before the service.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::networks;

/// Proxies whose `X-Forwarded-Host` and `X-Forwarded-For` are believed: addresses and networks.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// From addresses and networks with commas between: `10.0.0.0/8, 192.0.2.1, fd00::/8`.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(networks::parse)
            .collect::<Option<_>>()
            .map(Self)
            .ok_or_else(|| {
                "must be addresses or networks like 10.0.0.0/8 with commas between".into()
            })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_told() {
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
