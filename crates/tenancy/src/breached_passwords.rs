//! Passwords that are known from data breaches (NIST SP 800-63B-4, section 3.1.1.2), by the range API of Have I Been
//! Pwned.
//!
//! The service of the list gets the first five hexadecimal digits of the SHA-1 of a password, which about a thousand
//! known passwords share (k-anonymity). It returns the other digits of all of them, and the comparison takes place
//! here: neither the component `outbound` nor another server receives more than the five digits. With `Add-Padding` the
//! length of the response does not reveal them.
//!
//! A service that does not respond in time prevents no change of a password: the password is accepted.

use std::time::Duration;

use sha1::{Digest as _, Sha1};
use zeroize::Zeroizing;

use crate::{
    context::Context, credential::Password, error::Error, log,
    metrics::BreachedPasswordCheck as Check, outbound,
};

/// The path of the component `outbound` that receives prefixes.
pub const PATH: &str = "/breached-passwords";
/// The maximum length of a range in bytes. A range has about a thousand lines with at most 46 bytes, and padding.
pub const LONGEST_RANGE: usize = 256 * 1024;
/// The deadline of a check. The platform may exceed a deadline by a tenth of a second, so a check takes at most 300 ms.
pub const DEADLINE: Duration = Duration::from_millis(200);
/// The maximum length of the reason that the component returns if the list is unavailable, in bytes.
pub const LONGEST_REASON: usize = 1000;

/// The number of hexadecimal digits that leave the service.
const PREFIX: usize = 5;
/// The number of hexadecimal digits of a SHA-1.
const DIGITS: usize = 40;

/// The first digits of a SHA-1, in upper case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Reads a prefix: five hexadecimal digits in upper case.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let is_prefix = bytes.len() == PREFIX
            && bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
        let text = String::from_utf8(bytes.to_vec()).ok()?;
        is_prefix.then_some(Self(text))
    }

    /// Returns the path of the range at the service of the list.
    pub fn target(&self) -> String {
        format!("/range/{}", self.0)
    }
}

/// Returns whether a password is known from a data breach. If the list is unavailable, the result is false.
pub(crate) async fn contain(context: &Context, password: &Password) -> bool {
    let (check, reason) = match look_up(context, password).await {
        Ok(true) => (Check::Breached, None),
        Ok(false) => (Check::Unknown, None),
        Err(reason) => (Check::Failed, Some(reason)),
    };
    context.counters.breached_password_check(check);
    if let Some(reason) = reason {
        let message = "the list of breached passwords is unavailable; a password was accepted without the check";
        log::warning(context, message, &Error::unavailable(reason));
    }
    check == Check::Breached
}

async fn look_up(context: &Context, password: &Password) -> Result<bool, String> {
    let hash = Sha1::digest(password.expose().as_bytes());
    let hash = Zeroizing::new(base16ct::upper::encode_string(&hash));
    let (prefix, suffix) = hash.split_at(PREFIX);
    let body = ("text/plain", prefix.as_bytes().to_vec());
    let response = outbound::post(context, PATH, body, DEADLINE, LONGEST_RANGE).await;
    let response = response.map_err(|error| error.to_string())?;
    let Some(body) = response.body else { return Err("the response is incomplete".to_owned()) };
    if response.status != 200 {
        let reason = &body[..body.len().min(LONGEST_REASON)];
        return Err(String::from_utf8_lossy(reason).into_owned());
    }
    range_contains(&body, suffix).ok_or_else(|| "the response is no range of hashes".to_owned())
}

/// Returns whether a range has a suffix, or `None` if it is invalid. A count of 0 is padding.
fn range_contains(range: &[u8], suffix: &str) -> Option<bool> {
    let range = std::str::from_utf8(range).ok()?;
    let (mut is_empty, mut is_found) = (true, false);
    for line in range.lines() {
        let (hash, count) = line.split_once(':')?;
        let is_hash =
            hash.len() == DIGITS - PREFIX && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        if !is_hash || !is_count {
            return None;
        }
        is_empty = false;
        is_found |= hash.eq_ignore_ascii_case(suffix) && count.bytes().any(|byte| byte != b'0');
    }
    // Each prefix has known passwords.
    (!is_empty).then_some(is_found)
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use async_trait::async_trait;
    use futures::executor::block_on;
    use platform::{Http, HttpError, HttpRequest, HttpResponse, Platform, testing::PreparedSql};

    use super::*;
    use crate::{input::Text as _, testing};

    /// The SHA-1 of `password`, after its prefix `5BAA6`.
    const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
    const OTHER: &str = "003D68EB55068C33ACE09247EE4C639306B";

    /// The component `outbound`.
    struct Component {
        response: Result<HttpResponse, HttpError>,
        received: RefCell<Vec<HttpRequest>>,
    }

    #[async_trait(?Send)]
    impl Http for Component {
        async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
            self.received.borrow_mut().push(request);
            self.response.clone()
        }
    }

    /// Returns whether the word `password` is refused, and the counted result.
    fn check(response: Result<HttpResponse, HttpError>) -> (bool, &'static str) {
        let component = Rc::new(Component { response, received: RefCell::default() });
        let http = Rc::clone(&component) as Rc<dyn Http>;
        let platform = platform::testing::platform(&Rc::<PreparedSql>::default());
        let context = testing::context_on(Platform { http, ..platform }, &[]);
        let password = Password::parse("password").unwrap();
        let is_breached = block_on(contain(&context, &password));
        let received = component.received.borrow();
        assert_eq!((received.len(), received[0].body.as_slice()), (1, b"5BAA6".as_slice()));
        assert!(!received[0].target.contains(SUFFIX));
        let counted = context.counters.take();
        let results = ["breached", "unknown", "failed"].into_iter().filter(|result| {
            let series = format!("tenancy_breached_password_checks_total{{result=\"{result}\"}}");
            counted.get(&series) == Some(&1)
        });
        (is_breached, results.collect::<Vec<_>>()[0])
    }

    /// Returns the counted result of a response.
    fn check_response(status: u16, body: Option<&str>) -> (bool, &'static str) {
        let body = body.map(|body| body.as_bytes().to_vec());
        check(Ok(HttpResponse { status, headers: Vec::new(), body }))
    }

    // S61
    #[test]
    fn only_the_prefix_leaves() {
        let range = format!("{OTHER}:3\r\n{SUFFIX}:52256179\r\n");
        assert_eq!(check_response(200, Some(&range)), (true, "breached"));
        let range = format!("{OTHER}:3\r\n{}:4", SUFFIX.replace('8', "9"));
        assert_eq!(check_response(200, Some(&range)), (false, "unknown"));
        // Padding.
        let range = format!("{OTHER}:3\r\n{SUFFIX}:0\r\n");
        assert_eq!(check_response(200, Some(&range)), (false, "unknown"));
        let range = format!("{}:7\n", SUFFIX.to_ascii_lowercase());
        assert_eq!(check_response(200, Some(&range)), (true, "breached"));
    }

    // S61
    #[test]
    fn unavailable_list_accepts_a_password() {
        let invalid = [
            String::new(),
            "<html>".to_owned(),
            SUFFIX.to_owned(),
            format!("{SUFFIX}:"),
            format!("{SUFFIX}:-1"),
            format!("{SUFFIX}:1\n5BAA6{SUFFIX}:1"),
            format!("{SUFFIX}:1\nmore"),
        ];
        for range in &invalid {
            assert_eq!(check_response(200, Some(range)), (false, "failed"), "{range}");
        }
        assert_eq!(check_response(200, None), (false, "failed"));
        assert_eq!(check_response(502, Some("no answer")), (false, "failed"));
        let errors = [HttpError::NotSent(String::new()), HttpError::NoAnswer(String::new())];
        for error in errors {
            assert_eq!(check(Err(error)), (false, "failed"));
        }
    }

    #[test]
    fn prefix_has_five_digits() {
        assert_eq!(Prefix::parse(b"5BAA6").unwrap().target(), "/range/5BAA6");
        for text in ["", "5BAA", "5BAA61", "5baa6", "5BAG6", "../AA", "5BAA\u{e9}"] {
            assert_eq!(Prefix::parse(text.as_bytes()), None, "{text}");
        }
    }
}
