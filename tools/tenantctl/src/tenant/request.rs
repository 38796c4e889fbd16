//! The requests for tenants, with the same members as over HTTP.

use tenancy::{
    Result,
    credential::NewPassword,
    identifier::{Domains, EmailAddress, Slug},
    lifecycle::provision::NewTenant,
    settings::Settings,
    tenant::{LimitChange, TenantChange, TenantName, TenantSettings},
};

tenancy::fields! {
    /// A new tenant.
    pub struct CreateRequest {
        /// The display name.
        pub name: TenantName,
        /// The e-mail address of the first administrator.
        pub admin_email: EmailAddress,
        /// The slug. The default is derived from the name.
        pub slug: Option<Slug>,
        /// The custom domains, the primary one first.
        pub domains: Option<Domains>,
        /// The settings that the tenant's users can read.
        pub settings: Option<TenantSettings>,
        /// The settings that only the operator can read.
        pub private_settings: Option<TenantSettings>,
        /// The plan. The default is the default plan.
        pub plan: Option<String>,
        /// The password of the first administrator.
        pub admin_password: Option<NewPassword>,
    }
}

tenancy::fields! {
    /// A change of a tenant. Omitted members keep their values.
    pub struct UpdateRequest {
        /// The display name.
        pub name: Option<TenantName>,
        /// The contact address.
        pub admin_email: Option<EmailAddress>,
        /// All custom domains, the primary one first.
        pub domains: Option<Domains>,
        /// The settings that the tenant's users can read.
        pub settings: Option<TenantSettings>,
        /// The settings that only the operator can read.
        pub private_settings: Option<TenantSettings>,
        /// The plan.
        pub plan: Option<String>,
        /// The limits that replace those of the plan.
        pub limits: Option<LimitChange>,
    }
}

impl CreateRequest {
    /// Returns the new tenant.
    ///
    /// # Errors
    /// [`tenancy::Error::InvalidFields`] for a weak password.
    pub fn into_new(self, settings: &Settings) -> Result<NewTenant> {
        let password = self.admin_password;
        Ok(NewTenant {
            name: self.name,
            admin_email: self.admin_email,
            slug: self.slug,
            domains: self.domains.map(|domains| domains.0).unwrap_or_default(),
            settings: self.settings.unwrap_or_default(),
            private_settings: self.private_settings.unwrap_or_default(),
            plan: self.plan,
            admin_password: password
                .map(|password| password.accept(settings, "admin_password"))
                .transpose()?,
        })
    }
}

impl From<UpdateRequest> for TenantChange {
    fn from(request: UpdateRequest) -> Self {
        Self {
            name: request.name,
            admin_email: request.admin_email,
            domains: request.domains.map(|domains| domains.0),
            state: None,
            settings: request.settings,
            private_settings: request.private_settings,
            plan: request.plan,
            limits: request.limits,
        }
    }
}
