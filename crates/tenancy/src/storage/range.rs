//! Ranges of bytes (RFC 9110, section 14).

/// Bytes of a file, from the first to the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub first: u64,
    /// The last byte.
    pub last: u64,
}

impl ByteRange {
    /// How many bytes these are.
    pub fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requested {
    /// All of it: there is no range, or none that this service answers.
    Whole,
    /// A part.
    Part(ByteRange),
    /// A part that the file does not have.
    NotThere,
}

impl Requested {
    /// What the header `Range` asks of a file of so many bytes. One that is malformed, or asks for
    /// several ranges, is ignored, as the RFC lets a server do.
    pub fn parse(header: Option<&str>, size: u64) -> Self {
        let Some(ranges) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else {
            return Self::Whole;
        };
        let Some((first, last)) = ranges.trim().split_once('-') else { return Self::Whole };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if ranges.contains(',') || !digits(first) || !digits(last) {
            return Self::Whole;
        }
        // A number that is too long for its type is past the end of any file.
        let number = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
        match (first.is_empty(), last.is_empty()) {
            (true, true) => Self::Whole,
            (true, false) => match number(last).min(size) {
                0 => Self::NotThere,
                suffix => Self::Part(ByteRange { first: size - suffix, last: size - 1 }),
            },
            (false, open) => {
                let first = number(first);
                let last = if open { u64::MAX } else { number(last) };
                if last < first {
                    Self::Whole
                } else if first >= size {
                    Self::NotThere
                } else {
                    Self::Part(ByteRange { first, last: last.min(size - 1) })
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_rfc() {
        let part = |first, last| Requested::Part(ByteRange { first, last });
        for (header, expected) in [
            ("bytes=0-499", part(0, 499)),
            ("bytes=500-", part(500, 999)),
            ("bytes=-1", part(999, 999)),
            ("bytes=-5000", part(0, 999)),
            ("bytes=990-5000", part(990, 999)),
            ("bytes=1000-", Requested::NotThere),
            ("bytes=-0", Requested::NotThere),
            ("bytes=99999999999999999999999-", Requested::NotThere),
            ("bytes=5-4", Requested::Whole),
            ("bytes=0-1,5-6", Requested::Whole),
            ("bytes=a-b", Requested::Whole),
            ("bytes=-", Requested::Whole),
            ("lines=0-1", Requested::Whole),
        ] {
            assert_eq!(Requested::parse(Some(header), 1_000), expected, "{header}");
        }
        assert_eq!(Requested::parse(Some("bytes=0-"), 0), Requested::NotThere);
        assert_eq!(Requested::parse(None, 1), Requested::Whole);
    }
}
