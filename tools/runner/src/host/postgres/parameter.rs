//! Conversion of values for PostgreSQL.

use anyhow::{Context as _, Result};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::range;
use super::scalar::{Interval, Null};
use crate::bindings::postgres::ParameterValue;

pub(super) type Parameter = Box<dyn ToSql + Send + Sync>;

/// Converts `values`. The error is returned to the guest.
pub(super) fn convert(values: &[ParameterValue]) -> Result<Vec<Parameter>, String> {
    values.iter().map(|value| parameter(value).map_err(|error| format!("{error:?}"))).collect()
}

fn parameter(value: &ParameterValue) -> Result<Parameter> {
    Ok(match value {
        ParameterValue::Boolean(value) => Box::new(*value),
        // The type "char": PostgreSQL has no 8-bit integer.
        ParameterValue::Int8(value) => Box::new(*value),
        ParameterValue::Int16(value) => Box::new(*value),
        ParameterValue::Int32(value) => Box::new(*value),
        ParameterValue::Int64(value) => Box::new(*value),
        ParameterValue::Floating32(value) => Box::new(*value),
        ParameterValue::Floating64(value) => Box::new(*value),
        ParameterValue::Str(value) => Box::new(value.clone()),
        ParameterValue::Binary(value) => Box::new(value.clone()),
        ParameterValue::Date((year, month, day)) => Box::new(date(*year, *month, *day)?),
        ParameterValue::Time((hour, minute, second, nanos)) => {
            Box::new(time(*hour, *minute, *second, *nanos)?)
        }
        ParameterValue::Datetime((year, month, day, hour, minute, second, nanos)) => {
            let time = time(*hour, *minute, *second, *nanos)?;
            Box::new(NaiveDateTime::new(date(*year, *month, *day)?, time))
        }
        ParameterValue::Timestamp(seconds) => Box::new(timestamp(*seconds)?),
        ParameterValue::Uuid(value) => {
            Box::new(Uuid::parse_str(value).with_context(|| format!("invalid UUID {value}"))?)
        }
        ParameterValue::Jsonb(value) => Box::new(json(value)?),
        ParameterValue::Decimal(value) => Box::new(range::decimal(value)?),
        ParameterValue::RangeInt32(value) => Box::new(range::from_wit(*value)),
        ParameterValue::RangeInt64(value) => Box::new(range::from_wit(*value)),
        ParameterValue::RangeDecimal(value) => Box::new(range::decimals_from_wit(value)?),
        ParameterValue::ArrayInt32(values) => Box::new(values.clone()),
        ParameterValue::ArrayInt64(values) => Box::new(values.clone()),
        ParameterValue::ArrayDecimal(values) => {
            let parse = |value: &Option<String>| value.as_deref().map(range::decimal).transpose();
            Box::new(values.iter().map(parse).collect::<Result<Vec<_>>>()?)
        }
        ParameterValue::ArrayStr(values) => Box::new(values.clone()),
        ParameterValue::Interval(value) => Box::new(Interval(*value)),
        ParameterValue::DbNull => Box::new(Null),
    })
}

fn date(year: i32, month: u8, day: u8) -> Result<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month.into(), day.into())
        .with_context(|| format!("invalid date y={year}, m={month}, d={day}"))
}

fn time(hour: u8, minute: u8, second: u8, nanos: u32) -> Result<NaiveTime> {
    NaiveTime::from_hms_nano_opt(hour.into(), minute.into(), second.into(), nanos)
        .with_context(|| format!("invalid time {hour}:{minute}:{second}:{nanos}"))
}

fn timestamp(seconds: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0)
        .with_context(|| format!("invalid epoch timestamp {seconds}"))
}

fn json(bytes: &[u8]) -> Result<serde_json::Value> {
    serde_json::from_slice(bytes)
        .with_context(|| format!("invalid JSON {}", String::from_utf8_lossy(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_postgres::types::Type;

    fn fits(value: ParameterValue, ty: &Type) -> bool {
        let parameters = convert(&[value]).unwrap();
        parameters[0].to_sql_checked(ty, &mut bytes::BytesMut::new()).is_ok()
    }

    #[test]
    fn value_fits_only_its_type() {
        use ParameterValue as P;
        for (value, ty) in [
            (P::Boolean(true), Type::BOOL),
            (P::Int8(1), Type::CHAR),
            (P::Int16(1), Type::INT2),
            (P::Int32(1), Type::INT4),
            (P::Int64(1), Type::INT8),
            (P::Floating32(1.0), Type::FLOAT4),
            (P::Floating64(1.0), Type::FLOAT8),
            (P::Str(String::new()), Type::VARCHAR),
            (P::Binary(vec![]), Type::BYTEA),
            (P::Date((2026, 1, 31)), Type::DATE),
            (P::Time((1, 2, 3, 4)), Type::TIME),
            (P::Datetime((2026, 1, 31, 1, 2, 3, 4)), Type::TIMESTAMP),
            (P::Timestamp(0), Type::TIMESTAMPTZ),
            (P::Uuid("00000000-0000-0000-0000-000000000000".to_owned()), Type::UUID),
            (P::Jsonb(b"{}".to_vec()), Type::JSONB),
            (P::Decimal("1.5".to_owned()), Type::NUMERIC),
            (P::RangeInt32((None, None)), Type::INT4_RANGE),
            (P::RangeInt64((None, None)), Type::INT8_RANGE),
            (P::RangeDecimal((None, None)), Type::NUM_RANGE),
            (P::ArrayInt32(vec![None, Some(1)]), Type::INT4_ARRAY),
            (P::ArrayInt64(vec![]), Type::INT8_ARRAY),
            (P::ArrayDecimal(vec![Some("1".to_owned())]), Type::NUMERIC_ARRAY),
            (P::ArrayStr(vec![Some(String::new())]), Type::TEXT_ARRAY),
            (
                P::Interval(crate::bindings::postgres::Interval { micros: 0, days: 0, months: 0 }),
                Type::INTERVAL,
            ),
        ] {
            assert!(fits(value.clone(), &ty), "{value:?} {ty}");
            assert!(!fits(value.clone(), &Type::POINT), "{value:?}");
        }
        assert!(!fits(P::Int32(1), &Type::INT8));
        assert!(!fits(P::Int64(1), &Type::INT4));
        assert!(!fits(P::Str(String::new()), &Type::UUID));
        assert!(!fits(P::Datetime((2026, 1, 31, 1, 2, 3, 4)), &Type::TIMESTAMPTZ));
        assert!(!fits(P::Timestamp(0), &Type::TIMESTAMP));
    }

    #[test]
    fn null_fits_every_type() {
        for ty in [Type::BOOL, Type::UUID, Type::POINT, Type::INT4_ARRAY] {
            assert!(fits(ParameterValue::DbNull, &ty));
        }
    }

    #[test]
    fn malformed_values_are_refused() {
        use ParameterValue as P;
        for value in [
            P::Date((2026, 2, 29)),
            P::Time((24, 0, 0, 0)),
            P::Datetime((2026, 13, 1, 0, 0, 0, 0)),
            P::Timestamp(i64::MAX),
            P::Uuid("x".to_owned()),
            P::Jsonb(b"{".to_vec()),
            P::Decimal("x".to_owned()),
            P::ArrayDecimal(vec![Some("x".to_owned())]),
        ] {
            assert!(convert(std::slice::from_ref(&value)).is_err(), "{value:?}");
        }
    }
}
