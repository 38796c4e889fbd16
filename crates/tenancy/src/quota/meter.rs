//! The state of a caller's limits, for the response headers (draft-ietf-httpapi-ratelimit-headers-10).

/// The approximate length of a limit in a header.
const ROOM: usize = 48;

/// The state of each limit that counted a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meter {
    /// The limits of the tenant per minute and per day, and those of the API key.
    pub limits: Vec<Limit>,
}

/// The state of one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The name in the headers.
    pub name: &'static str,
    /// The maximum number of calls in the window.
    pub limit: i64,
    /// The number of calls that were made.
    pub used: i64,
    /// The length of the window in seconds.
    pub window: u32,
    /// The seconds until the window resets.
    pub reset: u32,
}

impl Meter {
    /// Returns the value of `RateLimit-Policy`: each limit with its window.
    pub fn policy(&self) -> String {
        self.list([";q=", ";w="], |limit| (limit.limit, limit.window))
    }

    /// Returns the value of `RateLimit`: the remaining calls of each limit, and the seconds until it resets.
    pub fn remaining(&self) -> String {
        self.list([";r=", ";t="], |limit| {
            (limit.limit.saturating_sub(limit.used).max(0), limit.reset)
        })
    }

    /// Returns a list of structured fields (RFC 9651), each a name with two parameters.
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
