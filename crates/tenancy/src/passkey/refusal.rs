//! The reasons why a response of an authenticator is refused.

/// The step of the verification that failed. The audit trail has its name. Callers without a session do not see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A part of the response cannot be read.
    Malformed,
    /// The response is of the other ceremony: a registration or an authentication.
    Ceremony,
    /// The challenge is not of this service and use, has expired, or was used before.
    Challenge,
    /// The page is not on an origin of the tenant.
    Origin,
    /// The page is in a frame of another site.
    CrossOrigin,
    /// The response is for another RP ID.
    RelyingParty,
    /// The authenticator has not tested the presence of the user.
    UserPresence,
    /// The authenticator has not verified the user.
    UserVerification,
    /// The flags of backups contradict each other or the registration.
    Backup,
    /// The algorithm of the key is not supported.
    Algorithm,
    /// The key is not a valid key of its algorithm.
    Key,
    /// The id of the credential differs from the id in the signed data, or has an invalid length.
    CredentialId,
    /// There is no such passkey.
    Unknown,
    /// The user handle is not that of the passkey.
    UserHandle,
    /// The signature is wrong.
    Signature,
    /// The signature counter did not grow, so the authenticator may have a copy.
    Counter,
    /// The user or the sign-in has changed since.
    Outdated,
}

impl Refusal {
    /// Returns the name for the audit trail.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Ceremony => "ceremony",
            Self::Challenge => "challenge",
            Self::Origin => "origin",
            Self::CrossOrigin => "cross_origin",
            Self::RelyingParty => "relying_party",
            Self::UserPresence => "user_presence",
            Self::UserVerification => "user_verification",
            Self::Backup => "backup",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::CredentialId => "credential_id",
            Self::Unknown => "unknown_passkey",
            Self::UserHandle => "user_handle",
            Self::Signature => "signature",
            Self::Counter => "signature_counter",
            Self::Outdated => "outdated",
        }
    }

    /// Returns the problem of a registration, as a phrase that follows the name of the field.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Malformed => "has a part that cannot be read",
            Self::Ceremony => "must be the result of navigator.credentials.create()",
            Self::Challenge => "has a challenge that is invalid, expired or already used",
            Self::Origin => "was created on an origin that is not one of the tenant",
            Self::CrossOrigin => "was created in a frame of another site",
            Self::RelyingParty => "was created for another RP ID",
            Self::UserPresence => "was created without a test of the user's presence",
            Self::UserVerification => "was created without verification of the user",
            Self::Backup => "has flags of backups that contradict each other",
            Self::Algorithm => "has a key of an algorithm that was not offered",
            Self::Key => "has an invalid key",
            Self::CredentialId => "has an id that differs from its signed data or is too long",
            Self::Unknown => "is unknown",
            Self::UserHandle => "belongs to another user",
            Self::Signature => "has a wrong signature",
            Self::Counter => "has a signature counter that did not grow",
            Self::Outdated => "is for a user or a sign-in that has changed since",
        }
    }
}
