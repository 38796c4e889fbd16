//! The components of the application. A setting declares the components that get it.

/// A component of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// Resets, confirmations and other rare flows of people.
    Account,
    /// The operator routes of the platform.
    Admin,
    /// Sign-in, users and API keys.
    Auth,
    /// Health, metrics and API documentation.
    Health,
    /// The routes of tenants.
    Tenant,
    /// Calls of other servers. It has no route, no database and no keys.
    Outbound,
}

impl Component {
    /// Lists every component.
    pub const ALL: &[Self] =
        &[Self::Account, Self::Admin, Self::Auth, Self::Health, Self::Tenant, Self::Outbound];
    /// Lists the components with routes, which use the stores.
    pub const WITH_ROUTES: &[Self] =
        &[Self::Account, Self::Admin, Self::Auth, Self::Health, Self::Tenant];
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::settings::{DECLARATIONS, Settings, documents, tests};

    const ALL: [(Component, &str); 6] = [
        (Component::Account, "account"),
        (Component::Admin, "admin"),
        (Component::Auth, "auth"),
        (Component::Health, "health"),
        (Component::Tenant, "tenant"),
        (Component::Outbound, "outbound"),
    ];

    // S40
    #[test]
    fn manifest_grants_exactly_the_required_settings() {
        let manifest = documents::manifest();
        assert_eq!(ALL.map(|(component, _)| component), Component::ALL);
        for (component, name) in ALL {
            let start = format!("[component.{name}.variables]");
            let (_, variables) = manifest.split_once(&format!("\n{start}\n")).unwrap();
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
            let missing: Vec<_> = wanted.difference(&given).collect();
            assert!(missing.is_empty(), "{start} lacks {missing:?}");
            let unneeded: Vec<_> = given.difference(&wanted).collect();
            assert!(unneeded.is_empty(), "{start} must not have {unneeded:?}");
        }
    }

    // S51
    #[test]
    fn outbound_gets_only_its_own_settings() {
        for setting in DECLARATIONS {
            let is_of_mail = setting.name.starts_with("MAIL_API_");
            let is_own = is_of_mail || setting.name == "BREACHED_PASSWORDS_URL";
            assert_eq!(setting.is_given_to(Component::Outbound), is_own, "{}", setting.name);
            assert!(!is_of_mail || setting.components == [Component::Outbound], "{}", setting.name);
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
        let given = tests::values(&[]);
        let with_routes =
            ALL.iter().filter(|(component, _)| Component::WITH_ROUTES.contains(component));
        for &(component, name) in with_routes {
            let values: BTreeMap<_, _> = DECLARATIONS
                .iter()
                .filter_map(|setting| {
                    let value = if setting.is_given_to(component) {
                        given.get(setting.name).cloned()
                    } else {
                        let random = Sha256::digest(setting.name);
                        setting.stand_in(&base16ct::lower::encode_string(&random))
                    };
                    Some((setting.name, value?))
                })
                .collect();
            let parsed = Settings::parse(&values);
            assert!(parsed.is_ok(), "{name}: {:?}", parsed.err());
        }
    }
}
