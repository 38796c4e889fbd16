//! The permissions, the roles and the groups that a tenant defines.
//!
//! They are part of the tenant's record, so a verified request has them without another call, and a change of them is a
//! new version of the tenant. The database of the tenant has the ids of the roles and groups of each user. An id without
//! a definition grants nothing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Grants, Permission, Role, Scope};
use crate::{
    error::{Error, Result, RoleError},
    input::{FromField, Text as _},
};

/// The maximum number of permissions of a tenant.
pub const MOST_PERMISSIONS: usize = 64;
/// The maximum number of custom roles of a tenant.
pub const MOST_ROLES: usize = 64;
/// The maximum number of groups of a tenant.
pub const MOST_GROUPS: usize = 64;
/// The maximum number of custom roles of a user or of a group, and of groups of a user.
pub const MOST_OF_ONE: usize = 16;
/// The maximum size of all definitions of a tenant as JSON. Each instance with the tenant has them in memory.
const MOST_BYTES: usize = 64 * 1024;

/// The ids of custom roles or groups of one user, or of custom roles of one group: at most 16, without duplicates.
#[derive(Debug, Clone, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = Vec<Uuid>, max_items = 16)]
pub struct Ids(pub Vec<Uuid>);

impl FromField for Ids {
    fn from_json(value: Json) -> Result<Self, String> {
        let Json::Array(values) = value else {
            return Err("must be an array of ids".to_owned());
        };
        let mut ids = Vec::new();
        for value in values {
            let id = Uuid::from_json(value).map_err(|_| "must be an array of ids".to_owned())?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if ids.len() > MOST_OF_ONE {
            return Err(format!("must have at most {MOST_OF_ONE} ids"));
        }
        Ok(Self(ids))
    }
}

/// A permission of the tenant's application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ApplicationPermission)]
pub struct DefinedPermission {
    /// The name.
    pub name: Permission,
    /// The description for people.
    pub description: Option<String>,
    /// When the permission was created.
    pub created_at: DateTime<Utc>,
}

/// A role that the tenant defines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CustomRole {
    /// The id.
    pub id: Uuid,
    /// The name, unique among the roles of the tenant.
    pub name: String,
    /// The description for people.
    pub description: Option<String>,
    /// The scopes and permissions that the role grants.
    pub permissions: Grants,
    /// When the role was created.
    pub created_at: DateTime<Utc>,
    /// When the role was last updated.
    pub updated_at: DateTime<Utc>,
}

/// A group of users. Each member has the roles of the group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Group {
    /// The id.
    pub id: Uuid,
    /// The name, unique among the groups of the tenant.
    pub name: String,
    /// The description for people.
    pub description: Option<String>,
    /// The ids of the custom roles of each member.
    pub roles: Vec<Uuid>,
    /// When the group was created.
    pub created_at: DateTime<Utc>,
    /// When the group was last updated.
    pub updated_at: DateTime<Utc>,
}

/// The permissions, the roles and the groups of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definitions {
    /// The permissions, by name.
    pub permissions: Vec<DefinedPermission>,
    /// The custom roles, the oldest first.
    pub roles: Vec<CustomRole>,
    /// The groups, the oldest first.
    pub groups: Vec<Group>,
}

// Derived implementations for each format would add a tenth of a megabyte to every component. A snapshot has the same
// JSON text as the catalog.
impl Serialize for Definitions {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.to_json().to_string())
    }
}

impl<'de> Deserialize<'de> for Definitions {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let stored = serde_json::from_str(&text).ok().and_then(|stored| Self::from_json(&stored));
        stored.ok_or_else(|| D::Error::custom("invalid definitions of roles"))
    }
}

impl Definitions {
    /// Returns the JSON that the catalog stores.
    pub fn to_json(&self) -> Json {
        let permissions = self.permissions.iter().map(|defined| {
            json!({
                "name": defined.name.as_str(),
                "description": defined.description,
                "created_at": defined.created_at.to_rfc3339(),
            })
        });
        let roles = self.roles.iter().map(|role| {
            json!({
                "id": role.id.to_string(),
                "name": role.name,
                "description": role.description,
                "permissions": role.permissions.names().collect::<Vec<_>>(),
                "created_at": role.created_at.to_rfc3339(),
                "updated_at": role.updated_at.to_rfc3339(),
            })
        });
        let groups = self.groups.iter().map(|group| {
            json!({
                "id": group.id.to_string(),
                "name": group.name,
                "description": group.description,
                "roles": group.roles.iter().map(Uuid::to_string).collect::<Vec<_>>(),
                "created_at": group.created_at.to_rfc3339(),
                "updated_at": group.updated_at.to_rfc3339(),
            })
        });
        json!({
            "permissions": permissions.collect::<Vec<_>>(),
            "roles": roles.collect::<Vec<_>>(),
            "groups": groups.collect::<Vec<_>>(),
        })
    }

    /// Reads the JSON that the catalog stores; `None` if it is invalid. An absent list is empty.
    pub fn from_json(stored: &Json) -> Option<Self> {
        let list = |name: &str| stored[name].as_array().map_or(&[][..], Vec::as_slice).iter();
        let text = |item: &Json, name: &str| item[name].as_str().map(str::to_owned);
        let time = |item: &Json, name: &str| {
            Some(DateTime::parse_from_rfc3339(item[name].as_str()?).ok()?.to_utc())
        };
        let id = |item: &Json| Uuid::parse_str(item.as_str()?).ok();
        let texts =
            |item: &Json, name: &str| -> Option<Vec<Json>> { item[name].as_array().cloned() };
        Some(Self {
            permissions: list("permissions")
                .map(|item| {
                    Some(DefinedPermission {
                        name: Permission::parse(item["name"].as_str()?).ok()?,
                        description: text(item, "description"),
                        created_at: time(item, "created_at")?,
                    })
                })
                .collect::<Option<_>>()?,
            roles: list("roles")
                .map(|item| {
                    let names = texts(item, "permissions")?;
                    Some(CustomRole {
                        id: id(&item["id"])?,
                        name: text(item, "name")?,
                        description: text(item, "description"),
                        permissions: Grants::from_stored(names.iter().filter_map(Json::as_str)),
                        created_at: time(item, "created_at")?,
                        updated_at: time(item, "updated_at")?,
                    })
                })
                .collect::<Option<_>>()?,
            groups: list("groups")
                .map(|item| {
                    Some(Group {
                        id: id(&item["id"])?,
                        name: text(item, "name")?,
                        description: text(item, "description"),
                        roles: texts(item, "roles")?.iter().map(id).collect::<Option<_>>()?,
                        created_at: time(item, "created_at")?,
                        updated_at: time(item, "updated_at")?,
                    })
                })
                .collect::<Option<_>>()?,
        })
    }

    /// Returns whether the tenant defines a permission.
    pub fn defines(&self, permission: &Permission) -> bool {
        self.permissions.iter().any(|defined| defined.name == *permission)
    }

    /// Returns a custom role.
    ///
    /// # Errors
    /// [`RoleError::RoleNotFound`].
    pub fn role(&self, id: Uuid) -> Result<&CustomRole> {
        let role = self.roles.iter().find(|role| role.id == id);
        role.ok_or(Error::Role(RoleError::RoleNotFound))
    }

    /// Returns a group.
    ///
    /// # Errors
    /// [`RoleError::GroupNotFound`].
    pub fn group(&self, id: Uuid) -> Result<&Group> {
        let group = self.groups.iter().find(|group| group.id == id);
        group.ok_or(Error::Role(RoleError::GroupNotFound))
    }

    /// Returns the permissions of a user. Administrators have every permission of the application.
    pub fn of_user(&self, role: Role, custom_roles: &[Uuid], groups: &[Uuid]) -> Grants {
        let mut grants = Grants::of_scopes(role.scopes());
        if role == Role::Admin {
            grants.permissions =
                self.permissions.iter().map(|defined| defined.name.clone()).collect();
            return grants;
        }
        for id in custom_roles {
            grants.extend(&self.of_role(*id));
        }
        for id in groups {
            grants.extend(&self.of_group(*id));
        }
        grants
    }

    /// Returns the permissions that a custom role grants.
    pub fn of_role(&self, id: Uuid) -> Grants {
        let role = self.roles.iter().find(|role| role.id == id);
        role.map(|role| self.defined(&role.permissions)).unwrap_or_default()
    }

    /// Returns the permissions that a group grants.
    pub fn of_group(&self, id: Uuid) -> Grants {
        let mut grants = Grants::default();
        for role in self.groups.iter().filter(|group| group.id == id).flat_map(|group| &group.roles)
        {
            grants.extend(&self.of_role(*role));
        }
        grants
    }

    /// Returns the part of a set that the tenant defines.
    pub fn defined(&self, grants: &Grants) -> Grants {
        let permissions = grants.permissions.iter();
        Grants {
            scopes: grants.scopes.clone(),
            permissions: permissions.filter(|name| self.defines(name)).cloned().collect(),
        }
    }

    /// Checks that the tenant defines each permission in a set.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] for `field`.
    pub fn check_defined(&self, grants: &Grants, field: &str) -> Result<()> {
        match grants.permissions.iter().find(|name| !self.defines(name)) {
            Some(name) => Err(Error::invalid_field(
                field,
                format!(
                    "must have only scopes of Tenancy and permissions that the tenant defines, but has {name}"
                ),
            )),
            None => Ok(()),
        }
    }

    /// Checks that the definitions are within the maximum size.
    ///
    /// # Errors
    /// [`RoleError::TooLarge`].
    pub fn check_size(&self) -> Result<()> {
        let size = self.to_json().to_string().len();
        if size > MOST_BYTES {
            Err(RoleError::TooLarge { limit: MOST_BYTES }.into())
        } else {
            Ok(())
        }
    }

    /// Returns whether a role or a group grants a scope for the database that it does not grant in `new`.
    pub fn loses_database_scope(&self, new: &Self) -> bool {
        const SCOPES: [Scope; 3] =
            [Scope::DatabaseRead, Scope::DatabaseWrite, Scope::DatabaseOwner];
        let loses = |old: &Grants, new: &Grants| {
            SCOPES.iter().any(|scope| old.scopes.contains(scope) && !new.scopes.contains(scope))
        };
        self.roles.iter().any(|role| loses(&self.of_role(role.id), &new.of_role(role.id)))
            || self
                .groups
                .iter()
                .any(|group| loses(&self.of_group(group.id), &new.of_group(group.id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definitions() -> Definitions {
        let at = DateTime::UNIX_EPOCH;
        let permission = |text: &str| Permission::parse(text).unwrap();
        let role = |id, scopes: &[Scope], name: &str| CustomRole {
            id: Uuid::from_u128(id),
            name: name.to_owned(),
            description: None,
            permissions: Grants { scopes: scopes.to_vec(), permissions: vec![permission(name)] },
            created_at: at,
            updated_at: at,
        };
        Definitions {
            permissions: ["notes:read", "notes:write"]
                .map(|name| DefinedPermission {
                    name: permission(name),
                    description: None,
                    created_at: at,
                })
                .to_vec(),
            roles: vec![
                role(1, &[Scope::UsersRead], "notes:read"),
                role(2, &[Scope::DatabaseRead], "notes:write"),
                role(3, &[], "gone:away"),
            ],
            groups: vec![Group {
                id: Uuid::from_u128(9),
                name: "Editors".to_owned(),
                description: None,
                roles: vec![Uuid::from_u128(2), Uuid::from_u128(3)],
                created_at: at,
                updated_at: at,
            }],
        }
    }

    fn names(grants: &Grants) -> Vec<&str> {
        grants.names().skip_while(|name| *name != "cache:read").skip(1).collect()
    }

    #[test]
    fn permissions_are_the_union_of_roles_and_groups() {
        let [one, group] = [1, 9].map(Uuid::from_u128);
        let definitions = definitions();
        let of = |roles: &[Uuid], groups: &[Uuid]| definitions.of_user(Role::Viewer, roles, groups);
        assert_eq!(names(&of(&[], &[])), [] as [&str; 0]);
        assert_eq!(names(&of(&[one], &[])), ["users:read", "notes:read"]);
        assert_eq!(
            names(&of(&[one], &[group])),
            ["users:read", "database:read", "notes:read", "notes:write"]
        );
        // Ids without a definition and permissions without a definition grant nothing.
        assert_eq!(names(&of(&[group, Uuid::from_u128(3)], &[one])), [] as [&str; 0]);
    }

    #[test]
    fn administrators_have_every_permission() {
        let grants = definitions().of_user(Role::Admin, &[], &[]);
        assert_eq!((grants.scopes.len(), grants.permissions.len()), (Scope::ALL.len(), 2));
    }

    #[test]
    fn loss_of_database_scope_is_found_in_roles_and_groups() {
        let old = definitions();
        assert!(!old.loses_database_scope(&old));
        let mut role = old.clone();
        role.roles[1].permissions.scopes.clear();
        assert!(old.loses_database_scope(&role));
        let mut group = old.clone();
        group.groups[0].roles.clear();
        assert!(old.loses_database_scope(&group));
        assert!(!group.loses_database_scope(&old));
    }
}
