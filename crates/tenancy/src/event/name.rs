//! The names of all audit events.
//!
//! A name is the kind of a resource and its change, separated by a dot. Operators filter and alert by these names, so a
//! name never changes its meaning.

/// Defines a constant for each name, and [`ALL`].
macro_rules! names {
    ($($(#[$meta:meta])* $constant:ident = $name:literal;)+) => {
        $($(#[$meta])* pub const $constant: &str = $name;)+

        /// All names, in alphabetical order.
        pub const ALL: &[&str] = &[$($name),+];
    };
}

names! {
    /// An authenticated caller lacks the scope of a route, has another tenant than the address names, or is not a user.
    ACCESS_DENIED = "access.denied";
    /// A tenant's API key was created. The first key of a tenant is part of [`TENANT_CREATED`].
    API_KEY_CREATED = "api_key.created";
    /// An API key was revoked.
    API_KEY_REVOKED = "api_key.revoked";
    /// An API key has a new secret.
    API_KEY_ROTATED = "api_key.rotated";
    /// The name or the limits of an API key were changed.
    API_KEY_UPDATED = "api_key.updated";
    /// The heads of all chains were anchored, once a day. Critical if a chain was truncated since the previous day.
    AUDIT_ANCHORED = "audit.anchored";
    /// Forged events were found in an outbox and removed.
    AUDIT_EVENTS_FORGED = "audit.events_forged";
    /// A month of the trail was dropped because it exceeded the retention.
    AUDIT_PRUNED = "audit.pruned";
    /// A user signed in.
    AUTH_LOGIN = "auth.login";
    /// A sign-in failed: a wrong password, or an unknown or deactivated user.
    AUTH_LOGIN_FAILED = "auth.login_failed";
    /// A sign-in was refused because of earlier failures.
    AUTH_LOGIN_THROTTLED = "auth.login_throttled";
    /// A session was ended, by its user or by an administrator.
    AUTH_LOGOUT = "auth.logout";
    /// All sessions of a user were ended.
    AUTH_LOGOUT_EVERYWHERE = "auth.logout_everywhere";
    /// A link or a code of a message was accepted as the first factor of a sign-in.
    AUTH_MAILED_SIGN_IN_ACCEPTED = "auth.mailed_sign_in_accepted";
    /// A link or a code of a sign-in by mail was invalid, used or expired.
    AUTH_MAILED_SIGN_IN_FAILED = "auth.mailed_sign_in_failed";
    /// Somebody asked for a message to sign in with an address.
    AUTH_MAILED_SIGN_IN_REQUESTED = "auth.mailed_sign_in_requested";
    /// A user set a password with a setup token.
    AUTH_PASSWORD_SET = "auth.password_set";
    /// A refresh token was used again after its grace period, so its session was ended. The token may be stolen.
    AUTH_REFRESH_TOKEN_REUSED = "auth.refresh_token_reused";
    /// A user tried to switch to another tenant, and may not.
    AUTH_SWITCH_REFUSED = "auth.switch_refused";
    /// All entries of a tenant's cache were deleted.
    CACHE_CLEARED = "cache.cleared";
    /// A cluster for tenants' databases was added, or its template was replaced.
    CLUSTER_ADDED = "cluster.added";
    /// A cluster gets no new tenants any longer.
    CLUSTER_DRAINED = "cluster.drained";
    /// A cluster was removed from the catalog.
    CLUSTER_REMOVED = "cluster.removed";
    /// A cluster gets new tenants again.
    CLUSTER_UNDRAINED = "cluster.undrained";
    /// The weight of a cluster was changed.
    CLUSTER_UPDATED = "cluster.updated";
    /// An application got a credential for its tenant's database.
    DATABASE_CREDENTIAL_CREATED = "database_credential.created";
    /// A database credential was revoked.
    DATABASE_CREDENTIAL_REVOKED = "database_credential.revoked";
    /// A file was deleted.
    FILE_DELETED = "file.deleted";
    /// A file was created or replaced.
    FILE_UPLOADED = "file.uploaded";
    /// A group of users was created.
    GROUP_CREATED = "group.created";
    /// A group of users was deleted.
    GROUP_DELETED = "group.deleted";
    /// The name, the description or the roles of a group were changed.
    GROUP_UPDATED = "group.updated";
    /// A message to a user was not sent. `detail.failure` has the reason.
    MAIL_FAILED = "mail.failed";
    /// An operator lets a message that was not sent be sent again.
    MAIL_RETRIED = "mail.retried";
    /// A message was handed to the mail server of the service.
    MAIL_SENT = "mail.sent";
    /// The settings of a tenant for mail were changed.
    MAIL_SETTINGS_CHANGED = "mail_settings.changed";
    /// An operator key was created.
    OPERATOR_KEY_CREATED = "operator_key.created";
    /// An operator key was used that is revoked or expired, or from a network that it does not allow. The key may be
    /// stolen.
    OPERATOR_KEY_REFUSED = "operator_key.refused";
    /// An operator key was revoked.
    OPERATOR_KEY_REVOKED = "operator_key.revoked";
    /// An operator key has a new secret.
    OPERATOR_KEY_ROTATED = "operator_key.rotated";
    /// The properties of an operator key were changed.
    OPERATOR_KEY_UPDATED = "operator_key.updated";
    /// A user registered a passkey.
    PASSKEY_ADDED = "passkey.added";
    /// The response of an authenticator was refused. `detail.reason` has the step that failed; `signature_counter` can be
    /// the sign of a copied passkey.
    PASSKEY_FAILED = "passkey.failed";
    /// A user removed a passkey.
    PASSKEY_REMOVED = "passkey.removed";
    /// A user renamed a passkey.
    PASSKEY_RENAMED = "passkey.renamed";
    /// A passkey was used: for a sign-in, as its second step, or as a proof of identity in a session.
    PASSKEY_USED = "passkey.used";
    /// A change of one's password failed, because the current password was wrong.
    PASSWORD_CHANGE_FAILED = "password.change_failed";
    /// A user changed the password.
    PASSWORD_CHANGED = "password.changed";
    /// A user replaced a forgotten password with a token that was sent by mail.
    PASSWORD_RECOVERED = "password.recovered";
    /// A token for a forgotten password was invalid, used or expired.
    PASSWORD_RECOVERY_FAILED = "password.recovery_failed";
    /// Somebody asked for a message to replace the forgotten password of an address.
    PASSWORD_RECOVERY_REQUESTED = "password.recovery_requested";
    /// An administrator replaced a user's password by a setup token.
    PASSWORD_RESET = "password.reset";
    /// A permission of the tenant's application was created.
    PERMISSION_CREATED = "permission.created";
    /// A permission of the tenant's application was deleted, and removed from the roles.
    PERMISSION_DELETED = "permission.deleted";
    /// A plan was created.
    PLAN_CREATED = "plan.created";
    /// A plan was deleted.
    PLAN_DELETED = "plan.deleted";
    /// A plan was changed.
    PLAN_UPDATED = "plan.updated";
    /// `ADMIN_API_KEY` was used for the first time in an hour, although there are operator keys.
    PLATFORM_BREAK_GLASS_USED = "platform.break_glass_used";
    /// An unknown operator key or a wrong `ADMIN_API_KEY` was used.
    PLATFORM_KEY_REFUSED = "platform.key_refused";
    /// A quota refused a request.
    QUOTA_REFUSED = "quota.refused";
    /// The usage of a resource has come near its limit.
    QUOTA_SOFT_LIMIT_REACHED = "quota.soft_limit_reached";
    /// A user has new recovery codes.
    RECOVERY_CODES_REPLACED = "recovery_codes.replaced";
    /// A role of a tenant was created.
    ROLE_CREATED = "role.created";
    /// A role of a tenant was deleted, and removed from the groups.
    ROLE_DELETED = "role.deleted";
    /// The name, the description or the permissions of a role were changed.
    ROLE_UPDATED = "role.updated";
    /// A user set up a second factor.
    SECOND_FACTOR_ADDED = "second_factor.added";
    /// A code of a second factor was wrong or was used before.
    SECOND_FACTOR_FAILED = "second_factor.failed";
    /// A user removed a second factor.
    SECOND_FACTOR_REMOVED = "second_factor.removed";
    /// A code of a second factor was accepted. `detail.kind` is `one_time_password` or `recovery_code`.
    SECOND_FACTOR_USED = "second_factor.used";
    /// An administrator removed all second factors and passkeys of a user.
    SECOND_FACTORS_RESET = "second_factors.reset";
    /// The rules of a tenant for sign-ins were changed.
    SECURITY_POLICY_CHANGED = "security_policy.changed";
    /// The tenants that a tenant names for switching were changed.
    SWITCHING_TENANTS_CHANGED = "switching_tenants.changed";
    /// A tenant is active again.
    TENANT_ACTIVATED = "tenant.activated";
    /// A tenant was created and is active.
    TENANT_CREATED = "tenant.created";
    /// A tenant has a new data key.
    TENANT_DATA_KEY_ROTATED = "tenant.data_key_rotated";
    /// A tenant's database was moved to another cluster.
    TENANT_DATABASE_MOVED = "tenant.database_moved";
    /// The role of a tenant's database has a new password.
    TENANT_DATABASE_PASSWORD_ROTATED = "tenant.database_password_rotated";
    /// The recorded location of a tenant's database was changed.
    TENANT_DATABASE_RELOCATED = "tenant.database_relocated";
    /// A tenant was deleted. Its data is kept.
    TENANT_DELETED = "tenant.deleted";
    /// A tenant and its data were removed.
    TENANT_DESTROYED = "tenant.destroyed";
    /// The removal of a tenant and its data began.
    TENANT_DESTRUCTION_BEGAN = "tenant.destruction_began";
    /// The receipt of a destruction in the platform's trail: the removed data, and a checksum.
    TENANT_ERASED = "tenant.erased";
    /// A tenant was exported to a bundle or a backup.
    TENANT_EXPORTED = "tenant.exported";
    /// A tenant was imported from a bundle, or is a clone of another tenant.
    TENANT_IMPORTED = "tenant.imported";
    /// A tenant has another slug. The former one is reserved for it.
    TENANT_RENAMED = "tenant.renamed";
    /// A tenant's database and files were restored from a backup.
    TENANT_RESTORED = "tenant.restored";
    /// A tenant's secrets were sealed with the current master key.
    TENANT_SECRETS_RESEALED = "tenant.secrets_resealed";
    /// A former slug of a tenant is no longer reserved for it.
    TENANT_SLUG_RELEASED = "tenant.slug_released";
    /// A tenant was suspended.
    TENANT_SUSPENDED = "tenant.suspended";
    /// Properties of a tenant were changed, but not its state.
    TENANT_UPDATED = "tenant.updated";
    /// A user was activated.
    USER_ACTIVATED = "user.activated";
    /// A token of a message that changes an address, or objects to the change, was invalid, used or expired.
    USER_ADDRESS_CHANGE_FAILED = "user.address_change_failed";
    /// A user asked for another e-mail address.
    USER_ADDRESS_CHANGE_REQUESTED = "user.address_change_requested";
    /// A user proved control of another e-mail address, which is that of the account now.
    USER_ADDRESS_CHANGED = "user.address_changed";
    /// The former e-mail address of a user was restored by an objection. The account may have been taken over.
    USER_ADDRESS_RESTORED = "user.address_restored";
    /// A user proved control of the e-mail address.
    USER_ADDRESS_VERIFIED = "user.address_verified";
    /// A user was created or invited.
    USER_CREATED = "user.created";
    /// A user was deactivated.
    USER_DEACTIVATED = "user.deactivated";
    /// A user was deleted.
    USER_DELETED = "user.deleted";
    /// The receipt of the erasure of a user: the numbers of removed objects, and a checksum.
    USER_ERASED = "user.erased";
    /// The personal data of a user was exported.
    USER_EXPORTED = "user.exported";
    /// The role, the custom roles or the groups of a user were changed.
    USER_ROLE_CHANGED = "user.role_changed";
    /// A person used a token of a message to see the tenants of the address.
    USER_TENANTS_LISTED = "user.tenants_listed";
    /// Somebody asked for the tenants of the address of a user.
    USER_TENANTS_REQUESTED = "user.tenants_requested";
    /// Properties of a user were changed, but neither the roles, the groups nor the state.
    USER_UPDATED = "user.updated";
    /// A token that verifies an e-mail address was invalid, used or expired.
    USER_VERIFICATION_FAILED = "user.verification_failed";
    /// A user asked for a message that verifies the e-mail address.
    USER_VERIFICATION_REQUESTED = "user.verification_requested";
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    use super::ALL;

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let nested =
            entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
        nested.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
    }

    #[test]
    fn names_are_unique_and_sorted() {
        assert!(ALL.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn names_in_code_are_constants() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for folder in ["components", "crates", "tools"] {
            for path in sources(&root.join(folder)) {
                let source = fs::read_to_string(&path).unwrap();
                let literal = ["Event::", "new(\""].concat();
                assert!(!source.contains(&literal), "{} names an event", path.display());
            }
        }
    }
}
