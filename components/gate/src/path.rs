//! The path of a request, in the only spelling that every application reads in the same way.

use percent_encoding::percent_decode_str;

/// Returns the decoded segments of a path and its raw segments. Returns `None` for a path that servers and frameworks
/// normalise in different ways: the application could then see another path than the one that the rules allow.
///
/// An empty segment at the end is dropped, so `/notes/` is the same as `/notes`.
pub fn segments(path: &str) -> Option<Vec<(String, &str)>> {
    let mut raw: Vec<_> = path.strip_prefix('/')?.split('/').collect();
    if raw.last().is_some_and(|last| last.is_empty()) {
        raw.pop();
    }
    raw.into_iter().map(|segment| Some((decode(segment)?, segment))).collect()
}

/// Decodes a segment unless it is ambiguous.
fn decode(segment: &str) -> Option<String> {
    let is_encoding = |escape: &str| {
        escape.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    if !segment.split('%').skip(1).all(is_encoding) {
        return None;
    }
    let decoded = percent_decode_str(segment).decode_utf8().ok()?.into_owned();
    let is_ambiguous = matches!(decoded.as_str(), "" | "." | "..")
        || decoded.contains(|c: char| matches!(c, '/' | '\\') || c.is_control());
    (!is_ambiguous).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(path: &str) -> Option<Vec<String>> {
        segments(path).map(|all| all.into_iter().map(|(segment, _)| segment).collect())
    }

    #[test]
    fn clear_path_has_decoded_segments() {
        for (path, expected) in [
            ("/", &[][..]),
            ("/notes", &["notes"]),
            ("/notes/", &["notes"]),
            ("/%6eotes/%C3%A9", &["notes", "é"]),
            ("/a/...", &["a", "..."]),
            ("/a%252e", &["a%2e"]),
        ] {
            assert_eq!(decoded(path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn ambiguous_path_has_no_segments() {
        for path in [
            "",
            "notes",
            "*",
            "//",
            "//notes",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/%2e%2e/a",
            "/a/.%2E/b",
            "/a%2Fb",
            "/a%2fb",
            "/a\\b",
            "/a%5cb",
            "/a%00",
            "/a%0a",
            "/%ff",
            "/%",
            "/%2",
            "/%zz",
            "/a/%e9%",
        ] {
            assert_eq!(decoded(path), None, "{path}");
        }
    }
}
