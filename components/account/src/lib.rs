//! The account of a person: flows that are rare, so their component is small instead of fast.

use web::Endpoint;

web::component!(Account, ENDPOINTS);

/// The endpoints of this component.
pub const ENDPOINTS: &[Endpoint] = &[];

#[cfg(test)]
mod tests {
    #[test]
    fn paths_have_no_conflict() {
        assert_eq!(web::Router::new(super::ENDPOINTS).check(), [] as [String; 0]);
    }
}
