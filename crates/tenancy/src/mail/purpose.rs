//! The reasons for messages, their languages and their variable content.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use crate::field::Text;

/// The reason for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The user is new, or has not signed in yet.
    Invitation,
    /// An administrator has reset the password of the user.
    PasswordReset,
    /// Somebody has asked for a new password with the address of the user.
    PasswordRecovery,
    /// The user proves control of the address.
    AddressVerification,
    /// Somebody has asked for the tenants of the address.
    TenantList,
    /// Somebody has asked for a sign-in with the address of the user.
    SignIn,
    /// The user proves control of a new address.
    AddressChange,
    /// A notice to the former address with an objection: the user has another address.
    AddressChanged,
    /// A notice to the former address: an administrator has given the user another address.
    AddressReplaced,
    /// A notice: another user wanted to have the address of the user.
    AddressInUse,
    /// A notice: the user signed in with a device that is new to the account.
    NewDevice,
    /// A notice: the password of the user was changed.
    PasswordChanged,
    /// A notice: the user has another second factor.
    SecondFactorAdded,
    /// A notice: the user has removed a second factor.
    SecondFactorRemoved,
    /// A notice: an administrator has removed all second factors of the user.
    SecondFactorsReset,
}

impl Purpose {
    pub(super) const ALL: [Self; 15] = [
        Self::Invitation,
        Self::PasswordReset,
        Self::PasswordRecovery,
        Self::AddressVerification,
        Self::TenantList,
        Self::SignIn,
        Self::AddressChange,
        Self::AddressChanged,
        Self::AddressReplaced,
        Self::AddressInUse,
        Self::NewDevice,
        Self::PasswordChanged,
        Self::SecondFactorAdded,
        Self::SecondFactorRemoved,
        Self::SecondFactorsReset,
    ];

    /// Returns the name that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
            Self::PasswordRecovery => "password_recovery",
            Self::AddressVerification => "address_verification",
            Self::TenantList => "tenant_list",
            Self::SignIn => "sign_in",
            Self::AddressChange => "address_change",
            Self::AddressChanged => "address_changed",
            Self::AddressReplaced => "address_replaced",
            Self::AddressInUse => "address_in_use",
            Self::NewDevice => "new_device",
            Self::PasswordChanged => "password_changed",
            Self::SecondFactorAdded => "second_factor_added",
            Self::SecondFactorRemoved => "second_factor_removed",
            Self::SecondFactorsReset => "second_factors_reset",
        }
    }

    /// Returns the purpose with a stored name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }

    /// Returns whether the token is a setup token.
    pub(super) fn is_setup(self) -> bool {
        matches!(self, Self::Invitation | Self::PasswordReset)
    }

    /// Returns whether the message is one of the service: it has no mark of the tenant, and the tenant's page does not
    /// receive the token.
    pub(super) fn is_of_service(self) -> bool {
        self == Self::TenantList
    }

    /// Returns the name of the page that receives the token, if the message has one.
    pub(super) fn page(self) -> Option<&'static str> {
        match self {
            Self::Invitation | Self::PasswordReset => Some("set-password"),
            Self::PasswordRecovery => Some("reset-password"),
            Self::AddressVerification => Some("verify-address"),
            Self::TenantList => Some("tenants"),
            Self::SignIn => Some("sign-in"),
            Self::AddressChange => Some("change-address"),
            Self::AddressChanged => Some("restore-address"),
            Self::AddressReplaced
            | Self::AddressInUse
            | Self::NewDevice
            | Self::PasswordChanged
            | Self::SecondFactorAdded
            | Self::SecondFactorRemoved
            | Self::SecondFactorsReset => None,
        }
    }
}

/// A language of messages, as a tag of RFC 5646.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    German,
}

impl Language {
    /// Returns the tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }
}

impl Text for Language {
    fn parse(text: &str) -> Result<Self, String> {
        [Self::English, Self::German]
            .into_iter()
            .find(|language| language.tag() == text)
            .ok_or_else(|| "must be en or de".to_owned())
    }
}

/// The content of a message that differs for each one.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// The link that receives the token. A notice has none.
    pub link: Option<Url>,
    /// The code that a person can type instead of opening the link.
    pub code: Option<String>,
    /// When the event of a notice happened.
    pub at: Option<DateTime<Utc>>,
    /// The browser and the system of the request.
    pub device: Option<String>,
    /// The address of the client.
    pub network: Option<String>,
}
