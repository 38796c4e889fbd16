//! TLS of a native program: the modes of PostgreSQL, and the certificates that it trusts.
//!
//! A mode is never more lenient than on Spin: `prefer` and `require` verify the certificate and the name of the server,
//! like Spin does, while libpq verifies neither without a root certificate.

use std::{fs, path::Path, sync::Arc};

use percent_encoding::percent_decode_str;
use redis::{Client, TlsCertificates};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as RustlsError, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio_postgres::config::{Config, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The maximum size of a file with root certificates, in bytes.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// The reason why TLS cannot be used as requested. The text is a phrase that follows the name of a setting.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

/// The parsed address of a PostgreSQL database.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

/// Checks the address of a PostgreSQL database, without a connection: its options, its TLS mode and the file with root
/// certificates. `roots` is the file for addresses without `sslrootcert`.
///
/// # Errors
/// The option that is invalid or not supported.
pub fn check_postgres(address: &str, roots: Option<&Path>) -> Result<(), TlsError> {
    Target::parse(address, roots).map(drop)
}

/// Checks the address of Redis, without a connection. `roots` is the file with root certificates for `rediss://`.
///
/// # Errors
/// The part that is invalid or not supported.
pub fn check_redis(address: &str, roots: Option<&Path>) -> Result<(), TlsError> {
    // The name `insecure` turns the verification of the certificate off.
    if address.starts_with("rediss://") && address.ends_with("#insecure") {
        return Err(TlsError("must not turn the verification of the certificate off".to_owned()));
    }
    redis_client(address, roots).map(drop)
}

/// Creates the client for an address of Redis.
pub(super) fn redis_client(address: &str, roots: Option<&Path>) -> Result<Client, TlsError> {
    let invalid = |error: redis::RedisError| TlsError(format!("is invalid: {error}"));
    if !address.starts_with("rediss://") {
        return Client::open(address).map_err(invalid);
    }
    let root_cert = roots.map(read_file).transpose()?;
    // The crate ignores a file without a certificate.
    if let Some(pem) = &root_cert {
        parse_roots(pem)?;
    }
    Client::build_with_tls(address, TlsCertificates { client_tls: None, root_cert })
        .map_err(invalid)
}

impl Target {
    /// Parses a `postgres://` URL. tokio-postgres does not know `sslrootcert`, `verify-ca` and `verify-full`.
    pub(super) fn parse(address: &str, roots: Option<&Path>) -> Result<Self, TlsError> {
        let (base, query) = address.split_once('?').unwrap_or((address, ""));
        let (mut mode, mut file, mut others) = ("prefer".to_owned(), None, Vec::new());
        for option in query.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "sslmode" => mode = value,
                "sslrootcert" => file = Some(value),
                "sslcert" | "sslkey" | "sslcrl" | "sslpassword" => {
                    return Err(TlsError(format!(
                        "has the option {name}, which is not supported. Use a password"
                    )));
                }
                _ => others.push(option),
            }
        }
        let base = if others.is_empty() {
            base.to_owned()
        } else {
            format!("{base}?{}", others.join("&"))
        };
        let mut config: Config = base.parse().map_err(|error: tokio_postgres::Error| {
            TlsError(format!("is invalid: {}", reason(&error)))
        })?;
        let (mode, checks_name) = match mode.as_str() {
            "disable" => (SslMode::Disable, true),
            "prefer" => (SslMode::Prefer, true),
            "require" | "verify-full" => (SslMode::Require, true),
            "verify-ca" => (SslMode::Require, false),
            "allow" => {
                return Err(TlsError(
                    "has sslmode=allow, which is not supported, because it sends the password without TLS first. Use \
                     prefer or require"
                        .to_owned(),
                ));
            }
            _ => {
                return Err(TlsError(
                    "has an unknown sslmode. Use disable, prefer, require, verify-ca or verify-full"
                        .to_owned(),
                ));
            }
        };
        config.ssl_mode(mode);
        let file = match file.as_deref() {
            Some("system") => None,
            Some(path) => Some(Path::new(path)),
            None => roots,
        };
        let roots = match file {
            Some(path) => parse_roots(&read_file(path)?)?,
            None => system_roots(),
        };
        Ok(Self { config, tls: MakeRustlsConnect::new(client(roots, checks_name)?) })
    }
}

/// Returns the cause of a parser's error, which does not contain the address.
fn reason(error: &tokio_postgres::Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // Unreadable certificates of the system are not trusted.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    let refuse = |reason: &dyn std::fmt::Display| {
        TlsError(format!("needs the root certificates in {}: {reason}", path.display()))
    };
    let length = fs::metadata(path).map_err(|error| refuse(&error))?.len();
    if length > MOST_BYTES {
        return Err(refuse(&format!("the file has more than {MOST_BYTES} bytes")));
    }
    fs::read(path).map_err(|error| refuse(&error))
}

fn parse_roots(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate
            .map_err(|error| TlsError(format!("needs root certificates in PEM: {error}")))?;
        roots
            .add(certificate)
            .map_err(|error| TlsError(format!("has an invalid root certificate: {error}")))?;
    }
    if roots.is_empty() {
        return Err(TlsError("has a file of root certificates without a certificate".to_owned()));
    }
    Ok(roots)
}

fn client(roots: RootCertStore, checks_name: bool) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unsupported = |error: RustlsError| TlsError(format!("cannot use TLS: {error}"));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unsupported)?;
    if checks_name || roots.is_empty() {
        return Ok(builder.with_root_certificates(roots).with_no_client_auth());
    }
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| TlsError(format!("cannot verify certificates: {error}")))?;
    let verifier = Arc::new(AnyName { inner, provider });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Verifies the chain of certificates like `inner`, for any name: `sslmode=verify-ca`.
#[derive(Debug)]
struct AnyName {
    inner: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        match self.inner.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // rustls checks the name last, after the chain.
            Err(RustlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_supported_mode_is_accepted() {
        for mode in ["disable", "prefer", "require", "verify-ca", "verify-full"] {
            let address =
                format!("postgres://u:p@db:5432/x?sslmode={mode}&channel_binding=require");
            assert!(check_postgres(&address, None).is_ok(), "{mode}");
        }
    }

    #[test]
    fn unsupported_options_are_named() {
        for (options, text) in [
            ("sslmode=allow", "sslmode=allow"),
            ("sslmode=maybe", "unknown sslmode"),
            ("sslkey=/a", "sslkey"),
            ("sslrootcert=/does/not/exist", "/does/not/exist"),
            ("nonsense=1", "nonsense"),
        ] {
            let error = check_postgres(&format!("postgres://u:secret@db/x?{options}"), None);
            let error = error.unwrap_err().to_string();
            assert!(error.contains(text) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn verification_of_redis_stays_on() {
        assert!(check_redis("rediss://:p@cache:6379", None).is_ok());
        assert!(check_redis("rediss://:p@cache:6379/#insecure", None).is_err());
        assert!(check_redis("rediss://:p@cache:6379", Some(Path::new("/does/not/exist"))).is_err());
    }
}
