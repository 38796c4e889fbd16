//! Checks the access of every endpoint with every kind of caller.

use e2e::{Answer, Call, TestOperatorKey, TestTenant, World, endpoints};
use http::Method;
use serde_json::Value;
use tenancy::access::{OperatorScope, Role, Scope};
use uuid::Uuid;
use web::{Access, Authority, Endpoint};

/// A kind of caller. `verdict` returns whether the caller is allowed, or the error code.
struct Caller {
    name: &'static str,
    credential: Option<String>,
    verdict: fn(Access) -> Result<(), &'static str>,
}

fn as_role(role: Role, access: Access) -> Result<(), &'static str> {
    match access {
        Access::Public | Access::Authenticated => Ok(()),
        Access::Operator(_) => Err("invalid_admin_key"),
        Access::Member(scope) | Access::User(scope) => {
            if role.scopes().contains(&scope) {
                Ok(())
            } else {
                Err("forbidden")
            }
        }
    }
}

fn as_api_key(scopes: &[Scope], access: Access) -> Result<(), &'static str> {
    match access {
        Access::Public | Access::Authenticated => Ok(()),
        Access::Operator(_) => Err("invalid_admin_key"),
        Access::User(_) => Err("user_required"),
        Access::Member(scope) => {
            if scopes.contains(&scope) {
                Ok(())
            } else {
                Err("forbidden")
            }
        }
    }
}

/// Creates two operator keys: one without scopes, and one with all scopes.
fn operator_keys() -> [TestOperatorKey; 2] {
    let all: Vec<_> = OperatorScope::ALL.iter().map(|scope| scope.as_str()).collect();
    [World::get().operator_key(&[]), World::get().operator_key(&all)]
}

fn callers(
    tenant: &TestTenant,
    other: &TestTenant,
    [weak, strong]: &[TestOperatorKey; 2],
) -> Vec<Caller> {
    let role = |role: &str| Some(tenant.user(role).access_token);
    let all: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    vec![
        Caller {
            name: "no credential",
            credential: None,
            verdict: |access| match access {
                Access::Public => Ok(()),
                _ => Err("authentication_required"),
            },
        },
        Caller {
            name: "a viewer",
            credential: role("viewer"),
            verdict: |access| as_role(Role::Viewer, access),
        },
        Caller {
            name: "a user",
            credential: role("user"),
            verdict: |access| as_role(Role::User, access),
        },
        Caller {
            name: "an administrator",
            credential: role("admin"),
            verdict: |access| as_role(Role::Admin, access),
        },
        Caller {
            name: "an API key without scopes",
            credential: Some(tenant.api_key(&[])),
            verdict: |access| as_api_key(&[], access),
        },
        Caller {
            name: "an API key with every scope",
            credential: Some(tenant.api_key(&all)),
            verdict: |access| as_api_key(Scope::ALL, access),
        },
        Caller {
            name: "an administrator of another tenant",
            credential: Some(other.user("admin").access_token),
            verdict: |access| match access {
                Access::Public => Ok(()),
                Access::Operator(_) => Err("invalid_admin_key"),
                _ => Err("tenant_mismatch"),
            },
        },
        Caller {
            name: "an operator key without scopes",
            credential: Some(weak.text.clone()),
            verdict: |access| match access {
                Access::Public => Ok(()),
                Access::Operator(_) => Err("forbidden"),
                _ => Err("invalid_token"),
            },
        },
        Caller {
            name: "an operator key with every scope",
            credential: Some(strong.text.clone()),
            verdict: |access| match access {
                Access::Public | Access::Operator(_) => Ok(()),
                _ => Err("invalid_token"),
            },
        },
        Caller {
            name: "the platform key",
            credential: Some(World::get().admin_key()),
            verdict: |access| match access {
                Access::Public | Access::Operator(_) => Ok(()),
                _ => Err("invalid_token"),
            },
        },
    ]
}

fn call(tenant: &TestTenant, method: &Method, path: &str, credential: Option<&str>) -> Answer {
    let mut path = path.replace("{id}", &Uuid::nil().to_string());
    path = path.replace("{file}", "page.js");
    path = path.replace("{key_id}", &Uuid::nil().to_string());
    path = path.replace("{user}", &Uuid::nil().to_string());
    for name in ["{*path}", "{path}", "{*key}", "{key}", "{name}"] {
        path = path.replace(name, "some-name");
    }
    let call = World::get().call(method.clone(), &path).slug(&tenant.slug);
    credential.into_iter().fold(call, Call::token).send()
}

// S16, S17
#[test]
fn endpoints_enforce_their_access() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let operator_keys = operator_keys();
    let callers = callers(&tenant, &other, &operator_keys);
    let mut matrix = Vec::new();
    let mut endpoints: Vec<_> = endpoints().collect();
    endpoints.sort_by_key(|endpoint| (endpoint.path, endpoint.method.as_str()));
    for &Endpoint { ref method, path, access, authority, .. } in endpoints {
        // A logout invalidates its credential, so each logout route gets new callers.
        let leavers =
            path.contains("/logout").then(|| self::callers(&tenant, &other, &operator_keys));
        matrix.push(format!("{method} {path}"));
        for Caller { name, credential, verdict } in leavers.as_ref().unwrap_or(&callers) {
            let answer = call(&tenant, method, path, credential.as_deref());
            let status = answer.status;
            let refused = status == 401 || status == 403 || status == 405 || status >= 500;
            let outcome = if refused { code_or_empty(&answer) } else { "allowed".to_owned() };
            assert_ne!(code_or_empty(&answer), "route_not_found", "{method} {path}");
            // One of three scopes is sufficient for these endpoints.
            let is_refused_by_authority = authority == Some(Authority::DatabaseCredentials)
                && ["a viewer", "a user", "an API key without scopes"].contains(name);
            // The id in the path is not that of the caller.
            let is_other_person = authority == Some(Authority::PersonalData)
                && ["a viewer", "a user", "an API key without scopes"].contains(name);
            let expected = match verdict(access) {
                Ok(()) if is_refused_by_authority => "scope_not_held",
                Ok(()) if is_other_person => "forbidden",
                verdict => verdict.err().unwrap_or("allowed"),
            };
            assert_eq!(outcome, expected, "{method} {path} as {name}: {}", answer.text);
            matrix.push(format!("    {name}: {outcome}"));
        }
    }
    // The snapshot of the matrix shows each change of the table in reviews.
    insta::assert_snapshot!("matrix", matrix.join("\n"));
}

fn code_or_empty(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    body["code"].as_str().unwrap_or_default().to_owned()
}

// S16
#[test]
fn api_key_is_limited_to_scopes() {
    let tenant = World::get().tenant();
    for Endpoint { method, path, access, .. } in endpoints() {
        let Access::Member(scope) = access else { continue };
        let others = Scope::ALL.iter().filter(|other| *other != scope);
        let others: Vec<_> = others.map(|other| other.as_str()).collect();
        let without = tenant.api_key(&others);
        let problem = call(&tenant, method, path, Some(&without)).expect_problem(403, "forbidden");
        assert!(problem["detail"].as_str().unwrap().contains(scope.as_str()), "{problem}");
        let with = tenant.api_key(&[scope.as_str()]);
        let answer = call(&tenant, method, path, Some(&with));
        // Routes that grant a role also require the scopes of that role.
        let let_in = match answer.status {
            403 => code_or_empty(&answer) == "scope_not_held",
            status => status != 401 && status != 405 && status < 500,
        };
        assert!(let_in, "{method} {path}: {}", answer.text);
    }
}

// S16
#[test]
fn operator_key_is_limited_to_scopes() {
    let world = World::get();
    let tenant = world.tenant();
    for wanted in OperatorScope::ALL {
        let others = OperatorScope::ALL.iter().filter(|other| *other != wanted);
        let others: Vec<_> = others.map(|other| other.as_str()).collect();
        let without = world.operator_key(&others);
        let with = world.operator_key(&[wanted.as_str()]);
        for Endpoint { method, path, access, .. } in endpoints() {
            if *access != Access::Operator(*wanted) {
                continue;
            }
            let refused = call(&tenant, method, path, Some(&without.text));
            let problem = refused.expect_problem(403, "forbidden");
            assert!(problem["detail"].as_str().unwrap().contains(wanted.as_str()), "{problem}");
            assert!(refused.header("www-authenticate").contains(wanted.as_str()));
            let answer = call(&tenant, method, path, Some(&with.text));
            let is_let_in = ![401, 403, 405].contains(&answer.status) && answer.status < 500;
            assert!(is_let_in, "{method} {path}: {}", answer.text);
        }
    }
}
