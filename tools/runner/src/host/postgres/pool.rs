//! Pools of connections, one for each address.

use anyhow::{Context as _, Result};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::NoTls;
use tokio_postgres::config::{Config, SslMode};

use super::client::Client;
use super::tls::{self, RootCertificate};

/// The most connections of a pool.
const POOL_SIZE: usize = 64;
/// The most pools that are kept; a further one ends the least used.
const MAX_POOLS: u64 = 16;

/// The pools of one component, by address and root certificate.
pub(super) struct Pools(moka::sync::Cache<(String, Option<RootCertificate>), Pool>);

impl Default for Pools {
    fn default() -> Self {
        Self(moka::sync::Cache::new(MAX_POOLS))
    }
}

impl Pools {
    /// A connection to `address`, whose server may also have a certificate that
    /// `root` signed.
    pub(super) async fn client(
        &self,
        address: &str,
        root: Option<RootCertificate>,
    ) -> Result<Client> {
        let key = (address.to_owned(), root);
        let pool = self
            .0
            .try_get_with_by_ref(&key, || new_pool(address, key.1.as_ref()))
            .map_err(|error| anyhow::anyhow!("{error:#}"))
            .context("establishing PostgreSQL connection pool")?;
        Ok(Client::new(pool.get().await?))
    }
}

fn new_pool(address: &str, root: Option<&RootCertificate>) -> Result<Pool> {
    let config: Config = address.parse().context("parsing Postgres connection string")?;
    let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Clean };
    let manager = if config.get_ssl_mode() == SslMode::Disable {
        Manager::from_config(config, NoTls, manager_config)
    } else {
        Manager::from_config(config, tls::connector(root)?, manager_config)
    };
    Ok(Pool::builder(manager).max_size(POOL_SIZE).build()?)
}
