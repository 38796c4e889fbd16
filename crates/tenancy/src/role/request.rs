//! New permissions, roles and groups, and changes of them.

use utoipa::ToSchema;

use crate::{
    access::{Grants, Ids, Permission, Role},
    input::{Patch, Text},
    text,
};

/// The name of a role or of a group: 1 to 64 characters on one line. The names of the built-in roles are refused.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 64, example = "Editor")]
pub struct RoleName(String);

impl RoleName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether another name differs from this one only in the case of letters.
    pub(super) fn is_same(&self, other: &str) -> bool {
        self.0.to_lowercase() == other.to_lowercase()
    }
}

impl Text for RoleName {
    fn parse(text: &str) -> Result<Self, String> {
        let name = Self(text::name(text, 64)?);
        if Role::ALL.iter().any(|role| name.is_same(role.as_str())) {
            return Err("must not be the name of a built-in role: admin, user or viewer".to_owned());
        }
        Ok(name)
    }
}

/// A description for people: 1 to 200 characters on one line.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 200, example = "Writes and publishes notes")]
pub struct Description(String);

impl Description {
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Text for Description {
    fn parse(text: &str) -> Result<Self, String> {
        text::name(text, 200).map(Self)
    }
}

crate::fields! {
    /// A new permission of the tenant's application.
    #[derive(ToSchema)]
    pub struct NewPermission {
        /// The name. It must not begin like a scope of Tenancy.
        pub name: Permission,
        /// The description for people.
        pub description: Option<Description>,
    }
}

crate::fields! {
    /// A new role.
    #[derive(ToSchema)]
    pub struct NewRole {
        /// The name, unique among the roles of the tenant.
        pub name: RoleName,
        /// The description for people.
        pub description: Option<Description>,
        /// The scopes and permissions that the role grants. The caller must hold each of them.
        pub permissions: Grants,
    }
}

crate::fields! {
    /// A change of a role. Omitted fields keep their values; null removes the description.
    #[derive(ToSchema)]
    #[schema(as = RoleUpdate)]
    pub struct RoleChange {
        /// The new name.
        pub name: Option<RoleName>,
        /// The new description.
        #[schema(value_type = Option<Description>)]
        pub description: Patch<Description>,
        /// All scopes and permissions that the role grants. The caller must hold each of them, and each of the former
        /// ones.
        pub permissions: Option<Grants>,
    }
}

crate::fields! {
    /// A new group.
    #[derive(ToSchema)]
    pub struct NewGroup {
        /// The name, unique among the groups of the tenant.
        pub name: RoleName,
        /// The description for people.
        pub description: Option<Description>,
        /// The ids of the custom roles of each member.
        #[schema(required = false, value_type = Vec<Uuid>, max_items = 16)]
        pub roles: Ids = Ids::default(),
    }
}

crate::fields! {
    /// A change of a group. Omitted fields keep their values; null removes the description.
    #[derive(ToSchema)]
    #[schema(as = GroupUpdate)]
    pub struct GroupChange {
        /// The new name.
        pub name: Option<RoleName>,
        /// The new description.
        #[schema(value_type = Option<Description>)]
        pub description: Patch<Description>,
        /// The ids of all custom roles of each member.
        #[schema(value_type = Option<Vec<Uuid>>, max_items = 16)]
        pub roles: Option<Ids>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_built_in_roles_are_refused() {
        for name in ["admin", "Admin", " VIEWER ", "user", "", "a\nb"] {
            assert!(RoleName::parse(name).is_err(), "{name:?}");
        }
        assert!(RoleName::parse("Administrator").is_ok());
    }
}
