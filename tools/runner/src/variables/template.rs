//! Texts that contain `{{ variable }}`.

use super::error::Error;

/// A text with parts that are values of variables.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(String),
    Variable(String),
}

/// A lookup of variable values.
pub trait Lookup {
    /// Returns the value of the variable `name`.
    fn variable(&self, name: &str) -> Result<String, Error>;
}

impl Template {
    /// Parses `text`. `{{` without `}}` is an error.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, expression)) = rest.split_once("{{") {
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            let (name, after) = expression
                .split_once("}}")
                .ok_or_else(|| Error::InvalidTemplate("unmatched '{{' in template".to_owned()))?;
            parts.push(Part::Variable(name.trim().to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// Returns whether the text contains no variable.
    pub fn is_literal(&self) -> bool {
        self.variables().next().is_none()
    }

    /// Returns the names of the variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Variable(name) => Some(name.as_str()),
        })
    }

    /// Returns the text with the values of `lookup`.
    pub fn resolve(&self, lookup: &impl Lookup) -> Result<String, Error> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Variable(name) => text.push_str(&lookup.variable(name)?),
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Upper;

    impl Lookup for Upper {
        fn variable(&self, name: &str) -> Result<String, Error> {
            match name {
                "none" => Err(Error::Undefined("none".to_owned())),
                name => Ok(name.to_uppercase()),
            }
        }
    }

    fn resolve(text: &str) -> Result<String, Error> {
        Template::parse(text)?.resolve(&Upper)
    }

    #[test]
    fn variables_are_replaced() {
        for (text, expected) in [
            ("", ""),
            ("a", "a"),
            ("{{ a }}", "A"),
            ("{{a}}{{  b  }}", "AB"),
            ("x-{{ a }}-y", "x-A-y"),
            ("}} {{ a }} }}", "}} A }}"),
            ("{ {a} }", "{ {a} }"),
        ] {
            assert_eq!(resolve(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn braces_must_match() {
        assert!(matches!(resolve("{{ a }} {{ b"), Err(Error::InvalidTemplate(_))));
    }

    #[test]
    fn lookup_error_is_returned() {
        assert!(matches!(resolve("{{ none }}"), Err(Error::Undefined(_))));
    }

    #[test]
    fn literal_has_no_variables() {
        assert!(Template::parse("a } b").unwrap().is_literal());
        assert!(!Template::parse("a {{ b }}").unwrap().is_literal());
    }
}
