//! Pools of connections, one for each address.

use anyhow::{Context as _, Result};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::NoTls;
use tokio_postgres::config::{Config, SslMode};

use super::client::Client;
use super::tls::{self, RootCertificate};

/// The maximum number of connections of a pool.
const POOL_SIZE: usize = 64;
/// The maximum number of pools. An additional pool closes the least used one.
const MAX_POOLS: u64 = 16;

/// The pools of one component, by address and root certificate.
pub(super) struct Pools(moka::sync::Cache<(String, Option<RootCertificate>), Pool>);

impl Default for Pools {
    fn default() -> Self {
        Self(moka::sync::Cache::new(MAX_POOLS))
    }
}

impl Pools {
    /// Returns a connection to `address`. The certificate of the server may also be signed by `root`.
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
