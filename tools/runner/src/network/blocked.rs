//! Networks that no component can reach, even if its manifest allows them.

use std::net::IpAddr;
use std::sync::Arc;

use ip_network::IpNetwork;

/// The networks of `[outbound_networking] block_networks`.
#[derive(Clone, Debug, Default)]
pub struct BlockedNetworks {
    networks: Arc<[IpNetwork]>,
    private: bool,
}

impl BlockedNetworks {
    /// Blocks `networks`, and with `private` all networks that are not global.
    pub fn new(networks: Vec<IpNetwork>, private: bool) -> Self {
        Self { networks: networks.into(), private }
    }

    /// Returns whether nothing is blocked.
    pub fn is_empty(&self) -> bool {
        !self.private && self.networks.is_empty()
    }

    /// Returns whether `address` is blocked. Also checks an IPv4 address inside an IPv6 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        if self.private && !IpNetwork::from(address).is_global() {
            return true;
        }
        if self.networks.iter().any(|network| network.contains(address)) {
            return true;
        }
        match address {
            IpAddr::V6(address) => {
                address.to_ipv4().is_some_and(|address| self.contains(address.into()))
            }
            IpAddr::V4(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(networks: &[&str], private: bool, address: &str) -> bool {
        let networks =
            networks.iter().map(|text| IpNetwork::from_str_truncate(text).unwrap()).collect();
        BlockedNetworks::new(networks, private).contains(address.parse().unwrap())
    }

    #[test]
    fn addresses_in_network_are_blocked() {
        assert!(contains(&["1.1.1.0/24"], false, "1.1.1.9"));
        assert!(contains(&["1.1.1.0/24"], false, "::ffff:1.1.1.9"));
        assert!(contains(&["fd00::/8"], false, "fd00::1"));
        assert!(!contains(&["1.1.1.0/24"], false, "1.1.2.1"));
        assert!(!contains(&[], false, "127.0.0.1"));
    }

    #[test]
    fn private_networks_are_blocked_on_demand() {
        assert!(contains(&[], true, "127.0.0.1"));
        assert!(contains(&[], true, "10.0.0.1"));
        assert!(contains(&[], true, "::1"));
        assert!(!contains(&[], true, "1.1.1.1"));
    }
}
