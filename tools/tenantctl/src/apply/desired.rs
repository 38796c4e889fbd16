//! The file: the desired state of tenants, in YAML or JSON.

use std::collections::HashSet;

use anyhow::Result;
use serde_json::Value;
use tenancy::{
    Error,
    identifier::{Domains, EmailAddress, Slug},
    input::{FromFields as _, InvalidField},
    json::parse_object,
    tenant::{LimitChange, Status, TenantName, TenantSettings},
};

use crate::{
    exit::Exit,
    values::{read_file, read_input},
};

tenancy::fields! {
    /// The desired state of a tenant. Omitted members keep their values; a new tenant gets the defaults.
    #[derive(Clone)]
    pub struct Entry {
        /// The slug, which identifies the tenant.
        pub slug: Slug,
        /// The display name. A new tenant requires it.
        pub name: Option<TenantName>,
        /// The contact address, and the address of the first administrator. A new tenant requires it.
        pub admin_email: Option<EmailAddress>,
        /// The plan.
        pub plan: Option<String>,
        /// `active` or `suspended`.
        pub status: Option<Status>,
        /// All custom domains, the primary one first.
        pub domains: Option<Domains>,
        /// The limits that replace those of the plan. Null stands for the limit of the plan.
        pub limits: Option<LimitChange>,
        /// The settings that the tenant's users can read.
        pub settings: Option<TenantSettings>,
        /// The settings that only the operator can read.
        pub private_settings: Option<TenantSettings>,
    }
}

/// An entry, with its limits in the notation of the file.
#[derive(Clone)]
pub struct Desired {
    /// The checked members.
    pub entry: Entry,
    /// The limits by name.
    pub limits: Value,
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// [`Exit::Usage`] with the position for a text that is not YAML, and [`Error::InvalidFields`] with every invalid member
/// of every tenant.
pub fn read(path: &str) -> Result<Vec<Desired>> {
    let text = if path == "-" { read_input()? } else { read_file(path)? };
    parse(&text)
}

fn parse(text: &str) -> Result<Vec<Desired>> {
    let document: Value = serde_saphyr::from_str(text)
        .map_err(|error| Exit::Usage.error(format!("the file is not valid YAML: {error}")))?;
    let unknown =
        document.as_object().and_then(|members| members.keys().find(|name| *name != "tenants"));
    if let Some(name) = unknown {
        return Err(Exit::Usage.error(format!("{name} is not a member of the file. Use tenants")));
    }
    let Some(items) = document.get("tenants").and_then(Value::as_array) else {
        return Err(Exit::Usage.error("the file must have the member tenants, with a list"));
    };
    let (mut desired, mut invalid, mut slugs) = (Vec::new(), Vec::new(), HashSet::new());
    for (index, item) in items.iter().enumerate() {
        let mut refuse = |field: &str, message: String| {
            let dot = if field.is_empty() { "" } else { "." };
            invalid.push(InvalidField::new(format!("tenants[{index}]{dot}{field}"), message));
        };
        let read = parse_object(item.to_string().as_bytes()).and_then(Entry::from_object);
        match read {
            Ok(entry) => {
                if !slugs.insert(entry.slug.as_str().to_owned()) {
                    refuse("slug", "occurs more than once".to_owned());
                }
                if !matches!(entry.status, None | Some(Status::Active | Status::Suspended)) {
                    refuse(
                        "status",
                        "must be active or suspended. Use --prune to delete".to_owned(),
                    );
                }
                let limits = item.get("limits").cloned().unwrap_or_default();
                desired.push(Desired { entry, limits });
            }
            Err(Error::InvalidFields(fields)) => {
                for InvalidField { field, message } in fields {
                    refuse(&field, message);
                }
            }
            Err(error) => refuse("", error.to_string()),
        }
    }
    if invalid.is_empty() { Ok(desired) } else { Err(Error::InvalidFields(invalid).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_parses_with_omitted_members() {
        let desired = parse(
            "tenants:\n- slug: acme\n  name: Acme\n  limits: {users: 5, storage: null}\n- {slug: globex}\n",
        )
        .unwrap();
        assert_eq!(desired.len(), 2);
        assert_eq!(desired[0].limits["users"], 5);
        assert!(desired[1].entry.name.is_none() && desired[1].limits.is_null());
        assert!(parse("tenants: []").unwrap().is_empty());
    }

    #[test]
    fn every_mistake_is_reported() {
        let text = "tenants:\n- {slug: acme, status: deleted}\n- {slug: acme, colour: red}\n- {slug: acme}\n- name: x\n";
        let Err(error) = parse(text) else { panic!("mistakes are refused") };
        let Some(Error::InvalidFields(fields)) = error.downcast_ref::<Error>() else {
            panic!("{error}")
        };
        let names: Vec<_> = fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(
            names,
            ["tenants[0].status", "tenants[1].colour", "tenants[2].slug", "tenants[3].slug"]
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "tenants: {}", "a: [", "tenants: []\nplans: []", "tenants: []\ntenants: []"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
