//! Exact parsing of JSON numbers.

use serde_json::Number;

/// The maximum number of digits before the decimal point in PostgreSQL's `numeric`.
const MAX_INTEGER_DIGITS: i64 = 131_072;
/// The maximum number of digits after the decimal point in PostgreSQL's `numeric`.
const MAX_FRACTION_DIGITS: i64 = 16_383;

/// A number as significant digits and a power of ten.
struct Decimal {
    is_negative: bool,
    /// The digits without leading and trailing zeros; empty for zero.
    digits: String,
    exponent: i64,
    /// The number of digits after the decimal point, including trailing zeros.
    fraction_digits: i64,
}

impl Decimal {
    /// Parses a JSON number. Returns `None` if the exponent is out of range.
    fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let unsigned = mantissa.trim_start_matches('-');
        let (integer, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let fraction_digits = i64::try_from(fraction.len()).ok()? - i64::from(exponent);
        let all = format!("{integer}{fraction}");
        let without_end = all.trim_end_matches('0');
        let removed = i64::try_from(all.len() - without_end.len()).ok()?;
        Some(Self {
            is_negative: mantissa.starts_with('-'),
            digits: without_end.trim_start_matches('0').to_owned(),
            exponent: removed - fraction_digits,
            fraction_digits,
        })
    }

    /// Returns the number if it is a 64-bit integer.
    fn integer(&self) -> Option<Number> {
        if self.digits.is_empty() {
            return Some(Number::from(0));
        }
        let exponent = u32::try_from(self.exponent).ok().filter(|exponent| *exponent < 20)?;
        let number = self.digits.parse::<i128>().ok()?.checked_mul(10_i128.pow(exponent))?;
        let number = if self.is_negative { -number } else { number };
        i64::try_from(number)
            .map(Number::from)
            .or_else(|_| u64::try_from(number).map(Number::from))
            .ok()
    }
}

/// Parses a number as a 64-bit integer if possible, otherwise as the nearest `f64`. `2.0` is an integer (JSON Schema
/// 2020-12, section 4.2.3). Returns `None` if the number is out of the range of `f64`, because most JSON parsers would
/// refuse a whole response that repeats such a number (RFC 8259, section 6).
pub(super) fn read(text: &str) -> Option<Number> {
    if let Some(integer) = Decimal::parse(text).and_then(|decimal| decimal.integer()) {
        return Some(integer);
    }
    // Beyond 64 bits, the nearest `f64` may be an integer, which is equally exact. Within 64 bits, a fraction close to
    // an integer must not become that integer.
    let nearest = text.parse::<f64>().ok()?;
    let is_rounded = nearest.fract() == 0.0 && nearest.abs() < 1e16;
    Number::from_f64(if is_rounded { nearest + 0.5 } else { nearest })
}

/// Returns whether PostgreSQL can store a number in `jsonb`.
pub(super) fn is_storable(text: &str) -> bool {
    Decimal::parse(text).is_some_and(|decimal| {
        let digits = i64::try_from(decimal.digits.len()).unwrap_or(i64::MAX);
        decimal.exponent.saturating_add(digits) <= MAX_INTEGER_DIGITS
            && decimal.fraction_digits <= MAX_FRACTION_DIGITS
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn integers_are_recognised_in_any_notation() {
        for (text, expected) in [
            ("2", json!(2)),
            ("2.0", json!(2)),
            ("-2.000", json!(-2)),
            ("1e3", json!(1_000)),
            ("120E-1", json!(12)),
            ("-0.0", json!(0)),
            ("0e99", json!(0)),
            ("9007199254740993.0", json!(9_007_199_254_740_993_i64)),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
        ] {
            assert_eq!(read(text).map(Value::Number), Some(expected), "{text}");
        }
    }

    #[test]
    fn fractions_are_not_integers() {
        for text in ["2.5", "1e-1", "1e-400", "1.00000000000000000000001", "-1.0000000000000000001"]
        {
            let number = read(text).unwrap();
            assert!(number.is_f64(), "{text}: {number}");
            assert_ne!(number.as_f64().map(f64::fract), Some(0.0), "{text}: {number}");
        }
        for text in ["1e400", "-1e400", "1e99999999999"] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn numbers_that_jsonb_holds_are_storable() {
        for text in ["0", "-0.0", "1.7976931348623157e308", "5e-324", "1e131071", "1e-16383"] {
            assert!(is_storable(text), "{text}");
        }
        for text in ["1e131072", "1e-16384", "1.0e-16383", "1e2147483648", "0e-99999"] {
            assert!(!is_storable(text), "{text}");
        }
    }
}
