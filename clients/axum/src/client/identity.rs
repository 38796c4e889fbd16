//! The identity of a caller.

use std::collections::BTreeSet;

use serde::Deserialize;

/// The verified caller. Handlers take it as a parameter. Store data under its `tenant_id`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// The id of the tenant.
    pub tenant_id: String,
    /// The slug of the tenant.
    pub tenant_slug: String,
    /// The id of the user, if the caller is a user.
    pub user_id: Option<String>,
    /// The role of the user, if the caller is a user.
    pub user_role: Option<String>,
    /// The id of the API key, if the caller is an API key.
    pub api_key_id: Option<String>,
    /// The scopes of the caller.
    pub scopes: BTreeSet<String>,
}
