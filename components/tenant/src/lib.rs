//! The endpoints for the members of a tenant: files, cache, database, usage and audit trail.

mod audit;
mod cache;
mod database;
mod files;
mod groups;
mod info;
mod mail_settings;
mod permissions;
mod roles;
mod security_policy;
mod stats;
mod switching;
mod usage;

use web::Endpoint;

web::component!(Tenant, ENDPOINTS);

/// The endpoints of this component.
pub const ENDPOINTS: &[Endpoint] = &[
    info::ENDPOINT,
    stats::ENDPOINT,
    security_policy::get::ENDPOINT,
    security_policy::update::ENDPOINT,
    mail_settings::get::ENDPOINT,
    mail_settings::update::ENDPOINT,
    switching::get::ENDPOINT,
    switching::replace::ENDPOINT,
    usage::get::ENDPOINT,
    usage::report::ENDPOINT,
    usage::history::ENDPOINT,
    audit::list::ENDPOINT,
    audit::export::ENDPOINT,
    audit::verify::ENDPOINT,
    files::list::ENDPOINT,
    files::get::ENDPOINT,
    files::put::ENDPOINT,
    files::delete::ENDPOINT,
    database::create::ENDPOINT,
    database::list::ENDPOINT,
    database::revoke::ENDPOINT,
    cache::clear::ENDPOINT,
    cache::get::ENDPOINT,
    cache::put::ENDPOINT,
    cache::delete::ENDPOINT,
    permissions::list::ENDPOINT,
    permissions::create::ENDPOINT,
    permissions::delete::ENDPOINT,
    roles::list::ENDPOINT,
    roles::create::ENDPOINT,
    roles::get::ENDPOINT,
    roles::update::ENDPOINT,
    roles::delete::ENDPOINT,
    groups::list::ENDPOINT,
    groups::create::ENDPOINT,
    groups::get::ENDPOINT,
    groups::update::ENDPOINT,
    groups::delete::ENDPOINT,
    groups::members::list::ENDPOINT,
    groups::members::add::ENDPOINT,
    groups::members::remove::ENDPOINT,
];

/// Schemas of parameters, which utoipa does not collect.
#[cfg(not(target_family = "wasm"))]
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(
    tenancy::audit::Format,
    tenancy::event::Severity,
    tenancy::usage::history::Format,
    tenancy::quota::repo::Granularity,
)))]
pub struct Schemas;

#[cfg(test)]
mod tests {
    #[test]
    fn paths_have_no_conflict() {
        assert_eq!(web::Router::new(super::ENDPOINTS).check(), [] as [String; 0]);
    }
}
