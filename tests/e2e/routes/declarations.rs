//! Checks the declarations of the endpoints against each other and against `spin.toml`. No test needs a server.

use std::{fs, path::Path};

use e2e::{endpoints, root};
use http::Method;
use tenancy::{access::OperatorScope, session::Age};
use web::{Access, Authority, Endpoint};

/// The component and the endpoints of each crate.
const COMPONENTS: [(&str, &[Endpoint]); 5] = [
    ("account", account::ENDPOINTS),
    ("admin", admin::ENDPOINTS),
    ("auth", auth::ENDPOINTS),
    ("health", health::ENDPOINTS),
    ("tenant", tenant::ENDPOINTS),
];

#[test]
fn endpoints_are_unique() {
    let mut names: Vec<_> =
        endpoints().map(|endpoint| (endpoint.path, endpoint.method.as_str())).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

// S16
#[test]
fn admin_endpoints_require_an_operator_scope() {
    let scope = |endpoint: &Endpoint| match endpoint.access {
        Access::Operator(scope) => Some(scope),
        _ => None,
    };
    for endpoint in endpoints() {
        let Endpoint { method, path, .. } = endpoint;
        let scope = scope(endpoint);
        assert_eq!(scope.is_some(), path.starts_with("/admin"), "{method} {path}");
        let is_read = *method == Method::GET;
        let reads = scope.is_none_or(|scope| scope.as_str().ends_with(":read"));
        // Whoever reads the files of tenants, although they are sealed, can do more than read their records.
        let is_of_files = path.contains("/chunks/");
        assert!(scope.is_none() || (is_read && !is_of_files) == reads, "{method} {path}");
    }
    // A scope that no endpoint requires would grant nothing. The key of a gateway is checked beside the caller's.
    for wanted in
        OperatorScope::ALL.iter().filter(|scope| **scope != OperatorScope::TenantUsageWrite)
    {
        assert!(endpoints().filter_map(scope).any(|scope| scope == *wanted), "{}", wanted.as_str());
    }
}

// S16
#[test]
fn authority_matches_the_documented_refusal() {
    let mut declared = Vec::new();
    for endpoint in endpoints() {
        let Endpoint { method, path, access, authority, documentation, .. } = endpoint;
        declared.extend(*authority);
        let is_limited = match authority {
            Some(Authority::Users | Authority::Roles | Authority::ApiKeys) => {
                assert!(matches!(access, Access::Member(_)), "{method} {path}");
                true
            }
            // The access of the credential decides which of three scopes is sufficient.
            Some(Authority::DatabaseCredentials) => {
                assert_eq!(*access, Access::Authenticated, "{method} {path}");
                true
            }
            // The caller's own data requires another scope than that of others.
            Some(Authority::PersonalData) => {
                assert_eq!(*access, Access::Authenticated, "{method} {path}");
                false
            }
            Some(Authority::OperatorKeys) => true,
            // The refusal has the code of every endpoint with a scope.
            Some(Authority::Tenants | Authority::TenantApiKeys | Authority::TenantUsers) | None => {
                false
            }
        };
        let problems = documentation.as_ref().map_or(&[][..], |documented| documented.problems);
        let mut codes = problems.iter().flat_map(|(_, codes)| codes.iter());
        let is_documented = codes.any(|code| *code == "scope_not_held");
        assert_eq!(is_limited, is_documented, "{method} {path}");
    }
    for authority in Authority::ALL {
        assert!(declared.contains(&authority), "no endpoint has the authority {authority:?}");
    }
}

// S16
#[test]
fn handlers_receive_their_authority() {
    // A handler that creates an authority would bypass the declaration of its endpoint.
    for component in COMPONENTS.map(|(component, _)| component) {
        assert_creates_no_authority(&root().join("components").join(component).join("src"));
    }
}

fn assert_creates_no_authority(path: &Path) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            assert_creates_no_authority(&entry.unwrap().path());
        }
    } else {
        let text = fs::read_to_string(path).unwrap();
        assert!(!text.contains("Authority::"), "{}", path.display());
    }
}

/// Returns whether a route of the manifest includes a path, and the length of its literal part.
fn includes(route: &str, path: &str) -> Option<usize> {
    let (route, is_prefix) = match route.strip_suffix("/...") {
        Some(route) => (route, true),
        None => (route, false),
    };
    let mut segments = path.split('/');
    for wanted in route.split('/') {
        let segment = segments.next()?;
        if wanted != segment && !wanted.starts_with(':') {
            return None;
        }
    }
    (is_prefix || segments.next().is_none()).then_some(route.len())
}

#[test]
fn manifest_routes_each_endpoint_to_its_component() {
    let manifest: toml::Table =
        fs::read_to_string(root().join("spin.toml")).unwrap().parse().unwrap();
    let triggers = manifest["trigger"]["http"].as_array().unwrap();
    let component_of = |path: &str| {
        let matching = triggers.iter().filter_map(|trigger| {
            let length = includes(trigger["route"].as_str()?, path)?;
            Some((length, trigger["component"].as_str()?))
        });
        matching.max_by_key(|found| found.0).map(|found| found.1)
    };
    for (component, endpoints) in COMPONENTS {
        for Endpoint { path, .. } in endpoints {
            assert_eq!(component_of(path), Some(component), "{path}");
            // The forms that name the tenant in the path.
            if let Some(rest) = path.strip_prefix("/api/v1") {
                for prefix in ["/tenant/acme/api/v1", "/t/acme/api/v1", "/t/acme"] {
                    let path = format!("{prefix}{rest}");
                    assert_eq!(component_of(&path), Some(component), "{path}");
                }
            }
        }
    }
    assert_eq!(component_of("/unknown"), Some("health"));
}

// S46
#[test]
fn sensitive_endpoints_need_recent_sign_in() {
    let with = |age: Age| -> Vec<String> {
        let found = endpoints().filter(|endpoint| endpoint.recent_sign_in == Some(age));
        let mut names: Vec<_> =
            found.map(|endpoint| format!("{} {}", endpoint.method, endpoint.path)).collect();
        names.sort_unstable();
        names
    };
    let always = [
        "DELETE /api/v1/account/passkeys/{id}",
        "DELETE /api/v1/profile/second-factors/{id}",
        "PATCH /api/v1/tenant/mail-settings",
        "PATCH /api/v1/tenant/security-policy",
        "POST /api/v1/account/address",
        "POST /api/v1/account/passkeys/registration",
        "POST /api/v1/account/passkeys/registration/confirm",
        "POST /api/v1/profile/recovery-codes",
        "POST /api/v1/profile/second-factors",
        "POST /api/v1/profile/second-factors/{id}/confirm",
        "PUT /api/v1/tenant/switching",
    ];
    assert_eq!(with(Age::TenMinutes), always);
    // docs/second-factors.md lists them.
    let by_rule = [
        "DELETE /api/v1/api-keys/{id}",
        "DELETE /api/v1/groups/{id}",
        "DELETE /api/v1/groups/{id}/members/{user}",
        "DELETE /api/v1/permissions/{name}",
        "DELETE /api/v1/roles/{id}",
        "DELETE /api/v1/users/{id}",
        "DELETE /api/v1/users/{id}/second-factors",
        "PATCH /api/v1/groups/{id}",
        "PATCH /api/v1/roles/{id}",
        "PATCH /api/v1/users/{id}",
        "POST /api/v1/api-keys",
        "POST /api/v1/api-keys/{id}/rotate",
        "POST /api/v1/groups",
        "POST /api/v1/permissions",
        "POST /api/v1/roles",
        "POST /api/v1/users",
        "POST /api/v1/users/{id}/erasure",
        "POST /api/v1/users/{id}/reset-password",
        "PUT /api/v1/groups/{id}/members/{user}",
    ];
    assert_eq!(with(Age::OfPolicy), by_rule);
}
