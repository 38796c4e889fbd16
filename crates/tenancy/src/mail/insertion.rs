//! Adds a message to the outbox in the statement of its cause.

use chrono::{DateTime, Utc};
use platform::sql::Value;
use uuid::Uuid;

use super::{
    VariablesCipher,
    template::{Language, Purpose},
    variables::Variables,
};
use crate::{
    context::Context,
    error::Result,
    settings::{MailTransport, Settings},
    tenant::Tenant,
    token::{ObjectionToken, OneTimeToken, SetupToken, SignInCode, SignInToken, TokenUse},
};

/// The maximum number of messages of a tenant that wait, separately for those of administrators and for those that
/// people have asked for, so that neither fills the outbox for the other. Concurrent statements can exceed it by one each.
const MOST_WAITING: i64 = 1000;
/// The maximum number of stored messages of administrators to one user, so that nobody can flood a mailbox.
const MOST_OF_USER: i64 = 20;
/// The maximum number of messages to one user in an hour that somebody has asked for with the address of the user,
/// separately for requests from the networks of the user and for all others, so that strangers do not use up those of the
/// user.
const MOST_OF_USER_IN_AN_HOUR: i64 = 5;
/// The condition that somebody has asked for the message `m` with the address of an account, or with a new one for it.
const IS_ASKED_FOR: &str = "m.purpose IN ('password_recovery', 'address_verification', 'sign_in', 'address_change', 'tenant_list')";
/// The condition that an administrator is the cause of the message `m`.
const IS_OF_ADMINISTRATOR: &str = "m.purpose IN ('invitation', 'password_reset')";

/// The condition that the token `t` is still valid for its user `u`: the user has the same address as at the request, and
/// the sessions of that time have not been ended. Objections to a change of the address are an exception.
pub(crate) const TOKEN_IS_CURRENT: &str =
    "COALESCE(t.former_address, t.address) = u.email AND t.session_epoch = u.session_epoch";

/// The join that adds the column `is_known` to the user `u`: whether the user has a session from the network `:network`.
pub(crate) const IS_KNOWN_NETWORK: &str = "
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM sessions s WHERE s.user_id = u.id AND s.address::inet <<= :network::text::inet)
               AS is_known
    ) k";

/// How a new setup token reaches its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posting {
    /// The caller receives the token and passes it on.
    ByCaller,
    /// The service sends the token, if it has a transport.
    ByMail {
        /// The language of the message, or that of the tenant.
        language: Option<Language>,
    },
}

impl Posting {
    /// Returns whether the service sends the token.
    pub(crate) fn is_mailed(self, settings: &Settings) -> bool {
        self != Self::ByCaller && settings.mail_transport != MailTransport::None
    }
}

/// A new message. The statement of its cause inserts it with [`mailed_if`].
pub(crate) struct NewMessage {
    id: Uuid,
    address: String,
    language: Option<&'static str>,
    token_hash: [u8; 32],
    /// The sealed [`Variables`].
    variables: Vec<u8>,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl NewMessage {
    /// Seals a setup token for the address of its user. Returns `None` if the caller passes the token on.
    pub(crate) fn with_token(
        context: &Context,
        tenant: &Tenant,
        posting: Posting,
        address: &str,
        token: &SetupToken,
        expires_at: DateTime<Utc>,
    ) -> Result<Option<Self>> {
        match posting {
            Posting::ByMail { language } if posting.is_mailed(&context.settings) => {
                Self::new(context, tenant, language, address, token, expires_at).map(Some)
            }
            Posting::ByMail { .. } | Posting::ByCaller => Ok(None),
        }
    }

    /// Seals a token for an address.
    pub(crate) fn new<U: TokenUse>(
        context: &Context,
        tenant: &Tenant,
        language: Option<Language>,
        address: &str,
        token: &OneTimeToken<U>,
        expires_at: DateTime<Utc>,
    ) -> Result<Self> {
        let variables = Variables::of_token(token.expose());
        Self::seal(context, tenant, language, address, token.hash(), &variables, expires_at)
    }

    /// Seals a token and a code of a sign-in for an address.
    pub(crate) fn with_code(
        context: &Context,
        tenant: &Tenant,
        language: Option<Language>,
        address: &str,
        (token, code): (&SignInToken, &SignInCode),
        expires_at: DateTime<Utc>,
    ) -> Result<Self> {
        let code = Some(code.expose().to_owned());
        let variables = Variables { code, ..Variables::of_token(token.expose()) };
        Self::seal(context, tenant, language, address, token.hash(), &variables, expires_at)
    }

    /// Seals the token of an objection for a former address.
    pub(crate) fn with_objection(
        context: &Context,
        tenant: &Tenant,
        address: &str,
        token: &ObjectionToken,
        expires_at: DateTime<Utc>,
    ) -> Result<Self> {
        let at = Some(context.platform.clock.now());
        let variables = Variables { at, ..Variables::of_token(token.expose()) };
        Self::seal(context, tenant, None, address, token.hash(), &variables, expires_at)
    }

    fn seal(
        context: &Context,
        tenant: &Tenant,
        language: Option<Language>,
        address: &str,
        token_hash: [u8; 32],
        variables: &Variables,
        expires_at: DateTime<Utc>,
    ) -> Result<Self> {
        let now = context.platform.clock.now();
        let random = &*context.platform.random;
        let id = random.uuid(now);
        let cipher = VariablesCipher::new(tenant.data_keys(context)?);
        let variables = cipher.seal(id, address, &variables.to_bytes()?, random)?;
        Ok(Self {
            id,
            address: address.to_owned(),
            language: language.map(Language::tag),
            token_hash,
            variables,
            now,
            expires_at,
        })
    }
}

/// Returns the beginning of a statement that adds a message with these expressions. Its parameters are those of
/// [`bindings`].
fn insert(user: &str, purpose: &str, address: &str, is_from_own_network: &str) -> String {
    format!(
        "INSERT INTO mail_messages (id, user_id, purpose, address, is_from_own_network, language, token_hash, variables,
                                    next_attempt_at, created_at, expires_at)
         SELECT :mail_id::uuid, {user}, {purpose}, {address}, {is_from_own_network},
                COALESCE(:mail_language::text, (SELECT s.language FROM mail_settings s)),
                :mail_token_hash::bytea, :mail_variables::bytea, :mail_now::timestamp AT TIME ZONE 'UTC',
                :mail_now::timestamp AT TIME ZONE 'UTC', :mail_expires_at::timestamp AT TIME ZONE 'UTC'"
    )
}

/// Returns the CTE `mailed`, which adds a message for the user in the row of the earlier CTE `changed`. It has no row
/// without a message, if the user has another address, or if the outbox is full: the caller must then return the token
/// itself. Its parameters are those of [`bindings`].
pub(crate) fn mailed_if(changed: &str) -> String {
    let purpose = "CASE WHEN c.last_login IS NULL THEN 'invitation' ELSE 'password_reset' END";
    let insert = insert("c.id", purpose, "c.email", "false");
    format!(
        "mailed AS (
            {insert}
            FROM {changed} c
            WHERE :mail_id::uuid IS NOT NULL AND c.email = :mail_address::text
              AND {MOST_WAITING} > (SELECT count(*) FROM mail_messages m
                                    WHERE m.state IN ('waiting', 'sending') AND {IS_OF_ADMINISTRATOR})
              AND {MOST_OF_USER} > (SELECT count(*) FROM mail_messages m
                                    WHERE m.user_id = c.id AND {IS_OF_ADMINISTRATOR})
            LIMIT 1
            RETURNING id
        )"
    )
}

/// Returns the condition that the outbox has room for a message that the user `u` has asked for, with the join
/// [`IS_KNOWN_NETWORK`]. Its parameter is `:mail_now`.
pub(crate) fn has_room() -> String {
    format!(
        "{MOST_WAITING} > (SELECT count(*) FROM mail_messages m
                           WHERE m.state IN ('waiting', 'sending') AND {IS_ASKED_FOR})
         AND {MOST_OF_USER_IN_AN_HOUR} > (
             SELECT count(*) FROM mail_messages m
             WHERE m.user_id = u.id AND {IS_ASKED_FOR} AND m.is_from_own_network = k.is_known
               AND m.created_at > :mail_now::timestamp AT TIME ZONE 'UTC' - interval '1 hour')"
    )
}

/// Returns the CTE `mailed`, which adds a message for the user, the address and the network in the row of the earlier CTE
/// `issued`.
/// Its parameters are those of [`bindings`].
pub(crate) fn mailed_to_issued(purpose: Purpose) -> String {
    let purpose = format!("'{}'", purpose.as_str());
    let insert = insert("i.user_id", &purpose, "i.address", "i.is_known");
    format!(
        "mailed AS (
            {insert}
            FROM issued i
        )"
    )
}

/// Returns the parameters of [`mailed_if`] and [`mailed_to_issued`].
pub(crate) fn bindings(message: Option<NewMessage>) -> [(&'static str, Value); 7] {
    let names = [
        "mail_id",
        "mail_address",
        "mail_language",
        "mail_token_hash",
        "mail_variables",
        "mail_now",
        "mail_expires_at",
    ];
    let Some(message) = message else { return names.map(|name| (name, Value::Null)) };
    let values: [Value; 7] = [
        message.id.into(),
        message.address.as_str().into(),
        message.language.into(),
        message.token_hash.as_slice().into(),
        message.variables.as_slice().into(),
        message.now.into(),
        message.expires_at.into(),
    ];
    let mut values = values.into_iter();
    names.map(|name| (name, values.next().unwrap_or(Value::Null)))
}
