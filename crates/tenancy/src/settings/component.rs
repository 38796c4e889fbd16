//! The components of the application. A setting declares the components that get it.

/// A component of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// The operator routes of the platform.
    Admin,
    /// Sign-in, users and API keys.
    Auth,
    /// Health, metrics and API documentation.
    Health,
    /// The routes of tenants.
    Tenant,
}

impl Component {
    /// Lists every component.
    pub const ALL: &[Self] = &[Self::Admin, Self::Auth, Self::Health, Self::Tenant];
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::settings::{DECLARATIONS, Settings, documents};

    const ALL: [(Component, &str); 4] = [
        (Component::Admin, "admin"),
        (Component::Auth, "auth"),
        (Component::Health, "health"),
        (Component::Tenant, "tenant"),
    ];

    // S40
    #[test]
    fn manifest_grants_exactly_the_required_settings() {
        let manifest = documents::manifest();
        assert_eq!(ALL.map(|(component, _)| component), Component::ALL);
        for (component, name) in ALL {
            let start = format!("\n[component.{name}.variables]\n");
            let (_, variables) = manifest.split_once(&start).unwrap();
            let variables = variables.split("\n[").next().unwrap();
            let given: BTreeSet<_> = variables
                .lines()
                .filter_map(|line| line.split_once(" = "))
                .map(|(name, _)| name.to_ascii_uppercase())
                .collect();
            let wanted: BTreeSet<_> = DECLARATIONS
                .iter()
                .filter(|setting| setting.is_given_to(component))
                .map(|setting| setting.name.to_owned())
                .collect();
            assert_eq!(given, wanted, "{name}");
        }
    }

    #[test]
    fn health_gets_no_keys() {
        for name in ["MASTER_ENCRYPTION_KEY", "JWT_SECRET_KEY", "ADMIN_API_KEY"] {
            let setting = DECLARATIONS.iter().find(|setting| setting.name == name).unwrap();
            assert!(!setting.is_given_to(Component::Health), "{name}");
        }
    }

    #[test]
    fn every_component_runs_with_its_own_settings_and_stand_ins() {
        let url = "postgres://tenancy:secret@db.internal:5432/tenancy";
        let given = |name| match name {
            "MASTER_DATABASE_URL" => Some(url.to_owned()),
            "TENANT_DATABASE_TEMPLATE" => Some("postgres://db.internal/t_{tenant_slug}".to_owned()),
            "MASTER_ENCRYPTION_KEY" => Some("8f14e45fceea167a5a36dedd4bea2543".to_owned()),
            "JWT_SECRET_KEY" => Some("c9f0f895fb98ab9159f51fd0297e236d".to_owned()),
            "ADMIN_API_KEY" => Some("45c48cce2e2d7fbdea1afc51c7c6ad26".to_owned()),
            _ => None,
        };
        let random = [
            "6512bd43d9caa6e02c990b0a82652dca",
            "c20ad4d76fe97759aa27a0c99bff6710",
            "c51ce410c124a10e0db5e4b97fc2af39",
        ];
        for (component, name) in ALL {
            let mut random = random.iter();
            let values: BTreeMap<_, _> = DECLARATIONS
                .iter()
                .filter_map(|setting| {
                    let value = if setting.is_given_to(component) {
                        given(setting.name)
                    } else {
                        let is_random = setting.is_required() && setting.stand_in.is_none();
                        let random = if is_random { random.next() } else { None };
                        setting.stand_in(random.copied().unwrap_or_default())
                    };
                    Some((setting.name, value?))
                })
                .collect();
            let parsed = Settings::parse(&values);
            assert!(parsed.is_ok(), "{name}: {:?}", parsed.err());
        }
    }
}
