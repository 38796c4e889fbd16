//! Headers of requests and responses.

use http::{HeaderName, HeaderValue};

/// The headers of a request in their original order. Names are in lower case.
///
/// A request has about a dozen headers, and only a few of them are read, each a few times. A linear search is cheaper
/// than building a table.
#[derive(Debug, Default)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// Returns the values of a header. `name` is in lower case.
    pub fn get_all(&self, name: &str) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_slice())
    }

    /// Returns the first value of a header. `name` is in lower case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// Returns the first value of a header as text, or `None` if it is absent or not [`visible`].
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(visible)
    }

    /// Returns the members of a list header from all its lines (RFC 9110, section 5.3). Lines that are not [`visible`]
    /// are omitted.
    pub fn members(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get_all(name).filter_map(visible).flat_map(|list| list.split(',')).map(str::trim)
    }
}

impl From<Vec<(String, Vec<u8>)>> for Headers {
    fn from(list: Vec<(String, Vec<u8>)>) -> Self {
        Self(list)
    }
}

/// The headers of a response in the order of insertion. A table would cost more than it saves here as well.
#[derive(Debug)]
pub struct ResponseHeaders(Vec<(HeaderName, HeaderValue)>);

/// The initial capacity. Most responses have fewer headers.
const ROOM: usize = 16;

impl Default for ResponseHeaders {
    fn default() -> Self {
        Self(Vec::with_capacity(ROOM))
    }
}

impl ResponseHeaders {
    /// Sets a header and removes all others of the same name.
    pub fn insert(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.retain(|(own, _)| *own != name);
        self.0.push((name, value));
    }

    /// Adds a header after others of the same name.
    pub fn append(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.push((name, value));
    }

    /// Adds a header unless one of the same name exists.
    pub fn insert_if_absent(&mut self, name: HeaderName, value: HeaderValue) {
        if !self.0.iter().any(|(own, _)| *own == name) {
            self.0.push((name, value));
        }
    }

    /// Returns all headers.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

/// Returns the value of a header as text if it has only visible ASCII, spaces and tabs (RFC 9110, section 5.5).
pub fn visible(value: &[u8]) -> Option<&str> {
    let is_visible = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    // Tokens are hundreds of bytes long, so eight bytes are checked at a time.
    let (words, rest) = value.as_chunks::<8>();
    let are_visible = words.iter().all(|word| is_printable(*word) || word.iter().all(is_visible))
        && rest.iter().all(is_visible);
    are_visible.then(|| std::str::from_utf8(value).ok())?
}

/// Returns whether all eight bytes are in `b' '..=b'~'`, in constant time for the word.
fn is_printable(word: [u8; 8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let word = u64::from_ne_bytes(word);
    let below_space = word.wrapping_sub(ONES * u64::from(b' ')) & !word;
    let above_tilde = word.wrapping_add(ONES) | word;
    (below_space | above_tilde) & (ONES << 7) == 0
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

    #[test]
    fn invisible_byte_is_found_at_any_position() {
        for byte in 0..=u8::MAX {
            let is_visible = byte == b'\t' || (b' '..=b'~').contains(&byte);
            for place in 0..19 {
                let mut value = [b'a'; 19];
                value[place] = byte;
                assert_eq!(visible(&value).is_some(), is_visible, "{byte} at {place}");
            }
        }
    }

    #[test]
    fn insert_replaces_and_append_adds_headers() {
        const NAME: HeaderName = HeaderName::from_static("x-name");
        let value = HeaderValue::from_static;
        let mut headers = ResponseHeaders::default();
        let all = |headers: &ResponseHeaders| -> Vec<_> {
            headers.iter().map(|(_, value)| value.clone()).collect()
        };
        headers.insert_if_absent(NAME, value("1"));
        headers.insert_if_absent(NAME, value("2"));
        headers.append(NAME, value("3"));
        assert_eq!(all(&headers), ["1", "3"]);
        headers.insert(NAME, value("4"));
        assert_eq!(all(&headers), ["4"]);
    }
}
