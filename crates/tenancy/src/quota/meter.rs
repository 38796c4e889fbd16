//! Where a caller stands with its limits, for the headers of the answer
//! (draft-ietf-httpapi-ratelimit-headers-10).

/// About how long a limit is in a header.
const ROOM: usize = 48;

/// What is left of each limit that counted a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meter {
    /// The limits: of the tenant by the minute and by the day, and of the API key.
    pub limits: Vec<Limit>,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Its name in the headers.
    pub name: &'static str,
    /// The most calls in its window.
    pub limit: i64,
    /// How many of them were made.
    pub used: i64,
    /// The seconds of its window.
    pub window: u32,
    /// The seconds until it starts anew.
    pub reset: u32,
}

impl Meter {
    /// The value of `RateLimit-Policy`: each limit with its window.
    pub fn policy(&self) -> String {
        self.list([";q=", ";w="], |limit| (limit.limit, limit.window))
    }

    /// The value of `RateLimit`: what is left of each, and for how long.
    pub fn remaining(&self) -> String {
        self.list([";r=", ";t="], |limit| {
            (limit.limit.saturating_sub(limit.used).max(0), limit.reset)
        })
    }

    /// A list of structured fields (RFC 9651), each a name with two parameters.
    fn list(&self, [first, second]: [&str; 2], values: impl Fn(&Limit) -> (i64, u32)) -> String {
        let mut text = String::with_capacity(self.limits.len() * ROOM);
        let mut digits = itoa::Buffer::new();
        for limit in &self.limits {
            let (calls, seconds) = values(limit);
            text.push_str(if text.is_empty() { "\"" } else { ", \"" });
            text.push_str(limit.name);
            text.push('"');
            text.push_str(first);
            text.push_str(digits.format(calls));
            text.push_str(second);
            text.push_str(digits.format(seconds));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_lists_of_structured_fields() {
        let limit = |name, limit, used, window, reset| Limit { name, limit, used, window, reset };
        let meter = Meter {
            limits: vec![limit("minute", 60, 61, 60, 7), limit("day", 1_000, 1, 86_400, 300)],
        };
        assert_eq!(meter.policy(), r#""minute";q=60;w=60, "day";q=1000;w=86400"#);
        assert_eq!(meter.remaining(), r#""minute";r=0;t=7, "day";r=999;t=300"#);
    }
}
