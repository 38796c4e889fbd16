//! The headers of a request or a response, as the host passes them: names in lower case, values as bytes.

/// The headers that identify the caller to the application.
pub const IDENTITY: [&str; 6] =
    ["x-tenant-id", "x-tenant-slug", "x-user-id", "x-user-role", "x-api-key-id", "x-scopes"];

/// A list of headers in their original order.
pub type Headers = [(String, Vec<u8>)];

/// Returns the values of a header.
pub fn get_all<'a>(headers: &'a Headers, name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_slice())
}

/// Returns the value of a header that occurs exactly once, as visible ASCII or an empty text.
pub fn single<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let mut values = get_all(headers, name);
    let value = values.next().filter(|_| values.next().is_none())?;
    let is_visible = value.iter().all(|byte| (b' '..=b'~').contains(byte));
    std::str::from_utf8(value).ok().filter(|_| is_visible)
}

/// Returns whether an application may read a header of this name as an identity. Many servers replace hyphens by
/// underscores, so `X_Tenant_Id` is the same as `X-Tenant-Id`.
pub fn is_identity(name: &str) -> bool {
    IDENTITY.iter().any(|identity| {
        name.len() == identity.len()
            && name.bytes().zip(identity.bytes()).all(|(byte, expected)| {
                byte.eq_ignore_ascii_case(&expected) || (byte == b'_' && expected == b'-')
            })
    })
}

/// Returns the names of the headers that look like an identity. A client has sent them.
pub fn forged(headers: &Headers) -> impl Iterator<Item = &str> {
    headers.iter().map(|(name, _)| name.as_str()).filter(|name| is_identity(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_an_identity() {
        for name in ["x-tenant-id", "X-Tenant-Id", "x_tenant_id", "x-user_role", "x_scopes"] {
            assert!(is_identity(name), "{name}");
        }
        for name in ["x-tenant", "x-tenant-ids", "tenant-id", "x-tenant-id-", "authorization", ""] {
            assert!(!is_identity(name), "{name}");
        }
    }

    #[test]
    fn repeated_or_binary_header_has_no_single_value() {
        let pair = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
        let headers = [pair("a", b"1"), pair("a", b"1"), pair("b", b"\xff"), pair("c", b"")];
        assert_eq!(
            ["a", "b", "c", "d"].map(|name| single(&headers, name)),
            [None, None, Some(""), None]
        );
    }
}
