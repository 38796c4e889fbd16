//! The trigger for each path, as Spin's router selects it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, anyhow};
use routefinder::{Captures, RouteSpec};

use crate::manifest::{HttpTrigger, Route, TriggerTarget};

/// The prefix of paths that the host itself serves.
pub const WELL_KNOWN_PREFIX: &str = "/.well-known/spin/";

/// All routes of an application.
#[derive(Debug)]
pub struct Router {
    routes: routefinder::Router<Handler>,
}

/// The target of a route.
#[derive(Debug)]
struct Handler {
    /// The pattern in the manifest.
    raw: String,
    /// The pattern with a leading slash and without a trailing one.
    path: String,
    /// The name in the list of routes.
    name: String,
    target: TriggerTarget,
}

/// A route that another route with the same pattern replaces.
#[derive(Debug, PartialEq)]
pub struct Duplicate {
    /// The pattern.
    pub route: String,
    /// The target of the replaced route.
    pub replaced: String,
    /// The target of the other route.
    pub effective: String,
}

/// The route for one path.
#[derive(Debug)]
pub struct RouteMatch<'a> {
    handler: &'a Handler,
    captures: Captures<'a, 'a>,
    path: &'a str,
}

impl Router {
    /// Adds the routes of `triggers`, and reports routes without effect.
    ///
    /// Of two equal patterns the later wins. Private routes are skipped.
    pub fn new(triggers: &[HttpTrigger]) -> Result<(Self, Vec<Duplicate>)> {
        let mut handlers: Vec<Handler> = Vec::new();
        let mut duplicates = Vec::new();
        for trigger in triggers {
            let Route::Pattern(raw) = &trigger.route else {
                continue;
            };
            let handler = Handler::new(raw, trigger);
            match handlers.iter_mut().find(|other| other.raw == handler.raw) {
                Some(replaced) => {
                    let replaced = std::mem::replace(replaced, handler);
                    duplicates.push(Duplicate {
                        route: replaced.display_path().to_owned(),
                        replaced: replaced.name,
                        effective: trigger_name(trigger).to_owned(),
                    });
                }
                None => handlers.push(handler),
            }
        }

        let mut routes = routefinder::Router::new();
        for handler in handlers {
            let spec = handler.spec().map_err(|error| {
                anyhow!("invalid route {:?} of {:?}: {error}", handler.raw, handler.name)
            })?;
            routes.add(spec, handler).map_err(|error| anyhow!("{error}"))?;
        }
        Ok((Self { routes }, duplicates))
    }

    /// Returns the router of calls between components, whose only route matches each path.
    pub fn of_chained_calls() -> Result<Self> {
        let trigger = HttpTrigger {
            id: String::new(),
            route: Route::Pattern("/...".to_owned()),
            target: TriggerTarget::Component(String::new()),
        };
        Ok(Self::new(&[trigger])?.0)
    }

    /// Returns the most specific route that matches `path`.
    pub fn find<'a>(&'a self, path: &'a str) -> Option<RouteMatch<'a>> {
        let best = self.routes.best_match(path)?;
        let handler: &'a Handler = best.handler();
        Some(RouteMatch { handler, captures: best.captures(), path })
    }

    /// Returns the name and the path of each route, in the order of precedence.
    pub fn list(&self) -> impl Iterator<Item = (&str, String)> {
        self.routes.iter().map(|(_, handler)| (handler.name.as_str(), handler.to_string()))
    }

    /// Returns whether the host itself serves a route.
    pub fn has_well_known(&self) -> bool {
        self.routes.iter().any(|(_, handler)| handler.path.starts_with(WELL_KNOWN_PREFIX))
    }
}

impl Handler {
    fn new(raw: &str, trigger: &HttpTrigger) -> Self {
        let slash = if raw.starts_with('/') { "" } else { "/" };
        let path = format!("{slash}{raw}");
        Self {
            raw: raw.to_owned(),
            path: path.strip_suffix('/').unwrap_or(&path).to_owned(),
            name: trigger_name(trigger).to_owned(),
            target: trigger.target.clone(),
        }
    }

    /// Returns the path before the trailing wildcard, if there is one.
    fn wildcard_prefix(&self) -> Option<&str> {
        self.path.strip_suffix("/...").or_else(|| self.path.strip_suffix("/*"))
    }

    fn spec(&self) -> Result<RouteSpec, String> {
        match self.path.strip_suffix("/...") {
            Some(prefix) => format!("{prefix}/*").parse(),
            None => self.path.parse(),
        }
    }

    fn display_path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wildcard_prefix() {
            Some(prefix) => write!(f, "{prefix} (wildcard)"),
            None => f.write_str(&self.path),
        }
    }
}

fn trigger_name(trigger: &HttpTrigger) -> &str {
    match &trigger.target {
        TriggerTarget::Component(id) => id,
        TriggerTarget::Static(_) => &trigger.id,
    }
}

impl<'a> RouteMatch<'a> {
    /// Returns the target of the route.
    pub fn target(&self) -> &'a TriggerTarget {
        &self.handler.target
    }

    /// Returns the pattern as a path.
    pub fn route(&self) -> &'a str {
        &self.handler.path
    }

    /// Returns the pattern in the manifest.
    pub fn raw_route(&self) -> &'a str {
        &self.handler.raw
    }

    /// Returns the pattern in the manifest, without a trailing wildcard.
    pub fn raw_route_prefix(&self) -> &'a str {
        self.handler.raw.strip_suffix("/...").unwrap_or(&self.handler.raw)
    }

    /// Returns the values of named segments. Of two segments with the same name, the later one wins.
    pub fn named_segments(&self) -> BTreeMap<&str, &str> {
        self.captures.iter().collect()
    }

    /// Returns the value of the trailing wildcard: empty, or with a leading slash.
    pub fn trailing_wildcard(&self) -> Cow<'_, str> {
        let Some(rest) = self.captures.wildcard() else {
            return Cow::Borrowed("");
        };
        // The router drops a trailing slash, but Spin keeps it.
        let end = if self.path.ends_with('/') { "/" } else { "" };
        match (rest, end) {
            ("", end) => Cow::Borrowed(end),
            (rest, end) => Cow::Owned(format!("/{rest}{end}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::schema::Private;

    fn trigger(route: Route, component: &str) -> HttpTrigger {
        let target = TriggerTarget::Component(component.to_owned());
        HttpTrigger { id: format!("{component}-http-trigger"), route, target }
    }

    fn build(routes: &[(&str, &str)]) -> (Router, Vec<Duplicate>) {
        let triggers: Vec<_> = routes
            .iter()
            .map(|(route, component)| trigger(Route::Pattern((*route).to_owned()), component))
            .collect();
        Router::new(&triggers).unwrap()
    }

    fn router(routes: &[(&str, &str)]) -> Router {
        build(routes).0
    }

    fn find<'a>(router: &'a Router, path: &'a str) -> Option<&'a str> {
        match router.find(path)?.target() {
            TriggerTarget::Component(id) => Some(id),
            TriggerTarget::Static(_) => None,
        }
    }

    #[test]
    fn most_specific_route_wins() {
        let routes = [
            ("/...", "all"),
            ("/a", "exact"),
            ("/a/...", "below"),
            ("/a/:id", "segment"),
            ("/a/:id/x", "inner"),
            ("/a/b/...", "deeper"),
            ("/a/b/c", "deepest"),
        ];
        let mut reversed = routes;
        reversed.reverse();
        for routes in [routes, reversed] {
            let router = router(&routes);
            for (path, expected) in [
                ("/", "all"),
                ("/other", "all"),
                ("/a", "exact"),
                ("/a/", "exact"),
                ("/a/1", "segment"),
                ("/a/1/x", "inner"),
                ("/a/1/y", "below"),
                ("/a/b", "deeper"),
                ("/a/b/x", "deeper"),
                ("/a/b/c", "deepest"),
                ("/a/b/c/d", "deeper"),
            ] {
                assert_eq!(find(&router, path), Some(expected), "{path}");
            }
        }
    }

    #[test]
    fn exact_route_matches_only_its_path() {
        let router = router(&[("/a", "a"), ("/x/:id", "x")]);
        for path in ["/", "/a/b", "/aa", "/x", "/x/1/2", ""] {
            assert_eq!(find(&router, path), None, "{path}");
        }
    }

    #[test]
    fn leading_slash_is_optional() {
        let router = router(&[("a", "a")]);
        assert_eq!(find(&router, "/a"), Some("a"));
        assert_eq!(router.find("/a").unwrap().route(), "/a");
        assert_eq!(router.find("/a").unwrap().raw_route(), "a");
    }

    #[test]
    fn later_of_equal_routes_wins() {
        let (router, duplicates) = build(&[("/a", "first"), ("/b", "b"), ("/a", "second")]);
        assert_eq!(find(&router, "/a"), Some("second"));
        let expected = Duplicate {
            route: "/a".to_owned(),
            replaced: "first".to_owned(),
            effective: "second".to_owned(),
        };
        assert_eq!(duplicates, [expected]);
        assert_eq!(build(&[("/", "a"), ("/", "b")]).1[0].route, "/");
    }

    #[test]
    fn private_routes_are_skipped() {
        let private = trigger(Route::Private(Private { private: true }), "a");
        let (router, duplicates) = Router::new(&[private]).unwrap();
        assert_eq!(router.list().count(), 0);
        assert_eq!(duplicates, []);
    }

    #[test]
    fn trailing_wildcard_keeps_slashes() {
        let router = router(&[("/a/...", "a")]);
        for (path, expected) in
            [("/a", ""), ("/a/", "/"), ("/a/b", "/b"), ("/a/b/", "/b/"), ("/a/b/c", "/b/c")]
        {
            assert_eq!(router.find(path).unwrap().trailing_wildcard(), expected, "{path}");
        }
    }

    #[test]
    fn named_segments_are_captured() {
        let router = router(&[("/a/:one/b/:two/...", "a")]);
        let route = router.find("/a/1/b/2/c").unwrap();
        assert_eq!(route.named_segments(), [("one", "1"), ("two", "2")].into());
        assert_eq!(route.trailing_wildcard(), "/c");
        assert_eq!(route.raw_route_prefix(), "/a/:one/b/:two");
    }

    #[test]
    fn host_routes_are_detected() {
        assert!(router(&[("/.well-known/spin/x", "a")]).has_well_known());
        assert!(!router(&[("/.well-known/spin", "a"), ("/...", "b")]).has_well_known());
    }

    #[test]
    fn invalid_route_is_refused() {
        let route = Route::Pattern("/*x".to_owned());
        assert!(Router::new(&[trigger(route, "a")]).is_err());
    }
}
