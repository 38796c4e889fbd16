//! Conditional requests (RFC 9110, section 13), based on the parsers of the crate `headers`.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use headers::{
    ETag, Header, IfMatch, IfModifiedSince, IfNoneMatch, IfUnmodifiedSince, LastModified,
};
use http::{HeaderValue, Method, header};
use tenancy::{Error, Result};

use super::{Request, Response};

/// The validators of a representation (RFC 9110, section 8.8).
#[derive(Debug, Clone)]
pub struct Validators {
    tag: ETag,
    tag_text: String,
    modified: SystemTime,
}

/// The result of the conditions of a GET or HEAD request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Send the representation.
    Send,
    /// Respond 304: the client has the current representation.
    NotModified,
}

/// The conditions of a request, in the order of RFC 9110, section 13.2.2.
#[derive(Debug, Default)]
pub struct Conditions {
    if_match: Option<IfMatch>,
    if_unmodified_since: Option<SystemTime>,
    if_none_match: Option<IfNoneMatch>,
    if_modified_since: Option<SystemTime>,
}

impl Validators {
    /// Creates the validators of a representation with the strong entity tag `"opaque"`. HTTP dates have whole seconds,
    /// so the fraction of `modified` is truncated.
    ///
    /// # Errors
    /// [`Error::Internal`] if `opaque` is not the text of an entity tag.
    pub fn new(opaque: &str, modified: DateTime<Utc>) -> Result<Self> {
        let tag_text = format!("\"{opaque}\"");
        let tag = tag_text.parse().map_err(|_| Error::internal("invalid entity tag"))?;
        let seconds = u64::try_from(modified.timestamp()).unwrap_or(0);
        Ok(Self { tag, tag_text, modified: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) })
    }

    /// Returns the entity tag with its quotes.
    pub fn tag(&self) -> &str {
        &self.tag_text
    }

    /// Adds `ETag` and `Last-Modified` to a response.
    ///
    /// # Errors
    /// [`Error::Internal`] never occurs: the tag was parsed as a header value.
    pub fn describe(&self, response: Response) -> Result<Response> {
        let tag = HeaderValue::from_str(&self.tag_text).map_err(Error::internal)?;
        let mut modified = Vec::with_capacity(1);
        LastModified::from(self.modified).encode(&mut modified);
        let response = response.with_header(header::ETAG, tag);
        Ok(match modified.pop() {
            Some(modified) => response.with_header(header::LAST_MODIFIED, modified),
            None => response,
        })
    }

    /// Returns whether a `Range` header applies: `If-Range` is absent or identifies this representation (RFC 9110,
    /// section 13.1.5). A weak tag, another date or an unreadable value does not match.
    pub fn allow_range(&self, request: &Request) -> bool {
        let mut values = request.headers.get_all("if-range");
        let Some(value) = values.next() else { return true };
        let value = value.trim_ascii();
        if values.next().is_some() {
            return false;
        }
        if value == self.tag_text.as_bytes() {
            return true;
        }
        // The dates must be equal. A later date may belong to a representation that replaced this one.
        date::<LastModified>(value) == Some(self.modified)
    }
}

impl Conditions {
    /// Reads the conditions of a request. An invalid HTTP date is ignored, as the RFC requires.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`] if `If-None-Match` of a modifying request is not a list of entity tags. If it were
    /// ignored, the request could overwrite a representation that the client wants to keep.
    pub fn of(request: &Request) -> Result<Self> {
        let is_read = matches!(request.method, Method::GET | Method::HEAD);
        Ok(Self {
            if_match: tags(request, "if-match", is_read)?,
            if_unmodified_since: only_date::<IfUnmodifiedSince>(request, "if-unmodified-since"),
            if_none_match: tags(request, "if-none-match", is_read)?,
            if_modified_since: only_date::<IfModifiedSince>(request, "if-modified-since"),
        })
    }

    /// Returns whether a modifying request has no conditions.
    pub fn is_empty(&self) -> bool {
        self.if_match.is_none()
            && self.if_none_match.is_none()
            && self.if_unmodified_since.is_none()
    }

    /// Returns whether the condition is `If-Match: *`, which any existing representation fulfils.
    pub fn needs_any(&self) -> bool {
        self.if_match.as_ref().is_some_and(IfMatch::is_any) && self.if_none_match.is_none()
    }

    /// Evaluates the conditions of a GET or HEAD request.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] if `If-Match` or `If-Unmodified-Since` is false.
    pub fn check_read(&self, current: &Validators) -> Result<Outcome> {
        self.check_unchanged(Some(current))?;
        let is_known = match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) => !tags.precondition_passes(&current.tag),
            (None, Some(since)) => current.modified <= since,
            (None, None) => false,
        };
        Ok(if is_known { Outcome::NotModified } else { Outcome::Send })
    }

    /// Evaluates the conditions of a modifying request. `current` is `None` if there is no representation.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] if a condition is false.
    pub fn check_change(&self, current: Option<&Validators>) -> Result<()> {
        self.check_unchanged(current)?;
        match (&self.if_none_match, current) {
            (Some(tags), Some(current)) if !tags.precondition_passes(&current.tag) => {
                Err(Error::PreconditionFailed)
            }
            _ => Ok(()),
        }
    }

    /// Evaluates `If-Match`, or `If-Unmodified-Since` if `If-Match` is absent.
    fn check_unchanged(&self, current: Option<&Validators>) -> Result<()> {
        let is_true = match (&self.if_match, self.if_unmodified_since, current) {
            (Some(tags), _, Some(current)) => tags.precondition_passes(&current.tag),
            (Some(_), _, None) => false,
            (None, Some(since), Some(current)) => current.modified <= since,
            (None, _, _) => true,
        };
        if is_true { Ok(()) } else { Err(Error::PreconditionFailed) }
    }
}

/// Reads a list of entity tags, which may have several lines (RFC 9110, section 5.3).
///
/// # Errors
/// [`Error::InvalidHeader`] if an `If-None-Match` of a modifying request is not a list of tags. In all other cases, an
/// invalid list matches nothing.
fn tags<H: Header>(request: &Request, name: &'static str, is_read: bool) -> Result<Option<H>> {
    let lines: Vec<&[u8]> = request.headers.get_all(name).map(<[u8]>::trim_ascii).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let mut list = lines.join(&b", "[..]);
    let is_list = list == b"*" || check_list(&mut list);
    let tags = HeaderValue::from_bytes(&list).ok().and_then(|list| decode(&list));
    match tags {
        Some(tags) if is_list || is_read || name == "if-match" => Ok(Some(tags)),
        _ => Err(Error::InvalidHeader {
            name,
            message: "must be \"*\" or a list of entity tags in double quotes".to_owned(),
        }),
    }
}

/// Returns whether every member of a list is an entity tag. Replaces each byte within quotes that `headers` cannot
/// parse. The RFC allows some of these bytes in tags, but the tags of this service have only letters and digits. So
/// such a tag matches nothing, and the other tags of the list stay readable.
fn check_list(list: &mut [u8]) -> bool {
    let (mut in_quotes, mut has_tag, mut is_list) = (false, false, true);
    // The bytes since the last comma, without quoted text and spaces.
    let mut member = Vec::new();
    for byte in list {
        match *byte {
            b'"' if in_quotes => in_quotes = false,
            b'"' => {
                in_quotes = true;
                has_tag = true;
                is_list &= member.is_empty() || member == b"W/";
                member.push(b'"');
            }
            b'!'..=b'~' if in_quotes => {}
            _ if in_quotes => {
                is_list &= !byte.is_ascii();
                *byte = b'~';
            }
            b',' => {
                is_list &= member.is_empty() || member.ends_with(b"\"");
                member.clear();
            }
            b' ' | b'\t' => {}
            other => member.push(other),
        }
    }
    is_list && has_tag && !in_quotes && (member.is_empty() || member.ends_with(b"\""))
}

fn decode<H: Header>(value: &HeaderValue) -> Option<H> {
    H::decode(&mut std::iter::once(value)).ok()
}

fn date<H: Header + Into<SystemTime>>(value: &[u8]) -> Option<SystemTime> {
    decode::<H>(&HeaderValue::from_bytes(value.trim_ascii()).ok()?).map(Into::into)
}

/// Returns the date of a header that occurs once.
fn only_date<H>(request: &Request, name: &'static str) -> Option<SystemTime>
where
    H: Header + Into<SystemTime>,
{
    let mut values = request.headers.get_all(name);
    let value = values.next()?;
    if values.next().is_some() { None } else { date::<H>(value) }
}

#[cfg(test)]
mod tests {
    use super::{super::request::of_headers as request, *};

    const OLD: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn current() -> Validators {
        let modified = DateTime::parse_from_rfc3339("1994-11-06T08:49:37.9Z").unwrap();
        Validators::new("abc", modified.to_utc()).unwrap()
    }

    fn change(headers: &[(&str, &[u8])]) -> Result<()> {
        let conditions = Conditions::of(&request(Method::PUT, headers))?;
        conditions.check_change(Some(&current()))
    }

    fn read(headers: &[(&str, &[u8])]) -> Result<Outcome> {
        Conditions::of(&request(Method::GET, headers))?.check_read(&current())
    }

    #[test]
    fn if_match_compares_every_tag_strongly() {
        for (lines, is_true) in [
            (&["\"abc\""][..], true),
            (&["*"], true),
            (&["\"x\", \"abc\""], true),
            (&["\"x\",,\t\"abc\" ,"], true),
            (&["\"x\"", "\"abc\""], true),
            (&["\"\u{e9}\", \"abc\""], true),
            (&["W/\"abc\""], false),
            (&["\"a,*,b\""], false),
            (&["\"a,\", \"*\""], false),
            (&["\"*\""], false),
            (&["\"x\", W/\"abc\""], false),
            (&["\"ABC\""], false),
        ] {
            let headers: Vec<_> = lines.iter().map(|line| ("if-match", line.as_bytes())).collect();
            assert_eq!(change(&headers).is_ok(), is_true, "PUT {lines:?}");
            assert_eq!(read(&headers).is_ok(), is_true, "GET {lines:?}");
        }
    }

    #[test]
    fn change_with_malformed_tags_is_refused() {
        for value in
            ["", "abc", "*, \"x\"", "a,*,b", "\"abc", "\"a b\"", "x\"abc\"", "w/\"abc\"", ","]
        {
            let none_of = change(&[("if-none-match", value.as_bytes())]);
            assert!(matches!(none_of, Err(Error::InvalidHeader { .. })), "{value}");
            let one_of = change(&[("if-match", value.as_bytes())]);
            assert!(matches!(one_of, Err(Error::PreconditionFailed)), "{value}");
        }
        assert!(read(&[("if-match", b"abc")]).is_err());
        assert_eq!(read(&[("if-none-match", b"abc")]).unwrap(), Outcome::Send);
    }

    #[test]
    fn if_none_match_compares_every_tag_weakly() {
        for (value, matches) in [
            ("\"abc\"", true),
            ("W/\"abc\"", true),
            ("*", true),
            ("\"x\", W/\"abc\"", true),
            ("\"x\"", false),
            ("\"a,*,b\"", false),
        ] {
            let headers = [("if-none-match", value.as_bytes())];
            let expected = if matches { Outcome::NotModified } else { Outcome::Send };
            assert_eq!(read(&headers).unwrap(), expected, "{value}");
            assert_eq!(change(&headers).is_err(), matches, "{value}");
        }
    }

    #[test]
    fn dates_apply_in_the_absence_of_tags() {
        for (date, is_later) in [(OLD, false), (SAME, true), (LATER, true)] {
            let date = date.as_bytes();
            let outcome = read(&[("if-modified-since", date)]).unwrap();
            assert_eq!(outcome == Outcome::NotModified, is_later);
            assert_eq!(change(&[("if-unmodified-since", date)]).is_ok(), is_later);
            assert_eq!(read(&[("if-unmodified-since", date)]).is_ok(), is_later);
        }
        let later = LATER.as_bytes();
        let with_tag = read(&[("if-modified-since", later), ("if-none-match", b"\"x\"")]);
        assert_eq!(with_tag.unwrap(), Outcome::Send);
        let with_tag = change(&[("if-unmodified-since", OLD.as_bytes()), ("if-match", b"\"abc\"")]);
        assert!(with_tag.is_ok());
        for ignored in [&b"yesterday"[..], b"", b"1994-11-06"] {
            assert!(change(&[("if-unmodified-since", ignored)]).is_ok());
        }
        let old = OLD.as_bytes();
        assert!(change(&[("if-unmodified-since", old), ("if-unmodified-since", old)]).is_ok());
    }

    #[test]
    fn missing_representation_fails_if_match_only() {
        let check = |name: &str, value: &str| {
            let request = request(Method::PUT, &[(name, value.as_bytes())]);
            Conditions::of(&request).unwrap().check_change(None).is_ok()
        };
        assert!(!check("if-match", "*") && !check("if-match", "\"abc\""));
        assert!(check("if-none-match", "*") && check("if-unmodified-since", OLD));
    }

    #[test]
    fn range_applies_to_the_named_representation() {
        let allows = |lines: &[&str]| {
            let lines: Vec<_> = lines.iter().map(|line| ("if-range", line.as_bytes())).collect();
            current().allow_range(&request(Method::GET, &lines))
        };
        assert!(allows(&[]) && allows(&["\"abc\""]) && allows(&[SAME]));
        for other in
            [&["W/\"abc\""][..], &["\"x\""], &[OLD], &[LATER], &["abc"], &["\"abc\"", "\"abc\""]]
        {
            assert!(!allows(other), "{other:?}");
        }
    }
}
