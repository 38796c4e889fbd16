mod create_tenant;
mod get_tenant;
mod list_tenants;
