//! The rules of a tenant for sign-ins.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{access::Role, field::Patch, input::FromField};

/// The rules of a tenant for sign-ins.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecurityPolicy {
    /// The roles whose users need a second factor. After the days of grace, a user without one must set it up to sign
    /// in.
    pub second_factor_roles: Vec<Role>,
    /// The days of grace after a change of the roles, or after the creation of a user.
    #[schema(minimum = 0, maximum = 90)]
    pub second_factor_grace_days: i32,
    /// The minutes for which a sign-in allows destructive changes; null for the lifetime of the session.
    #[schema(minimum = 1, maximum = 1440)]
    pub recent_sign_in_minutes: Option<i32>,
}

/// A change of the rules. Absent members stay unchanged.
pub struct PolicyChange {
    /// The roles whose users need a second factor.
    pub second_factor_roles: Option<PolicyRoles>,
    /// The days of grace.
    pub second_factor_grace_days: Option<u32>,
    /// The minutes for which a sign-in allows destructive changes.
    pub recent_sign_in_minutes: Patch<u32>,
}

/// Roles, without duplicates.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = Vec<Role>)]
pub struct PolicyRoles(pub Vec<Role>);

impl FromField for PolicyRoles {
    fn from_json(value: Value) -> Result<Self, String> {
        let Value::Array(names) = value else { return Err("must be an array of roles".to_owned()) };
        let mut roles = Vec::new();
        for name in names {
            let role = Role::from_json(name)?;
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        Ok(Self(roles))
    }
}
