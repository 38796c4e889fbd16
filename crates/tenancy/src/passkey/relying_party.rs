//! The RP ID and the origins of a tenant (WebAuthn, sections 4 and 5.11).
//!
//! The RP ID is the domain that a passkey belongs to. Several tenants can have the same one, because their subdomains
//! and the pages of the service are below it. So the origin decides: a response of an authenticator is accepted from the
//! pages of the tenant only.

use url::{Host, Origin, Url};

use crate::{
    context::Context,
    error::{PasskeyError, Result},
    identifier::Domain,
    mail::link,
    security_policy,
    settings::Settings,
    tenant::{Tenant, TenantRecord},
};

/// The relying party of a tenant's passkeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// The RP ID, a domain.
    pub id: String,
    /// The origins of the pages whose responses are accepted, as browsers write them.
    pub origins: Vec<String>,
}

impl RelyingParty {
    /// Returns the relying party of a tenant: the domain of its rules for sign-ins, or the domain of the service.
    ///
    /// # Errors
    /// [`PasskeyError::NotConfigured`] if there is no domain.
    pub(crate) async fn of(context: &Context, tenant: &Tenant) -> Result<Self> {
        let policy = security_policy::get(context, tenant).await?;
        let id = chosen(policy.passkey_domain.as_deref(), tenant)
            .map_or_else(|| default_id(&context.settings), |domain| Some(domain.to_owned()));
        let id = id.ok_or(PasskeyError::NotConfigured)?;
        Ok(Self { id, origins: origins(&context.settings, tenant) })
    }

    /// Returns the relying party of tenants without rules, for a tenant that does not exist.
    ///
    /// # Errors
    /// [`PasskeyError::NotConfigured`] if there is no domain.
    pub(crate) fn of_service(settings: &Settings) -> Result<Self> {
        let id = default_id(settings).ok_or(PasskeyError::NotConfigured)?;
        Ok(Self { id, origins: Vec::new() })
    }
}

/// Returns the domain of the rules, if the tenant still has it.
fn chosen<'a>(passkey_domain: Option<&'a str>, tenant: &TenantRecord) -> Option<&'a str> {
    let domain = passkey_domain?;
    tenant.domains.iter().any(|own| own == domain).then_some(domain)
}

/// Returns the origins of the pages that may use a passkey of a domain of a tenant, if the rules of the tenant name this
/// domain.
pub async fn related_origins(
    context: &Context,
    tenant: &Tenant,
    domain: &Domain,
) -> Result<Vec<String>> {
    let policy = security_policy::get(context, tenant).await?;
    let is_chosen = chosen(policy.passkey_domain.as_deref(), tenant) == Some(domain.as_str());
    Ok(if is_chosen { origins(&context.settings, tenant) } else { Vec::new() })
}

/// Returns the origins of a tenant's pages.
fn origins(settings: &Settings, tenant: &TenantRecord) -> Vec<String> {
    let mut origins = Vec::new();
    for page in link::origins(settings, tenant) {
        let origin = page.origin();
        // An opaque origin is that of no page.
        if let Origin::Tuple(..) = origin {
            let text = origin.ascii_serialization();
            if !origins.contains(&text) {
                origins.push(text);
            }
        }
    }
    origins
}

/// Returns the domain of the service: `BASE_DOMAIN`, if `PUBLIC_URL` is not on another domain, otherwise the host of
/// `PUBLIC_URL`.
fn default_id(settings: &Settings) -> Option<String> {
    let base = settings.base_domain.as_ref().map(Domain::as_str);
    match (settings.public_url.as_ref().map(Url::host), base) {
        (None, base) => base.map(str::to_owned),
        (Some(Some(Host::Domain(host))), Some(base)) if is_within(host, base) => {
            Some(base.to_owned())
        }
        (Some(Some(Host::Domain(host))), _) => Some(host.to_owned()),
        // An address is no RP ID.
        (Some(_), _) => None,
    }
}

fn is_within(host: &str, base: &str) -> bool {
    host.strip_suffix(base).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use platform::testing::PreparedSql;

    use super::*;
    use crate::testing;

    #[test]
    fn rp_id_follows_the_settings() {
        let id = |changes: &[(&'static str, &'static str)]| {
            default_id(&testing::context_with(&Rc::<PreparedSql>::default(), changes).settings)
        };
        let base = ("BASE_DOMAIN", "saas.example");
        let public = |url| ("PUBLIC_URL", url);
        for (changes, expected) in [
            (&[][..], None),
            (&[base], Some("saas.example")),
            (&[public("https://app.saas.example/start"), base], Some("saas.example")),
            (&[public("https://saas.example"), base], Some("saas.example")),
            (&[public("https://app.other.example"), base], Some("app.other.example")),
            (&[public("https://notsaas.example"), base], Some("notsaas.example")),
            (&[public("http://localhost:9003")], Some("localhost")),
            (&[public("http://127.0.0.1:9003")], None),
        ] {
            assert_eq!(id(changes).as_deref(), expected, "{changes:?}");
        }
    }

    // S65
    #[test]
    fn origins_are_those_of_the_tenant() {
        let changes = [
            ("BASE_DOMAIN", "saas.example"),
            ("PUBLIC_URL", "https://app.saas.example:8443/start"),
        ];
        let context = testing::context_with(&Rc::<PreparedSql>::default(), &changes);
        let mut record = testing::tenant(&context).record().clone();
        record.domains = vec!["login.acme.example".to_owned()];
        let expected = [
            "https://app.saas.example:8443",
            "https://acme.saas.example:8443",
            "https://login.acme.example",
        ];
        assert_eq!(origins(&context.settings, &record), expected);
        let is_chosen = |domain: &str| chosen(Some(domain), &record).is_some();
        assert!(is_chosen("login.acme.example"));
        assert!(!is_chosen("acme.example") && !is_chosen("saas.example"));
        assert_eq!(chosen(None, &record), None);
    }
}
