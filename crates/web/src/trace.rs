//! Trace context (W3C Recommendation, level 1), for the log only. Spin itself connects its spans to the caller's trace.

use super::{Headers, headers::visible};

/// The trace that a request belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trace {
    /// The trace id, 32 hexadecimal digits.
    pub(super) id: String,
    /// The caller's span id, 16 hexadecimal digits.
    pub(super) parent: String,
}

impl Trace {
    /// Parses `traceparent`. Returns `None` if it is absent or invalid.
    pub(super) fn of(headers: &Headers) -> Option<Self> {
        let mut values = headers.get_all("traceparent");
        let value = visible(values.next()?)?;
        if values.next().is_some() {
            return None;
        }
        let mut parts = value.trim().split('-');
        let (version, id, parent, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |text: &str, digits: usize| {
            text.len() == digits
                && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_sound = is_hex(version, 2)
            && version != "ff"
            && (version != "00" || parts.next().is_none())
            && is_hex(id, 32)
            && is_hex(parent, 16)
            && is_hex(flags, 2)
            && [id, parent].iter().all(|id| id.bytes().any(|byte| byte != b'0'));
        is_sound.then(|| Self { id: id.to_owned(), parent: parent.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Option<Trace> {
        Trace::of(&Headers::from(vec![("traceparent".to_owned(), value.into())]))
    }

    #[test]
    fn only_valid_traceparent_is_accepted() {
        let (id, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let expected = Trace { id: id.to_owned(), parent: parent.to_owned() };
        assert_eq!(of(&format!("00-{id}-{parent}-01")), Some(expected));
        assert!(of(&format!("01-{id}-{parent}-01-more")).is_some());
        for unsound in [
            String::new(),
            format!("ff-{id}-{parent}-01"),
            format!("00-{id}-{parent}-01-more"),
            format!("00-{}-{parent}-01", "0".repeat(32)),
            format!("00-{id}-{}-01", "0".repeat(16)),
            format!("00-{}-{parent}-01", id.to_uppercase()),
            format!("00-{id}-{parent}"),
        ] {
            assert_eq!(of(&unsound), None, "{unsound}");
        }
    }
}
