//! Notices: messages to a user about a change of the account, without a link. The statement of the change adds them. A
//! change never fails because of its notice: if there is no room, there is no notice.

use chrono::{DateTime, TimeDelta, Utc};
use platform::sql::Value;
use uuid::Uuid;

use super::{VariablesCipher, require_transport, template::Purpose, variables::Variables};
use crate::{context::Context, device, error::Result, event::Origin, tenant::Tenant};

/// The maximum number of notices of a tenant that wait. They have a limit of their own, so they do not fill the outbox for
/// messages with a link. Concurrent statements can exceed it by one each.
const MOST_WAITING: i64 = 1000;
/// The maximum number of notices to one user in an hour.
const MOST_OF_USER_IN_AN_HOUR: i64 = 5;
/// How long a notice may wait for its delivery.
const LIFETIME: TimeDelta = TimeDelta::days(1);

/// A notice that the statement of its cause adds with [`noticed_if`].
pub(crate) struct Notice {
    id: Uuid,
    address: String,
    /// The sealed [`Variables`].
    variables: Vec<u8>,
    now: DateTime<Utc>,
}

impl Notice {
    /// Seals a notice for the address of a user. `origin` is that of the request, if the user made it. Returns `None`
    /// if the service sends no mail.
    pub(crate) fn new(
        context: &Context,
        tenant: &Tenant,
        address: &str,
        origin: Option<&Origin>,
    ) -> Result<Option<Self>> {
        if require_transport(context).is_err() {
            return Ok(None);
        }
        let now = context.platform.clock.now();
        let random = &*context.platform.random;
        let id = random.uuid(now);
        let variables = Variables {
            at: Some(now),
            device: origin.and_then(|origin| device::label(origin.user_agent.as_deref())),
            network: origin.and_then(|origin| origin.address).map(|address| address.to_string()),
            ..Variables::default()
        };
        let cipher = VariablesCipher::new(tenant.data_keys(context)?);
        let variables = cipher.seal(id, address, &variables.to_bytes()?, random)?;
        Ok(Some(Self { id, address: address.to_owned(), variables, now }))
    }
}

/// Returns the CTE `noticed`, which adds a notice to the user in the row `n` of the earlier CTE `changed`. `user` is the
/// expression for the id. It has no row without a notice, without the condition, if the user had another address before
/// the statement, or if there is no room. Its parameters are those of [`bindings`].
pub(crate) fn noticed_if(changed: &str, user: &str, purpose: Purpose, condition: &str) -> String {
    let purpose = purpose.as_str();
    format!(
        "noticed AS (
            INSERT INTO mail_messages (id, user_id, purpose, address, language, variables,
                                       next_attempt_at, created_at, expires_at)
            SELECT :notice_id::uuid, {user}, '{purpose}', :notice_address::text,
                   (SELECT s.language FROM mail_settings s), :notice_variables::bytea,
                   :notice_now::timestamp AT TIME ZONE 'UTC', :notice_now::timestamp AT TIME ZONE 'UTC',
                   :notice_expires_at::timestamp AT TIME ZONE 'UTC'
            FROM {changed} n
            WHERE :notice_id::uuid IS NOT NULL AND ({condition})
              AND EXISTS (SELECT FROM users u WHERE u.id = {user} AND u.email = :notice_address::text)
              AND {MOST_WAITING} > (SELECT count(*) FROM mail_messages m
                                    WHERE m.state IN ('waiting', 'sending') AND m.token_hash IS NULL)
              AND {MOST_OF_USER_IN_AN_HOUR} > (
                  SELECT count(*) FROM mail_messages m
                  WHERE m.user_id = {user} AND m.token_hash IS NULL
                    AND m.created_at > :notice_now::timestamp AT TIME ZONE 'UTC' - interval '1 hour')
            LIMIT 1
            RETURNING user_id
        )"
    )
}

/// Returns the parameters of [`noticed_if`].
pub(crate) fn bindings(notice: Option<Notice>) -> [(&'static str, Value); 5] {
    let names =
        ["notice_id", "notice_address", "notice_variables", "notice_now", "notice_expires_at"];
    let Some(notice) = notice else { return names.map(|name| (name, Value::Null)) };
    let values: [Value; 5] = [
        notice.id.into(),
        notice.address.as_str().into(),
        notice.variables.as_slice().into(),
        notice.now.into(),
        (notice.now + LIFETIME).into(),
    ];
    let mut values = values.into_iter();
    names.map(|name| (name, values.next().unwrap_or(Value::Null)))
}
