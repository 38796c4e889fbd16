//! The headers in which trusted proxies report the client: `X-Forwarded-For`, `-Host` and `-Proto`.
//!
//! Each proxy appends to a list, and a client may send a list as well. So the lists are read from the right, as bytes.
//! Members that a client has put on the left are ignored and need not be readable.

use std::net::{IpAddr, SocketAddr};

use tenancy::{Error, Result, settings::TrustedProxies};

use super::{Headers, Request};

const FOR: &str = "x-forwarded-for";
const HOST: &str = "x-forwarded-host";
const PROTO: &str = "x-forwarded-proto";

/// Returns the members of a list from the last to the first. Repeated lines form one list (RFC 9110, section 5.3).
fn from_the_right<'a>(headers: &'a Headers, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .rev()
        .flat_map(|line| line.rsplit(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// Returns the address of the client: the last hop that is not a trusted proxy. Returns `None` if the host does not
/// report a peer.
///
/// # Errors
/// [`Error::InvalidHeader`] if a trusted proxy has appended something other than an address. If the proxy were treated
/// as the client, the failed sign-ins of all clients would be counted together.
pub(super) fn client(request: &Request, proxies: &TrustedProxies) -> Result<Option<IpAddr>> {
    let Some(mut client) = request.peer() else { return Ok(None) };
    for hop in from_the_right(&request.headers, FOR) {
        if !proxies.contains(client) {
            break;
        }
        client = hop_address(hop).ok_or_else(|| Error::InvalidHeader {
            name: FOR,
            message: "must end with the client address that the trusted proxy saw".to_owned(),
        })?;
    }
    Ok(Some(client))
}

/// Returns the host that the trusted proxy reports, or `None` without a trusted proxy or without the header.
///
/// # Errors
/// [`Error::InvalidHeader`] if the host is not ASCII.
pub(super) fn host<'a>(request: &'a Request, proxies: &TrustedProxies) -> Result<Option<&'a str>> {
    if !request.is_by(proxies) {
        return Ok(None);
    }
    let Some(host) = from_the_right(&request.headers, HOST).next() else { return Ok(None) };
    super::headers::visible(host).map(Some).ok_or_else(|| Error::InvalidHeader {
        name: HOST,
        message: "must end with a host name".to_owned(),
    })
}

/// Returns whether the trusted proxy reports that the client connected over TLS.
pub(super) fn is_over_tls(request: &Request, proxies: &TrustedProxies) -> bool {
    let proto = from_the_right(&request.headers, PROTO).next();
    request.is_by(proxies) && proto.is_some_and(|proto| proto.eq_ignore_ascii_case(b"https"))
}

/// Parses the address of a hop: IPv4 or IPv6, with or without a port, brackets and a zone.
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?;
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| hop.parse::<SocketAddr>().ok().map(|hop| hop.ip()));
    // The zone of a link-local address has no meaning on other machines.
    let address = address.or_else(|| bare.split_once('%')?.0.parse().ok().map(IpAddr::V6));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::{super::request::of_headers, *};

    fn request(name: &str, lines: &[&[u8]]) -> Request {
        let headers: Vec<_> = lines.iter().map(|line| (name, *line)).collect();
        let request = of_headers(Method::GET, &headers);
        request.peer.set(Some([127, 0, 0, 1].into())).unwrap();
        request
    }

    fn proxies() -> TrustedProxies {
        TrustedProxies::parse("127.0.0.1, 10.0.0.0/8, fd00::/8").unwrap()
    }

    // S35
    #[test]
    fn client_is_the_last_hop_that_is_not_trusted() {
        for (lines, expected) in [
            (&[&b"203.0.113.9"[..]][..], "203.0.113.9"),
            (&[b"203.0.113.9, 10.1.2.3"], "203.0.113.9"),
            (&[b"198.51.100.1, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
            (&[b"\xc3\xa9, 203.0.113.9"], "203.0.113.9"),
            (&[b"\xff\x00\"\\,203.0.113.9 ,, "], "203.0.113.9"),
            (&[b"nonsense, 203.0.113.9:4711"], "203.0.113.9"),
            (&[b"\xc3\xa9", b"203.0.113.9"], "203.0.113.9"),
            (&[b"203.0.113.9", b"10.1.2.3"], "203.0.113.9"),
            (&[b"2001:db8::1"], "2001:db8::1"),
            (&[b"[2001:db8::1]"], "2001:db8::1"),
            (&[b"[2001:db8::1]:443"], "2001:db8::1"),
            (&[b"[2001:db8::1], [fd00::1]"], "2001:db8::1"),
            (&[b"::ffff:203.0.113.9"], "203.0.113.9"),
            (&[b"fe80::1%eth0"], "fe80::1"),
            (&[b"10.0.0.1"], "10.0.0.1"),
            (&[b""], "127.0.0.1"),
            (&[], "127.0.0.1"),
        ] {
            let client = client(&request(FOR, lines), &proxies()).unwrap();
            assert_eq!(client, Some(expected.parse().unwrap()), "{lines:?}");
        }
        let untrusted = client(&request(FOR, &[b"203.0.113.9"]), &TrustedProxies::default());
        assert_eq!(untrusted.unwrap(), Some([127, 0, 0, 1].into()));
    }

    #[test]
    fn hop_that_is_not_an_address_is_refused() {
        for line in [
            &b"203.0.113.9, \xc3\xa9"[..],
            b"unknown",
            b"203.0.113.256",
            b"a b",
            b"\xc3\xa9, 10.0.0.1",
        ] {
            let refused = client(&request(FOR, &[line]), &proxies());
            assert!(matches!(refused, Err(Error::InvalidHeader { name: FOR, .. })), "{line:?}");
        }
    }

    // S34
    #[test]
    fn host_and_scheme_are_the_appended_ones() {
        let host = |lines: &[&[u8]]| {
            host(&request(HOST, lines), &proxies()).map(|host| host.map(str::to_owned))
        };
        assert_eq!(
            host(&[b"evil.example, good.example"]).unwrap().as_deref(),
            Some("good.example")
        );
        assert_eq!(host(&[b"\xff", b"good.example"]).unwrap().as_deref(), Some("good.example"));
        assert_eq!(host(&[b" , "]).unwrap(), None);
        assert!(host(&[b"good.example, \xff"]).is_err());
        let is_over_tls = |lines: &[&[u8]]| is_over_tls(&request(PROTO, lines), &proxies());
        assert!(is_over_tls(&[b"http, HTTPS"]) && is_over_tls(&[b"http", b"https"]));
        assert!(!is_over_tls(&[b"https, http"]) && !is_over_tls(&[b"https", b"http"]));
        assert!(!is_over_tls(&[]));
    }
}
