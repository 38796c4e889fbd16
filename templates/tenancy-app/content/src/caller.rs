use serde::Serialize;
use spin_sdk::http::Request;

/// The caller that Tenancy has verified. The gate sets these headers and removes the ones that a client has sent.
#[derive(Serialize)]
pub struct Caller {
    pub tenant_id: String,
    pub tenant_slug: String,
    /// The user, or nothing if the caller is an API key.
    pub user_id: Option<String>,
    pub user_role: Option<String>,
    pub api_key_id: Option<String>,
    pub scopes: Vec<String>,
}

impl Caller {
    /// Returns the caller, or nothing on a public route.
    pub fn of(request: &Request) -> Option<Self> {
        let header = |name| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
        Some(Self {
            tenant_id: header("x-tenant-id")?,
            tenant_slug: header("x-tenant-slug")?,
            user_id: header("x-user-id"),
            user_role: header("x-user-role"),
            api_key_id: header("x-api-key-id"),
            scopes: header("x-scopes")
                .map(|scopes| scopes.split(' ').map(str::to_owned).collect())
                .unwrap_or_default(),
        })
    }
}
