//! A session with the account of the service in the database of a tenant. It runs no code of the application.

use std::time::Duration;

use anyhow::{Result, bail};
use platform::sql::LOCK_TIMEOUT;
use tenancy::secret::Secret;
use tokio_postgres::Client;

use crate::postgres::{Limits, Sum, gave_way, session, sums};

/// The attempts to lock the tables. While an attempt waits for a long statement, other writes wait behind it.
const LOCK_ATTEMPTS: u32 = 20;
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// A session.
pub struct Session(Client);

impl Session {
    /// Opens a session without the account's time limits.
    pub async fn open(url: &Secret) -> Result<Self> {
        Ok(Self(session(url, Limits::default()).await?))
    }

    /// Locks all tables against writes. Reads continue. The locks end with the session.
    ///
    /// # Errors
    /// Fails if a statement of the tenant holds a table for several seconds.
    pub async fn lock_tables(&self) -> Result<()> {
        let begin = format!("BEGIN; SET LOCAL lock_timeout = {}", LOCK_TIMEOUT.as_millis());
        for _ in 0..LOCK_ATTEMPTS {
            self.0.batch_execute(&begin).await?;
            let tables = self.tables().await?;
            let lock = format!("LOCK TABLE {} IN SHARE MODE", tables.join(", "));
            match self.0.batch_execute(&lock).await {
                Ok(()) => return Ok(()),
                // Transactions lock the tables in another order.
                Err(error) if gave_way(&error) => {
                    self.0.batch_execute("ROLLBACK").await?;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        bail!("a statement of the tenant holds a table: try again later")
    }

    /// Returns the quoted names of all tables with rows.
    async fn tables(&self) -> Result<Vec<String>> {
        let statement = "
            SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname IN ('tenancy', 'app') AND c.relkind = 'r' ORDER BY 1";
        let rows = self.0.query(statement, &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Returns the counts and digests of all tables and sequences.
    pub async fn sums(&self) -> Result<Vec<Sum>> {
        let mut all = sums(&self.0, "tenancy").await?;
        all.extend(sums(&self.0, "app").await?);
        Ok(all)
    }
}

/// Returns the name of a table or sequence that differs between two databases.
pub fn difference(one: &[Sum], other: &[Sum]) -> Option<String> {
    let is_in = |sum: &&Sum, sums: &[Sum]| sums.contains(sum);
    let missing = one.iter().find(|sum| !is_in(sum, other));
    missing.or_else(|| other.iter().find(|sum| !is_in(sum, one))).map(|sum| sum.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(parts: &[(&str, i64, &str)]) -> Vec<Sum> {
        let sum = |(name, rows, digest): &(&str, i64, &str)| Sum {
            name: (*name).to_owned(),
            rows: *rows,
            digest: (*digest).to_owned(),
        };
        parts.iter().map(sum).collect()
    }

    #[test]
    fn difference_names_the_table() {
        let source = sums(&[("a", 1, "7"), ("b", 0, "0")]);
        assert_eq!(difference(&source, &source), None);
        let named = |parts: &[(&str, i64, &str)]| difference(&source, &sums(parts)).unwrap();
        assert_eq!(named(&[("a", 1, "8"), ("b", 0, "0")]), "a");
        assert_eq!(named(&[("a", 1, "7")]), "b");
        assert_eq!(named(&[("a", 1, "7"), ("b", 0, "0"), ("c", 0, "0")]), "c");
    }
}
