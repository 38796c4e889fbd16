//! The headers of a request.

/// The headers of a request in the order in which they came, names in lower case.
///
/// A request has about a dozen, of which a few are asked for a few times: looking through all of them
/// is cheaper than making a table.
#[derive(Debug, Default)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// The values of a header, whose name is in lower case.
    pub fn get_all(&self, name: &str) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_slice())
    }

    /// The first value of a header, whose name is in lower case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// The first value of a header as text; `None` also where it is not [`visible`].
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(visible)
    }

    /// The values of a header that is a list, put together (RFC 9110, section 5.3); values that are not
    /// [`visible`] are left out.
    pub fn members(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get_all(name).filter_map(visible).flat_map(|list| list.split(',')).map(str::trim)
    }
}

impl From<Vec<(String, Vec<u8>)>> for Headers {
    fn from(list: Vec<(String, Vec<u8>)>) -> Self {
        Self(list)
    }
}

/// The value of a header as text, if it is of visible ASCII, spaces and tabs (RFC 9110, section 5.5).
pub fn visible(value: &[u8]) -> Option<&str> {
    let is_visible = value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    is_visible.then(|| std::str::from_utf8(value).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name() {
        let header = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
        let headers = Headers::from(vec![
            header("a", b"1, 2"),
            header("b", b"\xff"),
            header("a", b"3"),
            header("a", b"\x01"),
        ]);
        assert_eq!(headers.get("a"), Some(&b"1, 2"[..]));
        assert_eq!(headers.get_all("a").next_back(), Some(&b"\x01"[..]));
        assert_eq!(headers.members("a").collect::<Vec<_>>(), ["1", "2", "3"]);
        assert_eq!((headers.get("b").is_some(), headers.text("b")), (true, None));
        assert_eq!(headers.get("c"), None);
    }
}
