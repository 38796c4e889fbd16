//! Authentication of the platform's operators by a named operator key or by `ADMIN_API_KEY`.

use std::rc::Rc;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use tenancy::{
    Context, Error, Result,
    absent::AbsentKeys,
    access::OperatorScope,
    audit,
    error::Unauthenticated,
    event::{Actor, Entry, Event, Severity, name},
    log::Caller,
    login_throttling,
    operator_key::{self, Authority, OperatorKey, OperatorKeyRecord, Refusal, Seen},
    tenant::{Tenant, repo},
};

use super::{
    Call, Means, Request, anonymous,
    credentials::{API_KEY_HEADER, bearer_token, is_one_of},
};

/// The headers that carry an operator's credential, as an alternative to `Authorization: Bearer`.
const KEY_HEADERS: [&str; 3] = ["x-admin-key", "x-admin-api-key", API_KEY_HEADER];

const INVALID_ADMIN_KEY: Error = Error::Unauthenticated(Unauthenticated::InvalidAdminKey);
const INVALID_OPERATOR_KEY: Error = Error::Unauthenticated(Unauthenticated::InvalidOperatorKey);

/// A call by an operator of the platform.
pub struct Operator {
    context: Rc<Context>,
    credential: Credential,
    call: Call,
}

/// The verified credential of an operator.
enum Credential {
    /// `ADMIN_API_KEY`.
    BreakGlass,
    /// A named key.
    Key(Rc<OperatorKeyRecord>),
}

/// The credential in a request before it is verified.
#[derive(PartialEq, Eq)]
enum Shown {
    AdminKey,
    Key(OperatorKey),
}

impl Operator {
    /// Authenticates the caller as an operator.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Error::RateLimited`] if the caller's network has sent too many invalid keys.
    pub(super) async fn authenticate(context: Rc<Context>, call: Call) -> Result<Self> {
        let credential = match shown(&context, &call.request) {
            Ok(Shown::AdminKey) => Credential::BreakGlass,
            Ok(Shown::Key(key)) => Credential::Key(verify(&context, &call, &key).await?),
            Err(error) => {
                record_unknown_key(&context, &call, &error);
                return Err(error);
            }
        };
        call.record.principal.set(Some(match &credential {
            Credential::BreakGlass => Caller::Platform,
            Credential::Key(key) => Caller::OperatorKey(key.id),
        }));
        let operator = Self { context, credential, call };
        if let Credential::BreakGlass = operator.credential {
            let path = operator.call.record.route.get().unwrap_or("none");
            let route = format!("{} {path}", operator.call.request.method);
            operator_key::record_break_glass(&operator.context, &operator.actor(), &route).await?;
        }
        Ok(operator)
    }

    /// Returns the context of the service.
    pub fn context(&self) -> &Rc<Context> {
        &self.context
    }

    /// Returns the call itself.
    pub fn call(&mut self) -> &mut Call {
        &mut self.call
    }

    /// Checks that the operator holds a scope. A denial is recorded in the audit trail.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub(super) fn require(&self, scope: OperatorScope) -> Result<()> {
        let Credential::Key(key) = &self.credential else { return Ok(()) };
        if key.scopes.contains(&scope) {
            return Ok(());
        }
        let event = Event::new(name::ACCESS_DENIED)
            .severity(Severity::Warning)
            .failed()
            .detail(json!({ "reason": "forbidden", "scope": scope }));
        let entry = Entry::new(&self.context, None, &self.actor(), event);
        audit::record_rarely(&self.context, entry, &key.id.to_string());
        Err(Error::Forbidden { scope: scope.as_str() })
    }

    /// Returns the tenant of the path parameter `id`, if the operator may manage keys in its current state.
    ///
    /// # Errors
    /// [`Error::TenantNotFound`] and [`Error::TenantDeleted`].
    pub async fn tenant(&self) -> Result<Tenant> {
        let id = self.call.parameter("id").map_err(|_| Error::TenantNotFound)?;
        self.call.record.concerns(id, Means::Operator);
        let catalog = self.context.catalog().await?;
        let record = repo::find(&*catalog, id).await?.ok_or(Error::TenantNotFound)?;
        Tenant::of_operator(Rc::new(record))
    }

    /// Returns the operator's authority over operator keys.
    pub(super) fn authority(&self) -> Authority {
        match &self.credential {
            Credential::BreakGlass => Authority::unbounded(),
            Credential::Key(own) => Authority::of(own),
        }
    }

    /// Returns the `Idempotency-Key` of the request. The stored response of an earlier request contains secrets, so
    /// each operator key has its own set of idempotency keys.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`].
    pub fn idempotency_key(&self) -> Result<Option<String>> {
        let given = self.call.idempotency_key()?;
        Ok(match &self.credential {
            Credential::BreakGlass => given,
            Credential::Key(key) => given.map(|given| {
                // The id has a fixed length, so different pairs never result in the same text.
                base16ct::lower::encode_string(&Sha256::digest(
                    [key.id.as_bytes(), given.as_bytes()].concat(),
                ))
            }),
        })
    }

    /// Returns the operator for the audit trail.
    pub fn actor(&self) -> Actor {
        let origin = self.call.origin();
        match &self.credential {
            Credential::BreakGlass => Actor::platform(origin),
            Credential::Key(key) => Actor::operator_key(key.id, &key.name, origin),
        }
    }
}

/// Returns the credential of a request. It may occur in several headers, but there may be no second credential.
fn shown(context: &Context, request: &Request) -> Result<Shown> {
    let mut found = None;
    let bearer = bearer_token(request);
    let headers = KEY_HEADERS.into_iter().map(|name| request.header(name));
    for text in std::iter::once(bearer).chain(headers) {
        let Some(text) = text? else { continue };
        let shown = if is_one_of(&context.settings.admin_api_keys, text) {
            Shown::AdminKey
        } else if OperatorKey::is_meant(text) {
            Shown::Key(OperatorKey::parse(text).ok_or(INVALID_OPERATOR_KEY)?)
        } else {
            return Err(INVALID_ADMIN_KEY);
        };
        if found.as_ref().is_some_and(|found| *found != shown) {
            return Err(INVALID_OPERATOR_KEY);
        }
        found = Some(shown);
    }
    found.ok_or(Error::Unauthenticated(Unauthenticated::Missing))
}

/// Looks up an operator key with at most one statement.
///
/// # Errors
/// [`Unauthenticated::InvalidOperatorKey`]; [`Error::RateLimited`] if the network has sent too many invalid keys.
pub(super) async fn verify(
    context: &Rc<Context>,
    call: &Call,
    key: &OperatorKey,
) -> Result<Rc<OperatorKeyRecord>> {
    let hash = key.hash();
    anonymous::check_key(context, call, context.state::<Seen>().was_valid(&hash))?;
    let now = context.platform.clock.monotonic_micros();
    let found = if context.state::<AbsentKeys>().is_absent(&hash, now) {
        None
    } else {
        let catalog = context.catalog().await?;
        operator_key::repo::verify(&*catalog, hash, call.origin().address).await?
    };
    match found {
        Some((record, None)) => {
            context.state::<Seen>().put_valid(hash);
            return Ok(Rc::new(record));
        }
        Some((record, Some(refusal))) => record_refused_key(context, call, &record, refusal),
        None => {
            context.state::<AbsentKeys>().put(hash, now);
            record_unknown_key(context, call, &INVALID_OPERATOR_KEY);
        }
    }
    Err(anonymous::count_key(context, call, INVALID_OPERATOR_KEY).await)
}

/// Records the use of a key that exists but is not accepted. The key may be stolen.
fn record_refused_key(
    context: &Rc<Context>,
    call: &Call,
    record: &OperatorKeyRecord,
    refusal: Refusal,
) {
    let origin = call.origin();
    let from = origin.address.map(login_throttling::network_text).unwrap_or_default();
    let event = Event::new(name::OPERATOR_KEY_REFUSED)
        .severity(Severity::Warning)
        .failed()
        .about("operator_key", record.id)
        .detail(json!({ "reason": refusal.as_str(), "name": record.name }));
    let entry = Entry::new(context, None, &Actor::anonymous(origin), event);
    audit::record_rarely(context, entry, &format!("{}:{from}", record.id));
}

/// Records the use of a key that does not exist.
fn record_unknown_key(context: &Rc<Context>, call: &Call, error: &Error) {
    use Unauthenticated::{InvalidAdminKey, InvalidOperatorKey};
    if !matches!(error, Error::Unauthenticated(InvalidAdminKey | InvalidOperatorKey)) {
        return;
    }
    let origin = call.origin();
    let from = origin.address.map(login_throttling::network_text).unwrap_or_default();
    let event = Event::new(name::PLATFORM_KEY_REFUSED).severity(Severity::Warning).failed();
    let entry = Entry::new(context, None, &Actor::anonymous(origin), event);
    audit::record_rarely(context, entry, &from);
}
