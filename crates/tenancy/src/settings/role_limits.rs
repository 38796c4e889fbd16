//! The limits of tenants' PostgreSQL roles.

/// The limits of each tenant's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleLimits {
    /// The maximum number of concurrent connections of the role.
    pub connections: u32,
    /// Seconds after which a statement is cancelled.
    pub statement_seconds: u32,
    /// Seconds after which a statement stops waiting for a lock.
    pub lock_seconds: u32,
    /// Seconds after which an idle connection is closed.
    pub idle_seconds: u32,
    /// The maximum size of temporary files of a connection, in MiB.
    pub temp_file_mebibytes: u32,
}
