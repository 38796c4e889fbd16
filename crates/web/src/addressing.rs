//! The tenant that a request addresses by its host, its path and its header, independent of the credential.

use std::net::IpAddr;

use tenancy::{
    Result,
    identifier::{Domain, Slug},
    input::Text as _,
    resolve::Addressing,
    settings::Settings,
};

use super::{Request, forwarded};

/// The path prefixes that precede a tenant's slug.
const PATH_PREFIXES: [&str; 2] = ["/tenant/", "/t/"];
/// The path prefix of the tenant routes.
const API: &str = "/api/v1";

/// Returns how `request` addresses its tenant.
///
/// # Errors
/// [`Error::InvalidHeader`](tenancy::Error::InvalidHeader) if a header occurs more than once.
pub(super) fn of(request: &Request, settings: &Settings) -> Result<Addressing> {
    let mut addressing = Addressing::default();
    let header = request.header("x-tenant-slug")?;
    for slug in header.into_iter().chain(request.path_slug.as_deref()) {
        addressing.slugs.push(Slug::parse(&slug.to_ascii_lowercase()).ok());
    }
    if let Some(host) = host(request, settings)? {
        add_host(&mut addressing, &host, settings.base_domain.as_ref());
    }
    Ok(addressing)
}

fn add_host(addressing: &mut Addressing, host: &str, base: Option<&Domain>) {
    if let Some(base) = base {
        if host == base.as_str() {
            return;
        }
        let label = host.strip_suffix(base.as_str()).and_then(|rest| rest.strip_suffix('.'));
        if let Some(label) = label {
            if !Slug::is_reserved(label) {
                addressing.slugs.push(Slug::parse(label).ok());
            }
            return;
        }
    }
    addressing.domain = Domain::parse(host).ok();
}

/// Returns the name of the requested host in lower case, without the port and the trailing dot. Returns `None` if the
/// host is an IP address.
pub(super) fn host(request: &Request, settings: &Settings) -> Result<Option<String>> {
    let forwarded = forwarded::host(request, &settings.trusted_proxies)?;
    let Some(authority) = forwarded.or(request.authority.as_deref()) else { return Ok(None) };
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_lowercase();
    let is_address = name.starts_with('[') || name.parse::<IpAddr>().is_ok();
    Ok((!is_address && !name.is_empty()).then_some(name))
}

/// Splits the prefix that identifies a tenant off a path. Returns the rest of the path and the slug. After `/t/{slug}`,
/// the prefix `/api/v1` is optional.
pub(super) fn split_path(path: String) -> (String, Option<String>) {
    for prefix in PATH_PREFIXES {
        let Some((slug, rest)) = path.strip_prefix(prefix).and_then(|rest| rest.split_once('/'))
        else {
            continue;
        };
        let rest = format!("/{rest}");
        let is_api = rest.strip_prefix(API).is_some_and(|rest| rest.starts_with('/'));
        if is_api {
            return (rest, Some(slug.to_owned()));
        }
        if prefix == "/t/" {
            return (format!("{API}{rest}"), Some(slug.to_owned()));
        }
    }
    (path, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_prefix_identifies_a_tenant() {
        for (path, route, slug) in [
            ("/tenant/acme/api/v1/profile", "/api/v1/profile", Some("acme")),
            ("/t/acme/api/v1/profile", "/api/v1/profile", Some("acme")),
            ("/t/acme/profile", "/api/v1/profile", Some("acme")),
            ("/t/acme/tenant/info", "/api/v1/tenant/info", Some("acme")),
            ("/t//profile", "/api/v1/profile", Some("")),
            ("/tenant/acme/profile", "/tenant/acme/profile", None),
            ("/tenant/acme", "/tenant/acme", None),
            ("/api/v1/tenant/info", "/api/v1/tenant/info", None),
            ("/health", "/health", None),
        ] {
            let expected = (route.to_owned(), slug.map(str::to_owned));
            assert_eq!(split_path(path.to_owned()), expected, "{path}");
        }
    }

    // S30, S34
    #[test]
    fn host_identifies_tenant_by_subdomain_or_domain() {
        let base = Domain::parse("saas.example").unwrap();
        let named = |host: &str| {
            let mut addressing = Addressing::default();
            add_host(&mut addressing, host, Some(&base));
            let slugs = addressing.slugs.iter();
            let slugs = slugs.map(|slug| slug.as_ref().map(|slug| slug.as_str().to_owned()));
            (slugs.collect::<Vec<_>>(), addressing.domain.map(|domain| domain.to_string()))
        };
        let slug = |slug: &str| (vec![Some(slug.to_owned())], None);
        assert_eq!(named("acme.saas.example"), slug("acme"));
        for nobody in ["saas.example", "www.saas.example", "api.saas.example", "localhost"] {
            assert_eq!(named(nobody), (vec![], None), "{nobody}");
        }
        for impossible in ["a.b.saas.example", "-x.saas.example", "x_y.saas.example"] {
            assert_eq!(named(impossible), (vec![None], None), "{impossible}");
        }
        for (host, domain) in [
            ("company.com", "company.com"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("notsaas.example", "notsaas.example"),
        ] {
            assert_eq!(named(host), (vec![], Some(domain.to_owned())));
        }
    }
}
