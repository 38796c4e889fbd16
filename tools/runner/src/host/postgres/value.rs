//! Conversion of values for a guest.

use anyhow::Result;
use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};
use postgres_range::Range;
use rust_decimal::Decimal;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

use super::range::{self, RangeDecimal};
use super::scalar::{Interval, Raw};
use crate::bindings::postgres::{self as wit, DbDataType, DbValue};

/// Returns the columns of `row`.
pub(super) fn columns(row: &Row) -> Vec<wit::Column> {
    row.columns()
        .iter()
        .map(|column| wit::Column {
            name: column.name().to_owned(),
            data_type: data_type(column.type_()),
        })
        .collect()
}

/// Returns the values of `row`. Fails on values that Spin cannot convert either, such as a `TIMESTAMPTZ`.
pub(super) fn row(row: &Row) -> Result<wit::Row> {
    (0..row.len()).map(|index| value(row, index)).collect()
}

fn data_type(ty: &Type) -> DbDataType {
    match *ty {
        Type::BOOL => DbDataType::Boolean,
        Type::BYTEA => DbDataType::Binary,
        Type::FLOAT4 => DbDataType::Floating32,
        Type::FLOAT8 => DbDataType::Floating64,
        Type::INT2 => DbDataType::Int16,
        Type::INT4 => DbDataType::Int32,
        Type::INT8 => DbDataType::Int64,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => DbDataType::Str,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => DbDataType::Datetime,
        Type::DATE => DbDataType::Date,
        Type::TIME => DbDataType::Time,
        Type::UUID => DbDataType::Uuid,
        Type::JSONB => DbDataType::Jsonb,
        Type::NUMERIC => DbDataType::Decimal,
        Type::INT4_RANGE => DbDataType::RangeInt32,
        Type::INT8_RANGE => DbDataType::RangeInt64,
        Type::NUM_RANGE => DbDataType::RangeDecimal,
        Type::INT4_ARRAY => DbDataType::ArrayInt32,
        Type::INT8_ARRAY => DbDataType::ArrayInt64,
        Type::NUMERIC_ARRAY => DbDataType::ArrayDecimal,
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY => DbDataType::ArrayStr,
        Type::INTERVAL => DbDataType::Interval,
        _ => DbDataType::Other(ty.name().to_owned()),
    }
}

fn value(row: &Row, index: usize) -> Result<DbValue> {
    let cell = Cell { row, index };
    match data_type(row.columns()[index].type_()) {
        DbDataType::Boolean => cell.read(DbValue::Boolean),
        DbDataType::Binary => cell.read(DbValue::Binary),
        DbDataType::Floating32 => cell.read(DbValue::Floating32),
        DbDataType::Floating64 => cell.read(DbValue::Floating64),
        DbDataType::Int16 => cell.read(DbValue::Int16),
        DbDataType::Int32 => cell.read(DbValue::Int32),
        DbDataType::Int64 => cell.read(DbValue::Int64),
        DbDataType::Str => cell.read(DbValue::Str),
        DbDataType::Datetime => cell.try_read(datetime),
        DbDataType::Date => cell.try_read(date),
        DbDataType::Time => cell.try_read(time),
        DbDataType::Uuid => cell.read(|uuid: Uuid| DbValue::Uuid(uuid.to_string())),
        DbDataType::Jsonb => {
            cell.try_read(|json: serde_json::Value| Ok(DbValue::Jsonb(serde_json::to_vec(&json)?)))
        }
        DbDataType::Decimal => cell.read(|number: Decimal| DbValue::Decimal(number.to_string())),
        DbDataType::RangeInt32 => {
            cell.read(|range: Range<i32>| DbValue::RangeInt32(range::to_wit(&range, |n| *n)))
        }
        DbDataType::RangeInt64 => {
            cell.read(|range: Range<i64>| DbValue::RangeInt64(range::to_wit(&range, |n| *n)))
        }
        DbDataType::RangeDecimal => cell.read(|range: Range<RangeDecimal>| {
            DbValue::RangeDecimal(range::to_wit(&range, |number| number.0.to_string()))
        }),
        DbDataType::ArrayInt32 => cell.read(DbValue::ArrayInt32),
        DbDataType::ArrayInt64 => cell.read(DbValue::ArrayInt64),
        DbDataType::ArrayDecimal => cell.read(|numbers: Vec<Option<Decimal>>| {
            let text = |number: Option<Decimal>| number.map(|number| number.to_string());
            DbValue::ArrayDecimal(numbers.into_iter().map(text).collect())
        }),
        DbDataType::ArrayStr => cell.read(DbValue::ArrayStr),
        DbDataType::Interval => cell.read(|interval: Interval| DbValue::Interval(interval.0)),
        DbDataType::Int8 | DbDataType::Timestamp | DbDataType::Other(_) => {
            cell.read(|raw: Raw| DbValue::Unsupported(raw.0))
        }
    }
}

/// Converts one value of a row.
struct Cell<'a> {
    row: &'a Row,
    index: usize,
}

impl<'a> Cell<'a> {
    fn read<T: FromSql<'a>>(&self, convert: impl FnOnce(T) -> DbValue) -> Result<DbValue> {
        self.try_read(|value| Ok(convert(value)))
    }

    fn try_read<T: FromSql<'a>>(
        &self,
        convert: impl FnOnce(T) -> Result<DbValue>,
    ) -> Result<DbValue> {
        match self.row.try_get::<_, Option<T>>(self.index)? {
            Some(value) => convert(value),
            None => Ok(DbValue::DbNull),
        }
    }
}

fn datetime(value: NaiveDateTime) -> Result<DbValue> {
    Ok(DbValue::Datetime((
        value.year(),
        value.month().try_into()?,
        value.day().try_into()?,
        value.hour().try_into()?,
        value.minute().try_into()?,
        value.second().try_into()?,
        value.nanosecond(),
    )))
}

fn date(value: NaiveDate) -> Result<DbValue> {
    Ok(DbValue::Date((value.year(), value.month().try_into()?, value.day().try_into()?)))
}

fn time(value: NaiveTime) -> Result<DbValue> {
    Ok(DbValue::Time((
        value.hour().try_into()?,
        value.minute().try_into()?,
        value.second().try_into()?,
        value.nanosecond(),
    )))
}

/// Returns the size of `value` in memory, with Spin's method of counting.
pub(super) fn size(value: &DbValue) -> usize {
    let text = |text: &Option<String>| size_of_val(text) + text.as_ref().map_or(0, String::len);
    size_of::<DbValue>()
        + match value {
            DbValue::Str(text) | DbValue::Uuid(text) | DbValue::Decimal(text) => text.len(),
            DbValue::Binary(bytes) | DbValue::Jsonb(bytes) | DbValue::Unsupported(bytes) => {
                bytes.len()
            }
            DbValue::ArrayInt32(values) => size_of_val(values.as_slice()),
            DbValue::ArrayInt64(values) => size_of_val(values.as_slice()),
            DbValue::ArrayStr(values) | DbValue::ArrayDecimal(values) => {
                values.iter().map(text).sum()
            }
            _ => 0,
        }
}
