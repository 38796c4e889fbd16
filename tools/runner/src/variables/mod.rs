//! The variables of an application, and the part that each component sees.

mod error;
mod provider;
pub mod source;
mod template;
mod variable;

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, ensure};

pub use error::Error;
pub use provider::{EnvProvider, Provider};
pub use template::{Lookup, Template};
pub use variable::Variable;

/// All variables of an application.
#[derive(Debug)]
pub struct Variables {
    variables: BTreeMap<String, Variable>,
    /// By component, by name.
    templates: HashMap<String, HashMap<String, Template>>,
    providers: Vec<Provider>,
}

/// The default values of variables.
pub struct Defaults<'a>(pub &'a BTreeMap<String, Variable>);

impl Variables {
    /// Combines the variables of an application and the templates of its components, by their ids, with the values of
    /// `providers`, in the order of precedence.
    ///
    /// Fails if a template names no variable. Also fails if required variables have no value, and names all of them.
    pub fn new<'a>(
        variables: &BTreeMap<String, Variable>,
        components: impl Iterator<Item = (&'a String, &'a BTreeMap<String, String>)>,
        providers: Vec<Provider>,
    ) -> anyhow::Result<Self> {
        let mut templates = HashMap::new();
        for (id, texts) in components {
            let of_component = texts
                .iter()
                .map(|(name, text)| {
                    let template = known_template(text, variables)
                        .with_context(|| format!("variable {name:?} of component {id:?}"))?;
                    Ok((name.clone(), template))
                })
                .collect::<anyhow::Result<_>>()?;
            templates.insert(id.clone(), of_component);
        }

        let missing: Vec<&str> = variables
            .iter()
            .filter(|(_, variable)| variable.default.is_none())
            .map(|(name, _)| name.as_str())
            .filter(|name| !providers.iter().any(|provider| provider.may_resolve(name)))
            .collect();
        ensure!(
            missing.is_empty(),
            "the required variable(s) {} have no value",
            missing.join(", ")
        );

        Ok(Self { variables: variables.clone(), templates, providers })
    }

    /// Returns the value of `name` for the component `component`.
    pub fn get(&self, component: &str, name: &str) -> Result<String, Error> {
        check_name(name)?;
        let template =
            self.templates.get(component).and_then(|templates| templates.get(name)).ok_or_else(
                || Error::Undefined(format!("no variable for {component:?}.{name:?}")),
            )?;
        template.resolve(self)
    }
}

impl Lookup for Variables {
    fn variable(&self, name: &str) -> Result<String, Error> {
        for provider in &self.providers {
            if let Some(value) = provider.get(name).map_err(Error::Provider)? {
                return Ok(value);
            }
        }
        Defaults(&self.variables).variable(name)
    }
}

impl Lookup for Defaults<'_> {
    fn variable(&self, name: &str) -> Result<String, Error> {
        let variable = self.0.get(name).ok_or_else(|| Error::InvalidName(name.to_owned()))?;
        variable.default.clone().ok_or_else(|| {
            Error::Provider(anyhow::anyhow!("no provider resolved required variable {name:?}"))
        })
    }
}

fn known_template(text: &str, variables: &BTreeMap<String, Variable>) -> Result<Template, Error> {
    let template = Template::parse(text)?;
    if let Some(name) = template.variables().find(|name| !variables.contains_key(*name)) {
        return Err(Error::InvalidTemplate(format!("unknown variable {name:?}")));
    }
    Ok(template)
}

/// Returns whether `name` is a valid variable name: lower-case ASCII letters, digits, and single underscores between
/// them, with a letter first.
fn check_name(name: &str) -> Result<(), Error> {
    let reason = if name.is_empty() {
        "must not be empty"
    } else if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        "must contain only lower-case letters, digits and underscores"
    } else if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        "must start with a lower-case letter"
    } else if name.ends_with('_') {
        "must end with a lower-case letter or a digit"
    } else if name.contains("__") {
        "must not contain consecutive underscores"
    } else {
        return Ok(());
    };
    Err(Error::InvalidName(format!("{name:?}: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const MANIFEST: &str = r#"
        spin_manifest_version = 2
        [application]
        name = "test"
        [variables]
        host = { default = "localhost" }
        password = { required = true, secret = true }
        token = { required = true }
        [[trigger.http]]
        route = "/..."
        component = "a"
        [component.a]
        source = "a.wasm"
        variables = { url = "http://u:{{ password }}@{{ host }}/", fixed = "x" }
        [component.b]
        source = "b.wasm"
    "#;

    fn new(manifest: &str, providers: Vec<Provider>) -> anyhow::Result<Variables> {
        let manifest = crate::manifest::parse(manifest)?;
        let app = crate::manifest::App::new(manifest, Path::new(""))?;
        Variables::new(&app.variables, app.templates(), providers)
    }

    fn values(pairs: &[(&str, &str)]) -> Provider {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Provider::Static(pairs.iter().map(pair).collect())
    }

    #[test]
    fn template_uses_first_provider_with_value() {
        let providers = vec![
            values(&[("password", "first")]),
            values(&[("password", "second"), ("token", "t"), ("host", "db")]),
        ];
        let variables = new(MANIFEST, providers).unwrap();
        assert_eq!(variables.get("a", "url").unwrap(), "http://u:first@db/");
        assert_eq!(variables.get("a", "fixed").unwrap(), "x");
    }

    #[test]
    fn default_has_lowest_precedence() {
        let variables = new(MANIFEST, vec![values(&[("password", "p"), ("token", "t")])]).unwrap();
        assert_eq!(variables.get("a", "url").unwrap(), "http://u:p@localhost/");
    }

    #[test]
    fn all_missing_variables_are_listed() {
        let error = new(MANIFEST, vec![values(&[])]).unwrap_err().to_string();
        assert!(error.contains("password, token"), "{error}");
        let error = new(MANIFEST, vec![values(&[("token", "")])]).unwrap_err().to_string();
        assert!(error.contains("password") && !error.contains("token"), "{error}");
    }

    #[test]
    fn component_sees_only_its_variables() {
        let variables = new(MANIFEST, vec![values(&[("password", "p"), ("token", "t")])]).unwrap();
        for (component, name) in [("b", "url"), ("a", "host"), ("a", "password"), ("c", "url")] {
            assert!(matches!(variables.get(component, name), Err(Error::Undefined(_))));
        }
    }

    #[test]
    fn invalid_and_undefined_names_differ() {
        let variables = new(MANIFEST, vec![values(&[("password", "p"), ("token", "t")])]).unwrap();
        for name in ["", "A", "1a", "_a", "a_", "a__b", "a-b", "a.b", "ä"] {
            assert!(matches!(variables.get("a", name), Err(Error::InvalidName(_))), "{name}");
        }
        for name in ["none", "a1_2"] {
            assert!(matches!(variables.get("a", name), Err(Error::Undefined(_))), "{name}");
        }
    }

    #[test]
    fn unknown_variable_in_template_is_refused() {
        let manifest = MANIFEST.replace("{{ host }}", "{{ hots }}");
        let error = format!("{:#}", new(&manifest, vec![]).unwrap_err());
        assert!(error.contains("hots") && error.contains("url"), "{error}");
    }
}
