//! The links in messages. They are built from settings only: nothing here takes a request, so no header of a request
//! reaches a link (CVE-2025-64101).

use url::{Host, Url};

use super::template::LONGEST_URL;
use crate::{settings::Settings, tenant::TenantRecord};

/// Returns the origins of a tenant's pages: `PUBLIC_URL`, the subdomain of `BASE_DOMAIN`, which has the same
/// scheme and port, and the registered domains, with HTTPS.
pub(crate) fn origins(settings: &Settings, tenant: &TenantRecord) -> Vec<Url> {
    let mut origins: Vec<Url> = settings.public_url.iter().cloned().collect();
    if let Some(base) = &settings.base_domain {
        let host = format!("{}.{base}", tenant.slug);
        let subdomain = match &settings.public_url {
            Some(public) => {
                let mut url = public.clone();
                url.set_host(Some(&host)).is_ok().then_some(url)
            }
            None => Url::parse(&format!("https://{host}")).ok(),
        };
        origins.extend(subdomain);
    }
    let domains = tenant.domains.iter();
    origins.extend(domains.filter_map(|domain| Url::parse(&format!("https://{domain}")).ok()));
    origins
}

/// The page of an application that receives a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivingPage(Url);

impl ReceivingPage {
    /// Validates the address of a page. It must be on one of the origins, such as a registered domain of
    /// the tenant.
    ///
    /// # Errors
    /// Returns the problem as a phrase that follows the field's name.
    pub fn parse(address: &str, origins: &[Url]) -> Result<Self, &'static str> {
        if address.len() > LONGEST_URL {
            return Err("must have at most 2048 characters");
        }
        let page = Url::parse(address).map_err(|_| "must be an absolute URL")?;
        if !matches!(page.host(), Some(Host::Domain(_))) {
            return Err("must have a domain");
        }
        if !page.username().is_empty() || page.password().is_some() {
            return Err("must not have a user name or password");
        }
        if page.fragment().is_some() {
            return Err("must not have a fragment");
        }
        if !origins.iter().any(|origin| origin.origin() == page.origin()) {
            return Err("must be on a domain of the tenant");
        }
        Ok(Self(page))
    }

    /// Returns a page below `PUBLIC_URL`, for tenants that have no page of their own.
    pub fn of_service(public_url: &Url, name: &str) -> Self {
        let mut page = public_url.clone();
        let path = format!("{}/{name}", public_url.path().trim_end_matches('/'));
        page.set_path(&path);
        Self(page)
    }

    /// Returns the page with this name at the root of the same origin.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        let mut page = self.0.clone();
        page.set_path(name);
        page.set_query(None);
        Self(page)
    }

    /// Returns the address of the page.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the link to the page with a token. The token is in the fragment, which browsers send to no server and
    /// in no `Referer`.
    pub fn with_token(&self, token: &str) -> Url {
        let mut link = self.0.clone();
        link.set_fragment(Some(&format!("token={token}")));
        link
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str) -> Result<ReceivingPage, &'static str> {
        let origins = ["https://acme.example.com", "https://app.acme.test:8443"];
        ReceivingPage::parse(address, &origins.map(|origin| Url::parse(origin).unwrap()))
    }

    #[test]
    fn token_is_in_the_fragment() {
        let page = parse("https://acme.example.com/welcome?from=mail").unwrap();
        let link = page.with_token("lds_x");
        assert_eq!(link.as_str(), "https://acme.example.com/welcome?from=mail#token=lds_x");
        assert!(parse("https://app.acme.test:8443/").is_ok());
        let other = page.beside("reset-password").with_token("ldp_x");
        assert_eq!(other.as_str(), "https://acme.example.com/reset-password#token=ldp_x");
    }

    #[test]
    fn default_page_is_below_the_public_url() {
        for (public, page) in [
            ("https://app.example.com", "https://app.example.com/set-password"),
            ("https://app.example.com/a/", "https://app.example.com/a/set-password"),
            ("http://localhost:3000/", "http://localhost:3000/set-password"),
        ] {
            assert_eq!(
                ReceivingPage::of_service(&Url::parse(public).unwrap(), "set-password").as_str(),
                page
            );
        }
    }

    // S48
    #[test]
    fn page_is_on_a_domain_of_the_tenant() {
        for address in [
            "https://evil.test/welcome",
            "https://acme.example.com.evil.test/",
            "https://acme.example.com@evil.test/",
            "https://evil.acme.example.com/",
            "https://acme.example.com:444/",
            "http://acme.example.com/",
            "https://app.acme.test/",
            "https://user@acme.example.com/",
            "https://acme.example.com/#x",
            "https://127.0.0.1/",
            "javascript:alert(1)",
            "//acme.example.com/",
            "/welcome",
            "",
        ] {
            assert!(parse(address).is_err(), "{address}");
        }
    }
}
