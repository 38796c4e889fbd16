//! Types of PostgreSQL and the guest interface that Rust does not have.

use std::error::Error;

use bytes::{Buf as _, BufMut as _, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::bindings::postgres as wit;

/// `INTERVAL`
#[derive(Debug)]
pub(super) struct Interval(pub(super) wit::Interval);

impl ToSql for Interval {
    fn to_sql(
        &self,
        _ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_i64(self.0.micros);
        out.put_i32(self.0.days);
        out.put_i32(self.0.months);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::INTERVAL
    }

    to_sql_checked!();
}

impl FromSql<'_> for Interval {
    fn from_sql(_ty: &Type, mut raw: &[u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let interval = wit::Interval {
            micros: raw.try_get_i64()?,
            days: raw.try_get_i32()?,
            months: raw.try_get_i32()?,
        };
        if raw.is_empty() {
            Ok(Self(interval))
        } else {
            Err("unexpected binary format for Postgres INTERVAL".into())
        }
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::INTERVAL
    }
}

/// NULL for any requested type.
#[derive(Debug)]
pub(super) struct Null;

impl ToSql for Null {
    fn to_sql(
        &self,
        _ty: &Type,
        _out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        Ok(IsNull::Yes)
    }

    fn accepts(_ty: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// The bytes of a value with a type that a guest cannot read.
pub(super) struct Raw(pub(super) Vec<u8>);

impl FromSql<'_> for Raw {
    fn from_sql(_ty: &Type, raw: &[u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw.to_owned()))
    }

    fn accepts(_ty: &Type) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_round_trips() {
        let interval = wit::Interval { micros: -1, days: 2, months: -3 };
        let mut bytes = BytesMut::new();
        Interval(interval).to_sql_checked(&Type::INTERVAL, &mut bytes).unwrap();
        let Interval(read) = Interval::from_sql(&Type::INTERVAL, &bytes).unwrap();
        assert_eq!((read.micros, read.days, read.months), (-1, 2, -3));
        assert!(Interval::from_sql(&Type::INTERVAL, &bytes[1..]).is_err());
        bytes.put_u8(0);
        assert!(Interval::from_sql(&Type::INTERVAL, &bytes).is_err());
    }
}
