//! Long work on the databases of tenants: the programs of PostgreSQL, sessions without short limits, and digests of the
//! content.

pub mod programs;
mod session;

pub use session::{Limits, Sum, gave_way, server_version, session, sums};
