//! The rules of `tenancy_routes`: one line for each route of the application.
//!
//! ```text
//! GET      /health           public
//! GET      /notes/...        tenant:read
//! POST,PUT /notes/...        files:write consume=ai_requests:1
//! *        /t/:tenant/...    authenticated
//! ```

use crate::path;

/// The maximum number of rules.
const MOST_RULES: usize = 256;
/// The maximum number of segments of a pattern, and of scopes of a rule.
const MOST_WORDS: usize = 32;
/// The parameter of a pattern whose value is the slug of the tenant.
const TENANT: &str = "tenant";

/// The rules in their order. The first rule that matches a request decides.
#[derive(Debug, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

#[derive(Debug, PartialEq, Eq)]
struct Rule {
    /// The methods, or none for every method.
    methods: Vec<String>,
    pattern: Vec<Segment>,
    /// Whether the pattern ends with `...`.
    is_prefix: bool,
    access: Access,
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Tenant,
    Parameter,
}

/// The access to a route.
#[derive(Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without an identity.
    Public,
    /// A verified caller with all of these scopes.
    Verified {
        /// The scopes.
        scopes: Vec<String>,
        /// The units of the tenant's quota that a call takes, such as `ai_requests:1`.
        consume: Option<String>,
    },
}

impl Rules {
    /// Parses rules. They are separated by line breaks or semicolons, and `#` starts a comment.
    ///
    /// # Errors
    /// The first invalid rule, with its number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text
            .split(['\n', ';'])
            .map(|line| line.split_once('#').map_or(line, |(rule, _)| rule).trim());
        let mut rules = Vec::new();
        for line in lines.filter(|line| !line.is_empty()) {
            if rules.len() == MOST_RULES {
                return Err(format!("more than {MOST_RULES} rules"));
            }
            let number = rules.len() + 1;
            rules.push(
                Rule::parse(line)
                    .map_err(|reason| format!("rule {number} (`{line}`): {reason}"))?,
            );
        }
        if rules.is_empty() { Err("no rules".to_owned()) } else { Ok(Self(rules)) }
    }

    /// Returns the access to a path with a method, or with any method if `method` is `None`. Also returns the slug in the
    /// path, percent-encoded.
    pub fn find<'a, 'p>(
        &'a self,
        method: Option<&str>,
        path: &[(String, &'p str)],
    ) -> Option<(&'a Access, Option<&'p str>)> {
        let is_for = |rule: &&Rule| method.is_none_or(|method| rule.is_for(method));
        let rule = self.0.iter().find(|rule| is_for(rule) && rule.is_at(path))?;
        Some((&rule.access, rule.slug(path)))
    }
}

impl Rule {
    fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let methods = methods(words.next().unwrap_or_default())?;
        let path = words.next().ok_or("the path is missing")?;
        let (pattern, is_prefix) = pattern(path)?;
        let access = access(&words.collect::<Vec<_>>())?;
        Ok(Self { methods, pattern, is_prefix, access })
    }

    /// Returns whether the rule is for a method. GET includes HEAD.
    fn is_for(&self, method: &str) -> bool {
        let has = |method: &str| self.methods.iter().any(|own| own == method);
        self.methods.is_empty() || has(method) || (method == "HEAD" && has("GET"))
    }

    /// Returns whether the pattern matches a path.
    fn is_at(&self, path: &[(String, &str)]) -> bool {
        let has_length = if self.is_prefix {
            path.len() >= self.pattern.len()
        } else {
            path.len() == self.pattern.len()
        };
        let mut pairs = self.pattern.iter().zip(path);
        has_length
            && pairs.all(|(segment, (decoded, _))| match segment {
                Segment::Literal(literal) => literal == decoded,
                Segment::Tenant | Segment::Parameter => true,
            })
    }

    /// Returns the slug in a path that the pattern matches, if the pattern has one.
    fn slug<'p>(&self, path: &[(String, &'p str)]) -> Option<&'p str> {
        let at = self.pattern.iter().position(|segment| *segment == Segment::Tenant)?;
        path.get(at).map(|(_, raw)| *raw)
    }
}

fn methods(word: &str) -> Result<Vec<String>, String> {
    if word == "*" {
        return Ok(Vec::new());
    }
    let check = |method: &str| {
        let is_valid = !method.is_empty()
            && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        if is_valid {
            Ok(method.to_owned())
        } else {
            Err(format!("`{word}` must be `*` or methods in upper case"))
        }
    };
    word.split(',').map(check).collect()
}

fn pattern(path: &str) -> Result<(Vec<Segment>, bool), String> {
    let (stem, is_prefix) = match path.strip_suffix("/...") {
        Some(stem) => (if stem.is_empty() { "/" } else { stem }, true),
        None => (path, false),
    };
    let segments = path::segments(stem).ok_or_else(|| format!("`{path}` is not a path"))?;
    if segments.len() > MOST_WORDS {
        return Err(format!("the path has more than {MOST_WORDS} segments"));
    }
    let mut pattern = Vec::new();
    for (literal, raw) in segments {
        let segment = match raw.strip_prefix(':') {
            Some("") => return Err("a parameter has no name".to_owned()),
            Some(TENANT) if pattern.contains(&Segment::Tenant) => {
                return Err("`:tenant` occurs twice".to_owned());
            }
            Some(TENANT) => Segment::Tenant,
            Some(_) => Segment::Parameter,
            None if literal == "..." || raw.contains('*') => {
                return Err(
                    "only the end of a path can be `/...`, and `*` has no meaning".to_owned()
                );
            }
            None => Segment::Literal(literal),
        };
        pattern.push(segment);
    }
    Ok((pattern, is_prefix))
}

fn access(words: &[&str]) -> Result<Access, String> {
    let (consumed, words): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| word.starts_with("consume="));
    let consume = match consumed[..] {
        [] => None,
        [word] => Some(amount(word.trim_start_matches("consume="))?),
        _ => return Err("`consume` occurs twice".to_owned()),
    };
    match words[..] {
        [] => Err("the access is missing: `public`, `authenticated` or scopes".to_owned()),
        ["public"] if consume.is_some() => {
            Err("a public route has no tenant whose quota it could consume".to_owned())
        }
        ["public"] => Ok(Access::Public),
        ["authenticated"] => Ok(Access::Verified { scopes: Vec::new(), consume }),
        _ if words.len() > MOST_WORDS => Err(format!("more than {MOST_WORDS} scopes")),
        _ => {
            let scopes = words.iter().map(|word| scope(word)).collect::<Result<_, _>>()?;
            Ok(Access::Verified { scopes, consume })
        }
    }
}

/// Checks the form of a scope. Tenancy knows which scopes exist.
fn scope(word: &str) -> Result<String, String> {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let is_scope = word.contains(':') && word.split(':').all(is_part);
    if is_scope {
        Ok(word.to_owned())
    } else {
        Err(format!("`{word}` is not a scope such as `tenant:read`"))
    }
}

fn amount(text: &str) -> Result<String, String> {
    let is_resource = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let is_amount = text.split_once(':').is_some_and(|(resource, amount)| {
        is_resource(resource)
            && amount.parse().is_ok_and(|amount: u16| (1..=1_000).contains(&amount))
    });
    if is_amount {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is not a resource and a number from 1 to 1000, such as `ai_requests:1`"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "
        # A comment.
        GET /health public; GET /assets/... public
        GET /notes/... tenant:read
        POST,PUT /notes/:id tenant:read files:write consume=ai_requests:2   # two scopes
        * /t/:tenant/... authenticated
        GET / public";

    fn found(method: &str, path: &str) -> Option<String> {
        let rules = Rules::parse(RULES).unwrap();
        let path = path::segments(path).unwrap();
        rules.find(Some(method), &path).map(|(access, slug)| match access {
            Access::Public => "public".to_owned(),
            Access::Verified { scopes, consume } => {
                format!("{} {:?} {:?}", scopes.join("+"), consume.as_deref(), slug)
            }
        })
    }

    #[test]
    fn first_matching_rule_decides() {
        let read = "tenant:read None None";
        for (method, path, expected) in [
            ("GET", "/health", Some("public")),
            ("GET", "/health/", Some("public")),
            ("HEAD", "/health", Some("public")),
            ("POST", "/health", None),
            ("GET", "/health/deep", None),
            ("GET", "/healthy", None),
            ("GET", "/assets", Some("public")),
            ("GET", "/assets/a/b.css", Some("public")),
            ("GET", "/assetsx", None),
            ("GET", "/notes", Some(read)),
            ("GET", "/%6Eotes/1/2", Some(read)),
            ("GET", "/Notes", None),
            ("POST", "/notes/1", Some("tenant:read+files:write Some(\"ai_requests:2\") None")),
            ("PUT", "/notes/1/", Some("tenant:read+files:write Some(\"ai_requests:2\") None")),
            ("PUT", "/notes/1/2", None),
            ("DELETE", "/notes/1", None),
            ("BREW", "/t/acme", Some(" None Some(\"acme\")")),
            ("GET", "/t/a%20b/c", Some(" None Some(\"a%20b\")")),
            ("GET", "/t", None),
            ("GET", "/", Some("public")),
            ("get", "/health", None),
        ] {
            assert_eq!(found(method, path).as_deref(), expected, "{method} {path}");
        }
        let rules = Rules::parse(RULES).unwrap();
        assert!(rules.find(None, &path::segments("/notes/1").unwrap()).is_some());
        assert!(rules.find(None, &path::segments("/nothing").unwrap()).is_none());
    }

    #[test]
    fn invalid_rule_is_named() {
        for (text, reason) in [
            ("", "no rules"),
            ("# nothing\n;", "no rules"),
            ("GET", "rule 1 (`GET`): the path is missing"),
            ("GET / public\nGET /a", "rule 2 (`GET /a`): the access is missing"),
            ("get / public", "must be `*` or methods"),
            ("GET,, / public", "must be `*` or methods"),
            ("GET notes public", "is not a path"),
            ("GET /a//b public", "is not a path"),
            ("GET /../a public", "is not a path"),
            ("GET /a%2fb public", "is not a path"),
            ("GET /.../a public", "only the end"),
            ("GET /a/* public", "only the end"),
            ("GET /: public", "no name"),
            ("GET /:tenant/:tenant authenticated", "occurs twice"),
            ("GET / public tenant:read", "`public` is not a scope"),
            ("GET / tenant", "is not a scope"),
            ("GET / tenant:read&consume=x", "is not a scope"),
            ("GET / public consume=ai_requests:1", "has no tenant"),
            ("GET / consume=ai_requests:1", "the access is missing"),
            ("GET / authenticated consume=ai_requests", "is not a resource"),
            ("GET / authenticated consume=ai_requests:0", "is not a resource"),
            ("GET / authenticated consume=ai_requests:1001", "is not a resource"),
            ("GET / authenticated consume=a&b:1", "is not a resource"),
            ("GET / authenticated consume=a:1 consume=b:1", "occurs twice"),
        ] {
            let error = Rules::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(Rules::parse(&"GET / public\n".repeat(257)).unwrap_err().contains("more than 256"));
        let long = format!("GET {} public", "/a".repeat(33));
        assert!(Rules::parse(&long).unwrap_err().contains("more than 32"));
        let scopes = format!("GET / {}", "a:b ".repeat(33));
        assert!(Rules::parse(&scopes).unwrap_err().contains("more than 32"));
    }
}
