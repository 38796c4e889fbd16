mod api_keys;
mod change_tenant;
mod create_tenant;
mod get_tenant;
mod hard_delete;
mod list_tenants;
mod plans;
mod usage;
