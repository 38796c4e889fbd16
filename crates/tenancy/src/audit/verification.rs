//! The result of a verification.

use serde::Serialize;
use utoipa::ToSchema;

/// The result of verifying a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Verification {
    /// Whether every row is present, in its place and unchanged.
    pub valid: bool,
    /// The number of valid rows.
    pub verified: i64,
    /// The row after which the verification began, if older rows were dropped.
    pub anchor: Option<Link>,
    /// The row after which the verification began, if an earlier verification found all rows up to it unchanged. Trails
    /// of up to 10,000 rows are always verified from their beginning, and longer ones with `full=true`.
    pub checkpoint: Option<Link>,
    /// The last row that a former master key may have chained. The rows up to it are verified by a digest, which
    /// `tenantctl reseal` has sealed with the current key.
    pub vouched: Option<Link>,
    /// Whether the verification reached the end. A long trail takes several calls: the next call continues from here.
    pub complete: bool,
    /// The end of the chain. Store it: if a later trail does not contain it, rows were removed.
    pub head: Option<Link>,
    /// The first place with an error.
    pub broken_at: Option<i64>,
    /// The error at that place.
    pub reason: Option<&'static str>,
}

/// A row of a chain, identified by its place and its MAC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Link {
    /// The place, starting from 1.
    pub sequence: i64,
    /// The MAC of the row and of all previous rows, in hexadecimal.
    pub mac: String,
}

/// The part of a chain to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The whole chain.
    Full,
    /// A long chain from its last checkpoint, for a limited time.
    SinceCheckpoint,
}
