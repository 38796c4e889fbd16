//! The links in messages. They are built from settings only: nothing here takes a request, so no header of a request
//! reaches a link (CVE-2025-64101).

use url::{Host, Url};

/// The page of an application that receives a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivingPage(Url);

impl ReceivingPage {
    /// Validates the address of a page. It must be on one of the origins: the service's own, or a registered domain of
    /// the tenant.
    ///
    /// # Errors
    /// Returns the problem as a phrase that follows the field's name.
    pub fn parse(address: &str, origins: &[Url]) -> Result<Self, &'static str> {
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
    }

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
