//! Permissions of a tenant's application, and sets of permissions.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema, Type},
};

use super::Scope;
use crate::input::{FromField, Text};

/// The maximum length of the name of a permission. All permissions of a tenant fit into an access token and into the
/// header `X-Scopes`.
const LONGEST: usize = 40;
/// The first words of Tenancy's scopes, and words for scopes of later versions. A name with one of them could become a
/// scope.
const RESERVED: [&str; 32] = [
    "api_keys",
    "audit",
    "auth",
    "backups",
    "billing",
    "cache",
    "clusters",
    "database",
    "domains",
    "files",
    "groups",
    "invitations",
    "keys",
    "mail",
    "members",
    "metadata",
    "metrics",
    "operators",
    "permissions",
    "plans",
    "policies",
    "profile",
    "quotas",
    "roles",
    "sessions",
    "settings",
    "tenancy",
    "tenant",
    "tenants",
    "tokens",
    "usage",
    "users",
];

/// A permission of the tenant's application, such as `notes:write`: words of lower case letters, digits and `_`, each
/// beginning with a letter, separated by colons.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(
    value_type = String,
    max_length = 40,
    pattern = "^[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*)+$",
    example = "notes:write"
)]
pub struct Permission(String);

impl Permission {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Text for Permission {
    fn parse(text: &str) -> Result<Self, String> {
        let is_word = |word: &str| {
            word.starts_with(|char: char| char.is_ascii_lowercase())
                && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        };
        if text.len() > LONGEST || !text.contains(':') || !text.split(':').all(is_word) {
            return Err(format!(
                "must be words separated by colons, such as notes:write, of at most {LONGEST} characters"
            ));
        }
        match text.split(':').next() {
            Some(first) if RESERVED.contains(&first) => {
                Err(format!("must not begin with {first}, which Tenancy reserves for its scopes"))
            }
            _ => Ok(Self(text.to_owned())),
        }
    }
}

/// A set of Tenancy's scopes and of the application's permissions. Requests, responses and stores have one list of
/// names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// The scopes of Tenancy.
    pub scopes: Vec<Scope>,
    /// The permissions of the application.
    pub permissions: Vec<Permission>,
}

impl Grants {
    /// Returns a set with these scopes only.
    pub fn of_scopes(scopes: &[Scope]) -> Self {
        Self { scopes: scopes.to_vec(), permissions: Vec::new() }
    }

    /// Adds the elements of another set.
    pub fn extend(&mut self, other: &Self) {
        for scope in &other.scopes {
            if !self.scopes.contains(scope) {
                self.scopes.push(*scope);
            }
        }
        for permission in &other.permissions {
            if !self.permissions.contains(permission) {
                self.permissions.push(permission.clone());
            }
        }
    }

    /// Returns the names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let permissions = self.permissions.iter().map(Permission::as_str);
        self.scopes.iter().map(|scope| scope.as_str()).chain(permissions)
    }

    /// Reads names from a store. Names that are neither a scope nor a permission are ignored, because another version
    /// of this program may have written them.
    pub fn from_stored<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut grants = Self::default();
        for name in names {
            // A failure is an unknown name.
            let _: Result<(), String> = grants.add(name);
        }
        grants
    }

    fn add(&mut self, name: &str) -> Result<(), String> {
        if let Ok(scope) = Scope::parse(name) {
            if !self.scopes.contains(&scope) {
                self.scopes.push(scope);
            }
            return Ok(());
        }
        let permission = Permission::parse(name)?;
        if !self.permissions.contains(&permission) {
            self.permissions.push(permission);
        }
        Ok(())
    }
}

impl FromField for Grants {
    fn from_json(value: Value) -> Result<Self, String> {
        const INVALID: &str =
            "must be an array of scopes of Tenancy and of permissions that the tenant defines";
        let Value::Array(names) = value else { return Err(INVALID.to_owned()) };
        let mut grants = Self::default();
        for name in names {
            let Value::String(name) = name else { return Err(INVALID.to_owned()) };
            grants.add(&name).map_err(|_| INVALID.to_owned())?;
        }
        Ok(grants)
    }
}

impl Serialize for Grants {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.names().collect::<Vec<_>>())
    }
}

impl PartialSchema for Grants {
    fn schema() -> RefOr<Schema> {
        let name = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A scope of Tenancy, or a permission that the tenant defines."))
            .examples(["files:read", "notes:write"]);
        ArrayBuilder::new()
            .items(RefOr::T(Schema::Object(name.build())))
            .description(Some("Scopes of Tenancy and permissions that the tenant defines."))
            .into()
    }
}

impl ToSchema for Grants {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn permissions_follow_grammar() {
        for text in ["notes:write", "a:b", "notes_2:write_3", "notes:write:own"] {
            assert!(Permission::parse(text).is_ok(), "{text}");
        }
        let longest = format!("notes:{}", "a".repeat(34));
        assert!(Permission::parse(&longest).is_ok());
        for text in [
            "",
            "notes",
            ":write",
            "notes:",
            "notes::write",
            "Notes:write",
            "notes:Write",
            "notes:1st",
            "1:a",
            "notes write:a",
            "notes:wr-ite",
            "notes:\u{e9}",
            &format!("{longest}a"),
        ] {
            assert!(Permission::parse(text).is_err(), "{text}");
        }
    }

    // S16
    #[test]
    fn names_of_tenancy_are_refused() {
        for scope in Scope::ALL {
            assert!(Permission::parse(scope.as_str()).is_err(), "{scope:?}");
            let (first, _) = scope.as_str().split_once(':').unwrap();
            assert!(Permission::parse(&format!("{first}:own")).is_err(), "{scope:?}");
        }
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn set_has_one_list_of_names() {
        let grants = Grants::from_json(json!(["notes:write", "files:read", "files:read"])).unwrap();
        assert_eq!(grants.scopes, [Scope::FilesRead]);
        assert_eq!(json!(grants), json!(["files:read", "notes:write"]));
        assert_eq!(Grants::from_stored(["files:read", "notes:write", "Invalid"]), grants);
        for value in [json!("files:read"), json!([1]), json!(["everything"]), json!(["users:fly"])]
        {
            assert!(Grants::from_json(value).is_err());
        }
    }
}
