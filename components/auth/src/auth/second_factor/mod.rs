//! `/api/v1/auth/second-factor`

pub mod answer;
pub mod enroll;
