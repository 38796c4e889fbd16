//! The rules of a tenant for sign-ins, sessions and passwords.
//!
//! The statements that begin and refresh sessions read the rules, so a change applies to them at once.

mod repo;

use std::rc::Rc;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    access::Role,
    audit, breached_passwords,
    context::Context,
    credential::{Password, Passwords, allowance},
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name},
    identifier::Domain,
    input::{Bounded, FromField, Patch},
    networks::Networks,
    tenant::{Tenant, TenantDb},
};

/// The rules of a tenant for sign-ins. A null rule is that of the service.
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
    /// The minutes after which a session ends if it is not refreshed.
    #[schema(minimum = 5, maximum = 525_600)]
    pub session_idle_minutes: Option<i32>,
    /// The minutes after which a session cannot be refreshed any longer.
    #[schema(minimum = 5, maximum = 525_600)]
    pub session_lifetime_minutes: Option<i32>,
    /// The maximum number of sessions of a user. The oldest one ends when another one begins.
    #[schema(minimum = 1, maximum = 50)]
    pub max_sessions: Option<i32>,
    /// The networks in which users sign in and refresh sessions; null for every network.
    pub allowed_networks: Option<Vec<String>>,
    /// The minimum length of a new password in characters.
    #[schema(minimum = 8, maximum = 128)]
    pub password_min_length: Option<i32>,
    /// Whether users can sign in with a link or a code that is sent by mail.
    pub mailed_sign_in: bool,
    /// Whether a new password is refused that is known from a data breach. If the list of these passwords does not
    /// respond within 300 ms, the password is accepted.
    pub reject_breached_passwords: bool,
    /// The domain of the tenant that passkeys belong to (the RP ID); null for the domain of the service.
    pub passkey_domain: Option<String>,
}

crate::fields! {
    /// A change of the rules for sign-ins. Absent fields stay unchanged, and null restores the rule of the service.
    #[derive(ToSchema)]
    #[schema(as = SecurityPolicyChange)]
    pub struct PolicyChange {
        /// The roles whose users need a second factor.
        pub second_factor_roles: Option<PolicyRoles>,
        /// The days of grace after this change of the roles, or after the creation of a user.
        #[schema(value_type = Option<u32>, maximum = 90)]
        pub second_factor_grace_days: Option<Bounded<0, 90>>,
        /// The minutes for which a sign-in allows destructive changes; null for the lifetime of the session.
        #[schema(value_type = Option<u32>, minimum = 1, maximum = 1440)]
        pub recent_sign_in_minutes: Patch<Bounded<1, 1_440>>,
        /// The minutes after which a session ends if it is not refreshed.
        #[schema(value_type = Option<u32>, minimum = 5, maximum = 525_600)]
        pub session_idle_minutes: Patch<Bounded<5, 525_600>>,
        /// The minutes after which a session cannot be refreshed any longer.
        #[schema(value_type = Option<u32>, minimum = 5, maximum = 525_600)]
        pub session_lifetime_minutes: Patch<Bounded<5, 525_600>>,
        /// The maximum number of sessions of a user. The oldest one ends when another one begins.
        #[schema(value_type = Option<u32>, minimum = 1, maximum = 50)]
        pub max_sessions: Patch<Bounded<1, 50>>,
        /// The networks in which users sign in and refresh sessions. They must include your own address.
        #[schema(value_type = Option<Networks>)]
        pub allowed_networks: Patch<Networks>,
        /// The minimum length of a new password in characters.
        #[schema(value_type = Option<u32>, minimum = 8, maximum = 128)]
        pub password_min_length: Patch<Bounded<8, 128>>,
        /// Whether users can sign in with a link or a code that is sent by mail.
        pub mailed_sign_in: Option<bool>,
        /// Whether a new password is refused that is known from a data breach. The operator must have set up the list of
        /// these passwords.
        pub reject_breached_passwords: Option<bool>,
        /// The domain of passkeys, which must be one of the domains of the tenant. After a change, earlier passkeys cannot be used.
        #[schema(value_type = Option<Domain>)]
        pub passkey_domain: Patch<Domain>,
    }
}

/// Roles, without duplicates.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = Vec<Role>)]
pub struct PolicyRoles(Vec<Role>);

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

/// Returns the rules.
pub async fn get(context: &Context, tenant: &Tenant) -> Result<SecurityPolicy> {
    repo::get(&TenantDb::connect(context, tenant).await?).await
}

/// Changes the rules. Absent rules stay unchanged.
///
/// # Errors
/// [`Error::InvalidFields`] for networks without the address of the caller, for a list of breached passwords that the
/// operator has not set up, and for a domain that the tenant does not have.
pub async fn change(
    context: &Rc<Context>,
    tenant: &Tenant,
    change: &PolicyChange,
    actor: &Actor,
) -> Result<SecurityPolicy> {
    if let Patch::Set(networks) = &change.allowed_networks
        && !actor.origin().address.is_some_and(|address| networks.contain(address))
    {
        return Err(Error::invalid_field("allowed_networks", "must include your own address"));
    }
    if change.reject_breached_passwords == Some(true)
        && context.settings.breached_passwords_url.is_none()
    {
        return Err(Error::invalid_field(
            "reject_breached_passwords",
            "needs a list of breached passwords. Ask the operator to set BREACHED_PASSWORDS_URL",
        ));
    }
    if let Patch::Set(domain) = &change.passkey_domain
        && !tenant.domains.iter().any(|own| own == domain.as_str())
    {
        return Err(Error::invalid_field("passkey_domain", "must be a domain of the tenant"));
    }
    let event = Event::new(name::SECURITY_POLICY_CHANGED).severity(Severity::Warning);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let database = TenantDb::connect(context, tenant).await?;
    let policy = repo::change(&database, change, &entry).await?;
    audit::flush_later(context, tenant);
    Ok(policy)
}

impl SecurityPolicy {
    /// Checks a new password against the rules, and returns its hash.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] for `field`; [`Error::RateLimited`] if the tenant's share of hashes is exhausted.
    pub(crate) async fn hash_password(
        &self,
        context: &Context,
        tenant: &Tenant,
        password: &Password,
        field: &str,
    ) -> Result<String> {
        self.check_length(password, field)?;
        // The share of hashes also limits the look-ups.
        let allowance = allowance::take(context, tenant, None).await?;
        if self.reject_breached_passwords && breached_passwords::contain(context, password).await {
            return Err(Error::invalid_field(
                field,
                "is known from a data breach. Choose another password",
            ));
        }
        context.state::<Passwords>().hash(context, &allowance, password).await
    }

    fn check_length(&self, password: &Password, field: &str) -> Result<()> {
        let shortest = self.password_min_length.and_then(|length| usize::try_from(length).ok());
        let shortest = shortest.unwrap_or_default();
        if password.expose().chars().count() < shortest {
            return Err(Error::invalid_field(
                field,
                format!("must have at least {shortest} characters"),
            ));
        }
        Ok(())
    }

    /// Checks that users may sign in from the network of a caller. The statements that start and refresh a session check
    /// this themselves. A change that a session follows checks it before, because a refusal afterwards would hide the
    /// change.
    ///
    /// # Errors
    /// [`Error::NetworkNotAllowed`].
    pub(crate) fn check_network(&self, actor: &Actor) -> Result<()> {
        let Some(texts) = &self.allowed_networks else { return Ok(()) };
        let networks = Networks::of_texts(texts)
            .ok_or_else(|| Error::internal("the rules for sign-ins have an invalid network"))?;
        if actor.origin().address.is_some_and(|address| networks.contain(address)) {
            Ok(())
        } else {
            Err(Error::NetworkNotAllowed)
        }
    }
}
