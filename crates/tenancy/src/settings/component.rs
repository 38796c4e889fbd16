//! The components of the application, and the secrets that each component gets.

use super::NAMES;

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

/// The settings that only some components get, with these components. All other components get none of these settings.
const SOME: [(&str, &[Component]); 9] = [
    ("TENANT_DATABASE_TEMPLATE", &[Component::Admin, Component::Auth, Component::Tenant]),
    ("MASTER_ENCRYPTION_KEY", &[Component::Admin, Component::Auth, Component::Tenant]),
    ("MASTER_DECRYPTION_KEYS", &[Component::Admin, Component::Auth, Component::Tenant]),
    ("JWT_SECRET_KEY", &[Component::Auth, Component::Tenant]),
    ("JWT_ED25519_KEY", &[Component::Auth, Component::Tenant]),
    ("JWT_VERIFICATION_SECRET_KEYS", &[Component::Auth, Component::Tenant]),
    ("JWT_VERIFICATION_ED25519_KEYS", &[Component::Auth, Component::Tenant]),
    ("ADMIN_API_KEY", &[Component::Admin]),
    ("METRICS_TOKEN", &[Component::Health]),
];

impl Component {
    /// Returns whether the component gets a setting.
    pub fn gets(self, name: &str) -> bool {
        SOME.iter().find(|some| some.0 == name).is_none_or(|some| some.1.contains(&self))
    }

    /// Returns the settings that the component gets.
    pub fn settings(self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().filter(move |name| self.gets(name))
    }

    /// Returns a stand-in for a required setting that the component does not get. For a secret this is `random`, so
    /// that it unseals nothing and no caller has it. Returns `None` for an optional setting.
    pub fn stand_in(name: &str, random: &str) -> Option<String> {
        match name {
            "TENANT_DATABASE_TEMPLATE" => {
                Some("postgres://withheld.invalid/{tenant_slug}".to_owned())
            }
            "MASTER_ENCRYPTION_KEY" | "JWT_SECRET_KEY" | "ADMIN_API_KEY" => Some(random.to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::settings::Settings;

    const ALL: [(Component, &str); 4] = [
        (Component::Admin, "admin"),
        (Component::Auth, "auth"),
        (Component::Health, "health"),
        (Component::Tenant, "tenant"),
    ];

    // S40
    #[test]
    fn manifest_grants_exactly_the_required_settings() {
        let manifest = include_str!("../../../../spin.toml");
        for (component, name) in ALL {
            let start = format!("\n[component.{name}.variables]\n");
            let (_, variables) = manifest.split_once(&start).unwrap();
            let variables = variables.split("\n[").next().unwrap();
            let given: BTreeSet<_> = variables
                .lines()
                .filter_map(|line| line.split_once(" = "))
                .map(|(name, _)| name.to_ascii_uppercase())
                .collect();
            let wanted: BTreeSet<_> = component.settings().map(str::to_owned).collect();
            assert_eq!(given, wanted, "{name}");
        }
    }

    #[test]
    fn health_gets_no_keys() {
        for secret in ["MASTER_ENCRYPTION_KEY", "JWT_SECRET_KEY", "ADMIN_API_KEY"] {
            assert!(!Component::Health.gets(secret), "{secret}");
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
            let values: BTreeMap<_, _> = NAMES
                .into_iter()
                .filter_map(|name| {
                    let value = if component.gets(name) {
                        given(name)
                    } else {
                        let secret = if name.ends_with("KEY") { random.next() } else { None };
                        Component::stand_in(name, secret.copied().unwrap_or_default())
                    };
                    Some((name, value?))
                })
                .collect();
            let parsed = Settings::parse(&values);
            assert!(parsed.is_ok(), "{name}: {:?}", parsed.err());
        }
    }
}
