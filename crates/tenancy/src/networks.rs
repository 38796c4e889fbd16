//! Networks of IP addresses in settings and requests.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use serde_json::Value;
use utoipa::ToSchema;

use crate::input::FromField;

/// The maximum number of networks in a request's list.
const MOST: usize = 32;
/// The number of bits before the IPv4 address in an IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2).
const MAPPED: u8 = 96;

/// Parses a network or a single address. Returns an IPv4-mapped network as the IPv4 network.
pub(crate) fn parse(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok();
    let network = network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    let mapped = match network {
        IpNet::V6(network) => network.addr().to_ipv4_mapped().and_then(|address| {
            let length = network.prefix_len().checked_sub(MAPPED)?;
            Ipv4Net::new(address, length).ok().map(IpNet::V4)
        }),
        IpNet::V4(_) => None,
    };
    Some(mapped.unwrap_or(network))
}

/// Networks from which a credential is accepted: 1 to 32, without duplicates.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(
    value_type = Vec<String>, min_items = 1, max_items = 32,
    example = json!(["192.0.2.0/24", "2001:db8::/48"])
)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Parses the texts that [`Self::texts`] returns. Returns `None` if one of them is not a network.
    pub fn of_texts(texts: &[String]) -> Option<Self> {
        texts.iter().map(|text| parse(text)).collect::<Option<_>>().map(Self)
    }

    /// Returns the networks with their prefix lengths, in the form that PostgreSQL uses.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(IpNet::to_string).collect()
    }

    /// Returns whether one of the networks contains an address.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// Returns whether the networks in `bound` cover each of these networks.
    pub fn are_within(&self, bound: &Self) -> bool {
        // Two halves together cover a network that neither half covers.
        let bound = IpNet::aggregate(&bound.0);
        self.0.iter().all(|network| bound.iter().any(|bound| bound.contains(network)))
    }
}

impl FromField for Networks {
    fn from_json(value: Value) -> Result<Self, String> {
        const FORM: &str = "must be an array of networks such as 192.0.2.0/24 or 2001:db8::/48";
        let Value::Array(items) = value else { return Err(FORM.to_owned()) };
        let mut networks = Vec::new();
        for item in &items {
            let network = item.as_str().and_then(parse).ok_or(FORM)?;
            if network != network.trunc() {
                return Err(
                    "must have no address bits to the right of the prefix length".to_owned()
                );
            }
            if !networks.contains(&network) {
                networks.push(network);
            }
        }
        if (1..=MOST).contains(&networks.len()) {
            Ok(Self(networks))
        } else {
            Err(format!("must have 1 to {MOST} networks; null allows every network"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn networks(value: Value) -> Networks {
        Networks::from_json(value).unwrap()
    }

    // S16
    #[test]
    fn networks_have_one_form() {
        let read = networks(json!([
            "192.0.2.1",
            "10.0.0.0/8",
            "::ffff:10.0.0.0/104",
            "2001:DB8::/48",
            "::1",
            "0.0.0.0/0"
        ]));
        let texts = ["192.0.2.1/32", "10.0.0.0/8", "2001:db8::/48", "::1/128", "0.0.0.0/0"];
        assert_eq!(read.texts(), texts);
        assert_eq!(Networks::of_texts(&read.texts()), Some(read));
        for refused in [
            json!([]),
            json!("10.0.0.0/8"),
            json!([1]),
            json!(["10.0.0.0/33"]),
            json!(["10.1.0.0/8"]),
            json!(["2001:db8::1/48"]),
            json!(["example.com"]),
            json!([""]),
            json!(["*"]),
            json!(vec!["10.0.0.0/8, 192.0.2.1"]),
            (0..33).map(|number| json!(format!("10.0.0.{number}"))).collect(),
        ] {
            assert!(Networks::from_json(refused.clone()).is_err(), "{refused}");
        }
    }

    // S16
    #[test]
    fn networks_are_within_others_that_cover_them() {
        let is_within =
            |one: &[&str], other: &[&str]| networks(json!(one)).are_within(&networks(json!(other)));
        assert!(is_within(&["10.1.0.0/16", "192.0.2.1"], &["192.0.2.0/24", "10.0.0.0/8"]));
        assert!(is_within(&["10.0.0.0/8"], &["10.0.0.0/9", "10.128.0.0/9"]));
        assert!(is_within(&["2001:db8::1"], &["2001:db8::/48"]));
        assert!(!is_within(&["10.0.0.0/8"], &["10.0.0.0/9"]));
        assert!(!is_within(&["10.0.0.0/8", "192.0.2.1"], &["10.0.0.0/8"]));
        assert!(!is_within(&["10.0.0.0/8"], &["::/0"]));
        assert!(!is_within(&["::1"], &["0.0.0.0/0"]));
    }
}
