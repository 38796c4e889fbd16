//! The migrations, embedded in the program.

use super::Migration;

macro_rules! migrations {
    ($folder:literal: $($version:literal => $name:literal),+ $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../../../migrations/", $folder, "/", $name, ".sql")),
        }),+]
    };
}

pub(super) const CATALOG: &[Migration] = migrations!("catalog": 1 => "0001_catalog", 2 => "0002_identity", 3 => "0003_resources",
                4 => "0004_api_keys", 5 => "0005_crash_safety", 6 => "0006_exact_settings", 7 => "0007_bounds",
                8 => "0008_identity", 9 => "0009_audit", 10 => "0010_operator_keys", 11 => "0011_password_rotation",
                12 => "0012_rfc3339_times", 13 => "0013_audit_filters", 14 => "0014_plan_limits",
                15 => "0015_database_credentials", 16 => "0016_app_migrations",
                17 => "0017_tenant_bundles", 18 => "0018_former_slugs", 19 => "0019_clusters", 20 => "0020_audit_redactions",
                21 => "0021_access_definitions", 22 => "0022_settings_search",
                23 => "0023_verified_addresses");
pub(super) const TENANT: &[Migration] = migrations!("tenant": 1 => "0001_tenant", 2 => "0002_identity", 3 => "0003_resources",
                4 => "0004_case_folding", 5 => "0005_bounds", 6 => "0006_identity", 7 => "0007_audit",
                8 => "0008_rfc3339_times", 9 => "0009_schemas", 10 => "0010_user_erasures",
                11 => "0011_second_factors", 12 => "0012_custom_roles", 13 => "0013_user_metadata",
                14 => "0014_mail", 15 => "0015_account_tokens", 16 => "0016_mailed_sign_in",
                17 => "0017_breached_passwords", 18 => "0018_verified_addresses",
                19 => "0019_passkeys", 20 => "0020_address_tombstones");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_embedded_in_order() {
        for (folder, migrations) in [("catalog", CATALOG), ("tenant", TENANT)] {
            let path = format!("{}/../../migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<_> = std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let embedded: Vec<_> =
                migrations.iter().map(|migration| format!("{}.sql", migration.name)).collect();
            assert_eq!(files, embedded, "{folder}");
            for (index, migration) in migrations.iter().enumerate() {
                assert_eq!(usize::try_from(migration.version).unwrap(), index + 1);
                assert!(migration.name.starts_with(&format!("{:04}_", migration.version)));
            }
        }
    }
}
