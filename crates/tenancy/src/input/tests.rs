use chrono::{DateTime, Utc};

use super::*;
use crate::{
    error::{Error, Result},
    fields,
};

fields! {
    #[derive(Debug)]
    struct Example {
        name: String,
        count: u32 = 7,
        note: Option<String>,
    }
}

fn read(json: &str) -> Result<Example> {
    Example::from_object(crate::json::parse_object(json.as_bytes())?)
}

fn mistakes(result: Result<Example>) -> Vec<(String, String)> {
    match result {
        Err(Error::InvalidFields(fields)) => {
            fields.into_iter().map(|field| (field.field, field.message)).collect()
        }
        other => panic!("expected invalid fields, not {other:?}"),
    }
}

#[test]
fn absent_fields_take_their_default() {
    let example = read(r#"{"name": "a", "note": null}"#).unwrap();
    assert_eq!((example.name.as_str(), example.count, example.note), ("a", 7, None));
}

#[test]
fn all_invalid_fields_are_reported_together() {
    let found = mistakes(read(r#"{"count": "x", "note": "a\u0000b", "other": 1}"#));
    let expected = [
        ("name", "is required"),
        ("count", "must be a whole number, 0 or more"),
        ("note", "must not contain NUL"),
        ("other", "is not a field of this request"),
    ];
    assert_eq!(found, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
}

#[test]
fn times_stay_within_rfc_3339_after_the_offset() {
    let parse = |text: &str| <DateTime<Utc> as Text>::parse(text);
    for text in ["9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01", "10000-01-01T00:00:00Z"]
    {
        assert!(parse(text).is_err(), "{text}");
    }
    for (text, expected) in [
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"),
        ("9999-12-31T23:59:59+14:00", "9999-12-31T09:59:59+00:00"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00+00:00"),
        ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00+00:00"),
    ] {
        assert_eq!(parse(text).map(|time| time.to_rfc3339()), Ok(expected.to_owned()), "{text}");
    }
}

#[test]
fn integers_are_accepted_in_any_notation() {
    for count in ["2", "2.0", "20e-1"] {
        let example = read(&format!(r#"{{"name": "a", "count": {count}}}"#)).unwrap();
        assert_eq!(example.count, 2, "{count}");
    }
    for count in ["2.5", "1e300", "-1.0", "1.00000000000000000000001", "\"2\""] {
        let read = read(&format!(r#"{{"name": "a", "count": {count}}}"#));
        assert_eq!(mistakes(read)[0].0, "count", "{count}");
    }
}

#[test]
fn tuple_has_the_fields_of_all_its_types() {
    fields! {
        struct Other {
            size: u32,
        }
    }
    let read = |query| <(Example, Other)>::from_fields(Fields::from_query(query).unwrap());
    let (example, other) = read("size=3&name=a").unwrap();
    assert_eq!((example.name.as_str(), example.count, other.size), ("a", 7, 3));
    let Err(Error::InvalidFields(invalid)) = read("count=x&more=1") else { panic!("is valid") };
    let names: Vec<_> = invalid.iter().map(|field| field.field.as_str()).collect();
    assert_eq!(names, ["name", "count", "size", "more"]);
}

#[test]
fn query_parameters_are_texts() {
    let fields = Fields::from_query("name=a+b&count=3").unwrap();
    let example = Example::from_fields(fields).unwrap();
    assert_eq!((example.name.as_str(), example.count), ("a b", 3));
    for query in ["name=a&name=b", "name=%ff", "%c3=1"] {
        assert!(Fields::from_query(query).is_err(), "{query}");
    }
}
