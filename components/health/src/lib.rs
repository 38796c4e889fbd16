//! The service itself: version, health, metrics and API documentation. Also responds to paths without a route.

mod compressed;
mod detailed;
mod docs;
mod live;
mod metrics;
mod openapi;
mod root;

use web::Endpoint;

web::component!(Health, ENDPOINTS);

/// The endpoints of this component.
pub const ENDPOINTS: &[Endpoint] = &[
    root::ENDPOINT,
    docs::ENDPOINT,
    docs::asset::ENDPOINT,
    live::ENDPOINT,
    detailed::ENDPOINT,
    metrics::ENDPOINT,
    openapi::ENDPOINT,
];

#[cfg(test)]
mod tests {
    #[test]
    fn paths_have_no_conflict() {
        assert_eq!(web::Router::new(super::ENDPOINTS).check(), [] as [String; 0]);
    }
}
