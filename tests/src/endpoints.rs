//! The endpoints that the components declare.

use web::Endpoint;

/// Returns the endpoints of all components.
pub fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    let groups = [
        account::ENDPOINTS,
        admin::ENDPOINTS,
        auth::ENDPOINTS,
        health::ENDPOINTS,
        tenant::ENDPOINTS,
    ];
    groups.into_iter().flatten()
}
