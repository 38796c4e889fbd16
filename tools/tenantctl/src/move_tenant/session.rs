//! A session with the account of the service in the database of a tenant. It runs no code of the application.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, bail};
use platform::native::NativeSql;
use tenancy::secret::Secret;
use tokio_postgres::{Client, error::SqlState};

/// The attempts to lock the tables. While an attempt waits for a long statement, other writes wait behind it.
const LOCK_ATTEMPTS: u32 = 10;
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// A session.
pub struct Session(Client);

impl Session {
    /// Opens a session without the account's time limits. Values have the same text form on every server.
    pub async fn open(url: &Secret) -> Result<Self> {
        let client = NativeSql::default().session(url.expose()).await?;
        let settings = "SET statement_timeout = 0;
                        SET idle_in_transaction_session_timeout = 0;
                        SET idle_session_timeout = 0;
                        SET search_path = pg_catalog;
                        SET row_security = off;
                        SET TimeZone = 'UTC';
                        SET DateStyle = 'ISO, MDY';
                        SET IntervalStyle = 'postgres';
                        SET bytea_output = 'hex';
                        SET extra_float_digits = 1;
                        SET lc_monetary = 'C'";
        client.batch_execute(settings).await?;
        Ok(Self(client))
    }

    /// Locks all tables against writes. Reads continue. The locks end with the session.
    ///
    /// # Errors
    /// Fails if a statement of the tenant holds a table for several seconds.
    pub async fn lock_tables(&self) -> Result<()> {
        for _ in 0..LOCK_ATTEMPTS {
            self.0.batch_execute("BEGIN; SET LOCAL lock_timeout = '2s'").await?;
            let tables = self.tables().await?;
            let lock = format!("LOCK TABLE {} IN SHARE MODE", tables.join(", "));
            match self.0.batch_execute(&lock).await {
                Ok(()) => return Ok(()),
                Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
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

    /// Returns the number and a hash of the rows of each table, and the values of all sequences.
    pub async fn fingerprint(&self) -> Result<Fingerprint> {
        let mut parts = BTreeMap::new();
        for table in self.tables().await? {
            let statement = format!(
                "SELECT count(*)::text || ' rows, ' || COALESCE(sum(hashtextextended(t::text, 0)), 0)::text
                 FROM ONLY {table} t"
            );
            let row = self.0.query_one(&statement, &[]).await.with_context(|| table.clone())?;
            parts.insert(table, row.get(0));
        }
        let statement = "
            SELECT format('%I.%I', schemaname, sequencename), COALESCE(last_value::text, 'none') FROM pg_sequences
            WHERE schemaname IN ('tenancy', 'app')";
        for row in self.0.query(statement, &[]).await? {
            parts.insert(format!("sequence {}", row.get::<_, String>(0)), row.get(1));
        }
        Ok(Fingerprint(parts))
    }
}

/// The content of a database, in a form to compare.
#[derive(Debug, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<String, String>);

impl Fingerprint {
    /// Returns the first difference, without values of the tenant.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let names = self.0.keys().chain(other.0.keys());
        names.into_iter().find(|name| self.0.get(*name) != other.0.get(*name)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(parts: &[(&str, &str)]) -> Fingerprint {
        Fingerprint(
            parts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn difference_names_the_table() {
        let source = fingerprint(&[("a", "1 rows, 7"), ("b", "0 rows, 0")]);
        assert_eq!(
            source.difference(&fingerprint(&[("a", "1 rows, 7"), ("b", "0 rows, 0")])),
            None
        );
        let named = |parts: &[(&str, &str)]| source.difference(&fingerprint(parts)).unwrap();
        assert_eq!(named(&[("a", "1 rows, 8"), ("b", "0 rows, 0")]), "a");
        assert_eq!(named(&[("a", "1 rows, 7")]), "b");
        assert_eq!(named(&[("a", "1 rows, 7"), ("b", "0 rows, 0"), ("c", "0 rows, 0")]), "c");
    }
}
