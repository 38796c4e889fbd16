//! A call of a route, by the kind of its caller.
//!
//! A handler takes a [`Call`], an [`Operator`](super::Operator) or a [`Member`]. The last two exist only after
//! authentication.

use std::{net::IpAddr, rc::Rc};

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;

use super::{
    Record, Request,
    addressing::Addressing,
    authenticate,
    fields::{FromFields, Text},
    forwarded,
};
use crate::{
    access::{Role, Scope},
    api_key::{ApiKeyRecord, Authority},
    audit::Actor,
    error::{Error, InvalidSetting, Result},
    log::Caller,
    quota::Resource,
    tenancy::Tenancy,
    tenant::Tenant,
    token::Claims,
};

/// A call by any caller.
pub struct Call {
    pub(super) tenancy: Result<Rc<Tenancy>, Rc<Vec<InvalidSetting>>>,
    pub(super) request: Request,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) request_id: String,
    pub(super) received_at: DateTime<Utc>,
    pub(super) record: Rc<Record>,
}

/// A call by a member of a tenant, authorized for the route.
pub struct Member {
    pub(super) tenancy: Rc<Tenancy>,
    pub(super) tenant: Tenant,
    pub(super) principal: Principal,
    /// The second credential of the call, which must also allow the call.
    pub(super) second: Option<Principal>,
    pub(super) call: Call,
}

/// A caller of a tenant.
pub enum Principal {
    /// A user, with an access token.
    User(Rc<Claims>),
    /// A service, with an API key.
    ApiKey(Rc<ApiKeyRecord>),
}

impl Principal {
    /// Returns the permissions of the principal.
    pub fn scopes(&self) -> &[Scope] {
        match self {
            Self::User(claims) => claims.role.scopes(),
            Self::ApiKey(record) => &record.scopes,
        }
    }

    /// Returns the identity for the log.
    pub(super) fn caller(&self) -> Caller {
        match self {
            Self::User(claims) => Caller::User(claims.sub),
            Self::ApiKey(record) => Caller::ApiKey(record.id),
        }
    }

    /// Returns the identity for the audit trail.
    pub(super) fn actor(&self, origin: Origin) -> Actor {
        match self {
            Self::User(claims) => Actor::user(claims.sub, origin),
            Self::ApiKey(record) => Actor::api_key(record.id, origin),
        }
    }
}

/// The origin of a call.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The address of the client.
    pub address: Option<IpAddr>,
    /// The `User-Agent` of the client.
    pub user_agent: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
}

impl Call {
    /// Returns the service.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if the service cannot run with its settings.
    pub fn tenancy(&self) -> Result<Rc<Tenancy>> {
        self.tenancy.clone().map_err(|settings| Error::Misconfigured(settings.to_vec()))
    }

    /// Returns the service, or the settings that prevent it from running.
    pub fn try_tenancy(&self) -> Result<&Rc<Tenancy>, &[InvalidSetting]> {
        self.tenancy.as_ref().map_err(|settings| settings.as_slice())
    }

    /// Reads the body as a JSON object.
    pub async fn json<T: FromFields>(&mut self) -> Result<T> {
        self.request.json().await
    }

    /// Checks that the call has the token of `GET /metrics`, if the settings require one.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub fn require_metrics_token(&self) -> Result<()> {
        authenticate::check_metrics_token(&*self.tenancy()?, &self.request)
    }

    /// Reads the parameters of the query string.
    pub fn query<T: FromFields>(&self) -> Result<T> {
        self.request.query()
    }

    /// Reads the body as a form (`application/x-www-form-urlencoded`).
    pub async fn form<T: FromFields>(&mut self) -> Result<T> {
        self.request.form().await
    }

    /// Reads the body as a JSON object. An empty body is read as an empty object.
    pub async fn json_or_empty<T: FromFields>(&mut self) -> Result<T> {
        self.request.json_or_empty().await
    }

    /// Returns the `Idempotency-Key` header, if there is one.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`] if the key does not have 1 to 255 characters.
    pub fn idempotency_key(&self) -> Result<Option<String>> {
        const NAME: &str = "idempotency-key";
        match self.request.header(NAME)? {
            Some(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
            Some(_) => Err(Error::InvalidHeader {
                name: NAME,
                message: "must have 1 to 255 characters".to_owned(),
            }),
            None => Ok(None),
        }
    }

    /// Returns how the request addresses its tenant.
    pub fn addressing(&self) -> Result<Addressing> {
        Addressing::of(&self.request, &self.tenancy()?.settings)
    }

    /// Returns the record of the request for the log and the response.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Returns the original request.
    pub fn request(&mut self) -> &mut Request {
        &mut self.request
    }

    /// Returns the origin of the call, as trusted proxies report it.
    pub fn origin(&self) -> Origin {
        Origin {
            address: self.client(),
            user_agent: self.request.headers.text("user-agent").map(str::to_owned),
            request_id: Some(self.request_id.clone()),
        }
    }

    /// Returns the address of the client. The router has already refused a request with unreadable hops.
    fn client(&self) -> Option<IpAddr> {
        match &self.tenancy {
            Ok(tenancy) => {
                forwarded::client(&self.request, &tenancy.settings.trusted_proxies).ok().flatten()
            }
            Err(_) => self.request.peer(),
        }
    }

    /// Returns the path parameter `name`, percent-encoded as in the request.
    ///
    /// # Errors
    /// [`Error::RouteNotFound`] if the route has no such parameter.
    pub fn raw_parameter(&self, name: &str) -> Result<&str> {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str()).ok_or(Error::RouteNotFound)
    }

    /// Returns the path parameter `name`.
    ///
    /// # Errors
    /// [`Error::RouteNotFound`] if the value is invalid for the type, because then no resource can exist at this path.
    pub fn parameter<T: Text>(&self, name: &str) -> Result<T> {
        let raw = self.raw_parameter(name)?;
        let text = percent_decode_str(raw).decode_utf8().map_err(|_| Error::RouteNotFound)?;
        T::parse(&text).map_err(|_| Error::RouteNotFound)
    }
}

impl Member {
    /// Returns the service.
    pub fn tenancy(&self) -> &Rc<Tenancy> {
        &self.tenancy
    }

    /// Returns the caller's tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Returns the caller.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Returns the calling user.
    ///
    /// # Errors
    /// [`Error::UserRequired`] if the caller is an API key.
    pub fn user(&self) -> Result<&Claims> {
        match &self.principal {
            Principal::User(claims) => Ok(claims),
            Principal::ApiKey(_) => Err(Error::UserRequired),
        }
    }

    /// Returns the principals of the call, one for each credential.
    fn principals(&self) -> impl Iterator<Item = &Principal> {
        std::iter::once(&self.principal).chain(&self.second)
    }

    /// Returns whether the caller holds a scope.
    pub fn allows(&self, scope: Scope) -> bool {
        self.principals().all(|principal| principal.scopes().contains(&scope))
    }

    /// Checks that the caller or the gateway that forwards the call holds a scope. A gateway sends its own key of the
    /// tenant in `X-Gateway-Key`, which grants the caller nothing. Alternatively, it sends the key in `X-API-Key` next
    /// to the caller's access token.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::TenantMismatch`] for a key of another tenant; [`Error::Unauthenticated`] for an
    /// invalid key.
    pub async fn require_of_gateway(&self, scope: Scope) -> Result<()> {
        if self.principals().any(|principal| principal.scopes().contains(&scope)) {
            return Ok(());
        }
        match authenticate::gateway(&self.tenancy, &self.call).await? {
            Some(key) if key.tenant != self.tenant.id => Err(Error::TenantMismatch),
            Some(key) if key.scopes.contains(&scope) => Ok(()),
            _ => Err(Error::Forbidden { scope: scope.as_str() }),
        }
    }

    /// Returns the caller's authority over API keys.
    pub fn authority(&self) -> Authority {
        self.principals().fold(Authority::unbounded(), |authority, principal| match principal {
            Principal::User(claims) => authority.and_user(claims.role.scopes()),
            Principal::ApiKey(own) => authority.and_key(own),
        })
    }

    /// Returns whether the call carries this API key.
    pub fn is_api_key(&self, id: uuid::Uuid) -> bool {
        self.principals()
            .any(|principal| matches!(principal, Principal::ApiKey(own) if own.id == id))
    }

    /// Checks that the caller holds a scope.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.allows(scope) { Ok(()) } else { Err(Error::Forbidden { scope: scope.as_str() }) }
    }

    /// Returns the roles that the caller may grant. Each credential must allow the role.
    pub fn grantable_roles(&self) -> Vec<Role> {
        let is_grantable = |role: &Role| {
            self.principals().all(|principal| role.is_grantable_with(principal.scopes()))
        };
        Role::ALL.into_iter().filter(is_grantable).collect()
    }

    /// Checks that the caller may grant a role.
    ///
    /// # Errors
    /// [`Error::ScopeNotHeld`].
    pub fn require_grant(&self, role: Role) -> Result<()> {
        if self.grantable_roles().contains(&role) {
            Ok(())
        } else {
            Err(Error::ScopeNotHeld { scope: role.grant_scope().as_str() })
        }
    }

    /// Returns the roles of the users that the caller may update or delete. Administrators are included only if the
    /// caller may grant that role.
    pub fn manageable_roles(&self) -> Vec<Role> {
        let grantable = self.grantable_roles();
        let is_manageable = |role: &Role| *role != Role::Admin || grantable.contains(role);
        Role::ALL.into_iter().filter(is_manageable).collect()
    }

    /// Records the usage of a resource. The response contains a warning near the limit.
    pub fn used(&self, resource: Resource, usage: i64, limit: i64) {
        self.call.record.used(resource, usage, limit);
    }

    /// Returns the identity for the audit trail.
    pub fn actor(&self) -> Actor {
        self.principal.actor(self.call.origin())
    }

    /// Returns the call itself.
    pub fn call(&mut self) -> &mut Call {
        &mut self.call
    }
}
