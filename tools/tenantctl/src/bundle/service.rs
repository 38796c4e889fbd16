//! The files of tenants: the running service reaches their chunks in its key-value store, and this program calls it.

use std::{io::Read as _, time::Duration};

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use tenancy::{
    secret::Secret,
    settings::Settings,
    storage::sealed_chunk::{ChunkPlace, MOST_SEALED_BYTES},
};
use url::Url;
use uuid::Uuid;

/// The time limit of one call.
const DEADLINE: Duration = Duration::from_mins(1);
/// The number of attempts of a call while the service is unavailable.
const ATTEMPTS: u32 = 5;

/// The option with the address of the service.
#[derive(Debug, Clone, clap::Args)]
pub struct Service {
    /// The URL of the running service, such as <https://tenancy.example>. It is needed for tenants that have files, and
    /// is called with `ADMIN_API_KEY`.
    #[arg(long = "service", value_name = "URL", env = "SERVICE_URL")]
    url: Option<Url>,
}

/// A source and a destination of sealed chunks.
#[async_trait(?Send)]
pub trait Chunks {
    /// Returns a sealed chunk; `None` if it is missing.
    async fn get(&self, tenant: Uuid, file: Uuid, index: u64) -> Result<Option<Vec<u8>>>;

    /// Stores a sealed chunk.
    async fn put(&self, tenant: Uuid, place: ChunkPlace, sealed: &[u8]) -> Result<()>;
}

/// The service.
pub struct Client {
    url: Option<Url>,
    key: Secret,
    agent: ureq::Agent,
}

impl Service {
    /// Returns a client of the service.
    ///
    /// # Errors
    /// The URL is not an HTTP URL.
    pub fn client(&self, settings: &Settings) -> Result<Client> {
        if self.url.as_ref().is_some_and(|url| !matches!(url.scheme(), "http" | "https")) {
            bail!("--service must be an http or https URL");
        }
        let key = settings.admin_api_keys.first().context("ADMIN_API_KEY is required")?.clone();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A redirect to another host would receive the key.
            .max_redirects(0)
            .timeout_global(Some(DEADLINE))
            .build()
            .into();
        Ok(Client { url: self.url.clone(), key, agent })
    }
}

impl Client {
    fn url(&self, tenant: Uuid, file: Uuid, index: u64) -> Result<Url> {
        let base = self.url.as_ref().context(
            "the tenant has files, and only the running service reaches them; state its address with --service",
        )?;
        let mut url = base.clone();
        let path = format!("admin/tenants/{tenant}/files/{file}/chunks/{index}");
        url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
        Ok(url)
    }

    /// Sends a request until the service is available. Returns the status and the body.
    fn send(&self, url: &Url, body: Option<&[u8]>) -> Result<(u16, Vec<u8>)> {
        let authorization = format!("Bearer {}", self.key.expose());
        for attempt in 1.. {
            let sent = match body {
                None => self.agent.get(url.as_str()).header("authorization", &authorization).call(),
                Some(body) => self
                    .agent
                    .put(url.as_str())
                    .header("authorization", &authorization)
                    .header("content-type", "application/octet-stream")
                    .send(body),
            };
            let outcome = sent.map_err(anyhow::Error::from).and_then(|mut response| {
                let mut bytes = Vec::new();
                let most = u64::try_from(MOST_SEALED_BYTES)? + 1;
                response.body_mut().as_reader().take(most).read_to_end(&mut bytes)?;
                Ok((response.status().as_u16(), bytes))
            });
            match outcome {
                Ok((status, bytes)) if status != 503 && status != 429 => {
                    return Ok((status, bytes));
                }
                _ if attempt < ATTEMPTS => {
                    std::thread::sleep(Duration::from_millis(200) * 2_u32.pow(attempt));
                }
                Ok((status, _)) => bail!("the service at {url} is unavailable (status {status})"),
                Err(error) => return Err(error.context(format!("the service at {url}"))),
            }
        }
        bail!("the service at {url} is unavailable")
    }
}

/// Returns the error for a status that the routes do not have.
fn refused(url: &Url, status: u16, body: &[u8]) -> anyhow::Error {
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or("no details").to_owned();
    anyhow::anyhow!("the service at {url} responded with {status}: {detail}")
}

#[async_trait(?Send)]
impl Chunks for Client {
    async fn get(&self, tenant: Uuid, file: Uuid, index: u64) -> Result<Option<Vec<u8>>> {
        let url = self.url(tenant, file, index)?;
        match self.send(&url, None)? {
            (200, bytes) => Ok(Some(bytes)),
            (404, body) if is_missing_file(&body) => Ok(None),
            (status, body) => Err(refused(&url, status, &body)),
        }
    }

    async fn put(&self, tenant: Uuid, place: ChunkPlace, sealed: &[u8]) -> Result<()> {
        let mut url = self.url(tenant, place.file, place.index)?;
        url.query_pairs_mut()
            .append_pair("key_number", &place.key_number.to_string())
            .append_pair("is_last", &place.is_last.to_string());
        match self.send(&url, Some(sealed))? {
            (204, _) => Ok(()),
            (status, body) => Err(refused(&url, status, &body)),
        }
    }
}

/// Returns whether the service, and not a proxy or an older release, reports that a chunk is missing.
fn is_missing_file(body: &[u8]) -> bool {
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    problem["code"] == "file_not_found"
}
