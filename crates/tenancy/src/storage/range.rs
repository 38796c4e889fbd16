//! Byte ranges (RFC 9110, section 14).

/// A range of a file's bytes, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub first: u64,
    /// The last byte.
    pub last: u64,
}

impl ByteRange {
    /// Returns the number of bytes in the range.
    pub fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

/// The part of a file that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requested {
    /// The whole file: there is no range, or this service does not support it.
    Whole,
    /// A part.
    Part(ByteRange),
    /// A part that the file does not have.
    NotThere,
}

impl Requested {
    /// Parses the header `Range` for a file of `size` bytes. A value that is malformed, has another unit or asks for
    /// several ranges is ignored, as the RFC allows.
    ///
    /// The parser of the crate `headers` is not suitable: it requires the unit in lower case, and skips a suffix that
    /// is longer than the file.
    pub fn parse(header: Option<&[u8]>, size: u64) -> Self {
        let text = header.and_then(|header| std::str::from_utf8(header).ok());
        let Some((unit, ranges)) = text.and_then(|text| text.trim().split_once('=')) else {
            return Self::Whole;
        };
        let ranges = ranges.split(',').map(|range| range.trim_matches([' ', '\t']));
        let mut ranges = ranges.filter(|range| !range.is_empty());
        let (Some(range), None) = (ranges.next(), ranges.next()) else { return Self::Whole };
        let Some((first, last)) = range.split_once('-') else { return Self::Whole };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !unit.eq_ignore_ascii_case("bytes") || !digits(first) || !digits(last) {
            return Self::Whole;
        }
        // A number that is too long for its type is past the end of any file.
        let number = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
        match (first.is_empty(), last.is_empty()) {
            (true, true) => Self::Whole,
            (true, false) => match number(last) {
                0 => Self::NotThere,
                // The last bytes of an empty file are the whole file, because a range cannot describe zero bytes.
                _ if size == 0 => Self::Whole,
                suffix => Self::Part(ByteRange { first: size - suffix.min(size), last: size - 1 }),
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
    fn ranges_parse_as_in_the_rfc() {
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
            ("Bytes=0-1", part(0, 1)),
            ("BYTES=-1", part(999, 999)),
            ("bytes=, 0-1 ,", part(0, 1)),
            ("bytes=,,,,,,,,,,,,,,,,0-1", part(0, 1)),
            ("bytes=9999999999999999999999999999999-", Requested::NotThere),
            ("bytes = 0-1", Requested::Whole),
            ("bytes=0 - 1", Requested::Whole),
            ("bytes=0-1-2", Requested::Whole),
            ("bytes=+0-1", Requested::Whole),
            ("bytes", Requested::Whole),
            ("bytes=,", Requested::Whole),
        ] {
            assert_eq!(Requested::parse(Some(header.as_bytes()), 1_000), expected, "{header}");
        }
        assert_eq!(Requested::parse(Some(b"bytes=\xff"), 1), Requested::Whole);
        assert_eq!(Requested::parse(None, 1), Requested::Whole);
    }

    #[test]
    fn empty_file_has_no_first_byte() {
        for (header, expected) in [
            ("bytes=0-", Requested::NotThere),
            ("bytes=0-0", Requested::NotThere),
            ("bytes=-0", Requested::NotThere),
            ("bytes=-1", Requested::Whole),
        ] {
            assert_eq!(Requested::parse(Some(header.as_bytes()), 0), expected, "{header}");
        }
    }

    #[test]
    fn ranges_beyond_4_gib_are_exact() {
        const SIZE: u64 = 5 << 30;
        let range = |header: &str| Requested::parse(Some(header.as_bytes()), SIZE);
        let part = |first, last| Requested::Part(ByteRange { first, last });
        assert_eq!(range("bytes=1-4294967295"), part(1, 4_294_967_295));
        assert_eq!(range("bytes=4294967296-"), part(1 << 32, SIZE - 1));
        assert_eq!(range("bytes=-4294967297"), part(SIZE - 4_294_967_297, SIZE - 1));
    }
}
