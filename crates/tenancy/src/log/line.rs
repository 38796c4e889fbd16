//! A log line: a JSON object, formatted directly because every request writes one.

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

/// A JSON object under construction. Its member names need no escaping.
pub(super) struct Line<'a>(&'a mut Vec<u8>);

impl<'a> Line<'a> {
    /// Begins an object at the end of `bytes`.
    pub(super) fn begin(bytes: &'a mut Vec<u8>) -> Self {
        bytes.push(b'{');
        Self(bytes)
    }

    fn name(&mut self, name: &str) {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// Adds a member that is text or null.
    pub(super) fn text(&mut self, name: &str, value: Option<&str>) {
        self.name(name);
        match value {
            None => self.0.extend_from_slice(b"null"),
            Some(value) if value.bytes().all(stands_for_itself) => self.quoted(value.as_bytes()),
            // Writing a string to a vector cannot fail.
            Some(value) => drop(serde_json::to_writer(&mut *self.0, value)),
        }
    }

    /// Adds a member that is an id with its kind as a prefix, or null. The prefix needs no escaping.
    pub(super) fn id(&mut self, name: &str, kind: &str, value: Option<Uuid>) {
        self.name(name);
        match value {
            None => self.0.extend_from_slice(b"null"),
            Some(id) => {
                let mut text = Uuid::encode_buffer();
                self.0.push(b'"');
                self.0.extend_from_slice(kind.as_bytes());
                self.0.extend_from_slice(id.hyphenated().encode_lower(&mut text).as_bytes());
                self.0.push(b'"');
            }
        }
    }

    /// Adds a member that is a timestamp with microseconds (RFC 3339).
    pub(super) fn time(&mut self, name: &str, value: DateTime<Utc>, seconds: &mut SecondText) {
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(seconds.of(value).as_bytes());
        self.0.push(b'.');
        self.digits(u64::from(value.timestamp_subsec_micros()), 6);
        self.0.extend_from_slice(b"Z\"");
    }

    /// Adds a member that is a whole number.
    pub(super) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        self.digits(value, 1);
    }

    /// Adds a member that is a number of thousandths.
    pub(super) fn thousandths(&mut self, name: &str, value: u64) {
        self.name(name);
        self.digits(value / 1_000, 1);
        self.0.push(b'.');
        self.digits(value % 1_000, 3);
    }

    /// Ends the object and the line.
    pub(super) fn end(self) {
        self.0.extend_from_slice(b"}\n");
    }

    fn quoted(&mut self, plain: &[u8]) {
        self.0.push(b'"');
        self.0.extend_from_slice(plain);
        self.0.push(b'"');
    }

    /// Writes a number with at least `least` digits.
    fn digits(&mut self, mut number: u64, least: usize) {
        // The longest `u64` has 20 digits.
        let mut digits = [b'0'; 20];
        let mut first = digits.len();
        while number > 0 || digits.len() - first < least {
            first -= 1;
            // A digit is below 10.
            digits[first] += u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
        self.0.extend_from_slice(&digits[first..]);
    }
}

/// Returns whether a byte needs no escaping in a JSON string (RFC 8259, section 7).
fn stands_for_itself(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// The text of a timestamp up to the second, cached for the next line of the same second.
#[derive(Default)]
pub(super) struct SecondText {
    second: Option<i64>,
    text: String,
}

impl SecondText {
    fn of(&mut self, time: DateTime<Utc>) -> &str {
        let second = time.timestamp();
        if self.second.replace(second) != Some(second) {
            self.text = time.to_rfc3339_opts(SecondsFormat::Secs, true);
            self.text.pop();
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(write: impl FnOnce(&mut Line<'_>)) -> Value {
        let mut bytes = Vec::new();
        let mut line = Line::begin(&mut bytes);
        write(&mut line);
        line.end();
        serde_json::from_slice(&bytes).unwrap()
    }

    // S38
    #[test]
    fn value_cannot_end_its_own_string() {
        for value in ["", "plain", "a\"b\\c", "a\nb\u{0}", "\u{7f}\u{2028}é"] {
            let expected = json!({ "first": value, "second": null });
            let own = written(|line| {
                line.text("first", Some(value));
                line.text("second", None);
            });
            assert_eq!(own, expected);
        }
    }

    #[test]
    fn numbers_and_times_are_written_whole() {
        let id = Uuid::from_u128(7);
        let mut seconds = SecondText::default();
        for (micros, text) in [
            (1_000_000, "1970-01-01T00:00:01.000000Z"),
            (1_000_042, "1970-01-01T00:00:01.000042Z"),
            (2_999_999, "1970-01-01T00:00:02.999999Z"),
        ] {
            let time = DateTime::from_timestamp_micros(micros).unwrap();
            let own = written(|line| {
                line.time("time", time, &mut seconds);
                line.number("none", 0);
                line.number("most", u64::MAX);
                line.thousandths("ms", 12_034);
                line.id("id", "user:", Some(id));
            });
            let expected = json!({
                "time": text, "none": 0, "most": u64::MAX, "ms": 12.034, "id": format!("user:{id}")
            });
            assert_eq!(own, expected);
        }
    }
}
