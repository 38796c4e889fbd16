//! Ranges.

use std::error::Error;

use anyhow::{Context as _, Result};
use bytes::BytesMut;
use postgres_range::{BoundSided, BoundType, Normalizable, Range, RangeBound};
use rust_decimal::Decimal;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::bindings::postgres::RangeBoundKind;

/// The range type of a guest. As in Spin, an empty range has no bounds.
pub(super) type WitRange<T> = (Option<(T, RangeBoundKind)>, Option<(T, RangeBoundKind)>);

/// `NUMERIC` inside a range.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct RangeDecimal(pub(super) Decimal);

impl Normalizable for RangeDecimal {
    fn normalize<S: BoundSided>(bound: RangeBound<S, Self>) -> RangeBound<S, Self> {
        bound
    }
}

impl ToSql for RangeDecimal {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        <Decimal as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for RangeDecimal {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Decimal::from_sql(ty, raw).map(Self)
    }

    fn accepts(ty: &Type) -> bool {
        <Decimal as FromSql>::accepts(ty)
    }
}

/// Converts a range for a guest, and its values with `convert`.
pub(super) fn to_wit<T, U>(range: &Range<T>, convert: impl Fn(&T) -> U) -> WitRange<U>
where
    T: Normalizable + PartialOrd,
{
    let lower = range.lower().map(|bound| (convert(&bound.value), kind(bound.type_)));
    let upper = range.upper().map(|bound| (convert(&bound.value), kind(bound.type_)));
    (lower, upper)
}

/// Converts a range for PostgreSQL.
pub(super) fn from_wit<T: Normalizable + PartialOrd>((lower, upper): WitRange<T>) -> Range<T> {
    Range::new(lower.map(bound), upper.map(bound))
}

/// Converts a range of decimal numbers for PostgreSQL.
pub(super) fn decimals_from_wit((lower, upper): &WitRange<String>) -> Result<Range<RangeDecimal>> {
    let parse = |(text, kind): &(String, RangeBoundKind)| -> Result<_> {
        Ok((RangeDecimal(decimal(text)?), *kind))
    };
    let lower = lower.as_ref().map(parse).transpose()?;
    let upper = upper.as_ref().map(parse).transpose()?;
    Ok(from_wit((lower, upper)))
}

/// Parses a decimal number without loss of digits.
pub(super) fn decimal(text: &str) -> Result<Decimal> {
    Decimal::from_str_exact(text).with_context(|| format!("invalid decimal {text}"))
}

fn bound<S: BoundSided, T: PartialOrd>((value, kind): (T, RangeBoundKind)) -> RangeBound<S, T> {
    RangeBound::new(
        value,
        match kind {
            RangeBoundKind::Inclusive => BoundType::Inclusive,
            RangeBoundKind::Exclusive => BoundType::Exclusive,
        },
    )
}

fn kind(bound: BoundType) -> RangeBoundKind {
    match bound {
        BoundType::Inclusive => RangeBoundKind::Inclusive,
        BoundType::Exclusive => RangeBoundKind::Exclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_round_trip() {
        let range = (
            Some(("1.50".to_owned(), RangeBoundKind::Exclusive)),
            Some(("2.0".to_owned(), RangeBoundKind::Inclusive)),
        );
        let read = to_wit(&decimals_from_wit(&range).unwrap(), |value| value.0.to_string());
        assert_eq!(format!("{read:?}"), format!("{range:?}"));
        let open = to_wit(&decimals_from_wit(&(None, None)).unwrap(), |value| value.0.to_string());
        assert!(matches!(open, (None, None)));
    }

    #[test]
    fn invalid_decimal_is_refused() {
        assert!(decimal("1.5").is_ok());
        for text in ["", "x", "1e5", "0.12345678901234567890123456789012"] {
            assert!(decimal(text).is_err(), "{text}");
        }
    }
}
