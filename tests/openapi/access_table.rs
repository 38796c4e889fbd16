//! The table of all endpoints in `docs/access.md`.

use std::fmt::Write as _;

use e2e::endpoints;
use tenancy::access::{Role, Scope};
use web::{Access, Authority, Endpoint};

/// Returns the document.
pub fn document() -> String {
    let mut text = "# Access of each endpoint\n\n\
        The declarations of the endpoints generate this page: `UPDATE_OPENAPI=1 cargo test --profile tools -p e2e \
        --test openapi`.\n[endpoints.md](endpoints.md) explains the credentials.\n[Authority](#authority) explains the rules \
        that depend on the request or on the changed object.\n\n\
        | Endpoint | Access | Authority | Roles that have the scope | Counts against the tenant's limits |\n\
        |---|---|---|---|---|\n"
        .to_owned();
    let mut endpoints: Vec<_> = endpoints().collect();
    endpoints.sort_by_key(|endpoint| (endpoint.path, endpoint.method.as_str()));
    for Endpoint { method, path, access, authority, is_metered, .. } in endpoints {
        let (access, roles) = match *access {
            Access::Public => ("anyone".to_owned(), String::new()),
            Access::Operator(scope) => (format!("operator, `{}`", scope.as_str()), String::new()),
            Access::Authenticated => ("any credential".to_owned(), "all".to_owned()),
            Access::Member(scope) => (format!("`{}`", scope.as_str()), roles(scope)),
            Access::User(scope) => (format!("user, `{}`", scope.as_str()), roles(scope)),
        };
        let is_of_tenant = !roles.is_empty();
        let counts = match (is_of_tenant, is_metered) {
            (false, _) => "",
            (true, true) => "yes",
            (true, false) => "no",
        };
        let authority = authority.map_or("", Authority::name);
        // Writing to a string does not fail.
        let _ =
            writeln!(text, "| `{method} {path}` | {access} | {authority} | {roles} | {counts} |");
    }
    text.push_str("\n## Authority\n\n| Authority | Rule |\n|---|---|\n");
    for authority in Authority::ALL {
        let _ = writeln!(text, "| {} | {} |", authority.name(), authority.rule());
    }
    text
}

fn roles(scope: Scope) -> String {
    let roles = Role::ALL.into_iter().filter(|role| role.scopes().contains(&scope));
    roles.map(Role::as_str).collect::<Vec<_>>().join(", ")
}
