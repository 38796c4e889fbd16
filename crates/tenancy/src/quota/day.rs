//! The days of counters.

use chrono::NaiveDate;

/// Returns the number of days since 1970-01-01, which is part of the names of counters.
pub(crate) fn day_number(day: NaiveDate) -> i64 {
    day.signed_duration_since(NaiveDate::default()).num_days()
}

/// Returns the day with a number.
pub(crate) fn day_of(number: i64) -> NaiveDate {
    NaiveDate::default() + chrono::TimeDelta::days(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_numbers_start_at_the_epoch() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
        assert_eq!(day_number(day), 20_781);
        assert_eq!(day_of(20_781), day);
    }
}
