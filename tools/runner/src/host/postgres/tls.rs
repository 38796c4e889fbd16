//! TLS to PostgreSQL.
//!
//! Spin uses the TLS library of the system. The runner uses rustls, which needs no library and trusts the same
//! certificates of the system.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A trusted certificate in addition to the certificates of the system.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct RootCertificate(CertificateDer<'static>);

impl RootCertificate {
    /// Reads the first certificate of a PEM text.
    pub(super) fn parse(pem: &str) -> Result<Self> {
        Ok(Self(CertificateDer::from_pem_slice(pem.as_bytes())?))
    }
}

/// Creates a connector for TLS that also trusts `root`.
pub(super) fn connector(root: Option<&RootCertificate>) -> Result<MakeRustlsConnect> {
    let mut roots = RootCertStore::empty();
    // Unreadable certificates are not trusted.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(RootCertificate(root)) = root {
        roots.add(root.clone()).context("invalid root certificate")?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
