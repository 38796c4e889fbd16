//! A call of a route, by the credential of its caller.
//!
//! A handler takes a [`Call`], an [`Operator`](super::Operator) or a [`Member`]; the last two only come to be when
//! the caller was found to be one.

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

/// A call by anybody.
pub struct Call {
    pub(super) tenancy: Result<Rc<Tenancy>, Rc<Vec<InvalidSetting>>>,
    pub(super) request: Request,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) request_id: String,
    pub(super) received_at: DateTime<Utc>,
    pub(super) record: Rc<Record>,
}

/// A call by a member of a tenant who may use the route.
pub struct Member {
    pub(super) tenancy: Rc<Tenancy>,
    pub(super) tenant: Tenant,
    pub(super) principal: Principal,
    /// A second credential that vouches for the call.
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
    /// Its permissions.
    pub fn scopes(&self) -> &[Scope] {
        match self {
            Self::User(claims) => claims.role.scopes(),
            Self::ApiKey(record) => &record.scopes,
        }
    }

    /// Its identity for the log.
    pub(super) fn caller(&self) -> Caller {
        match self {
            Self::User(claims) => Caller::User(claims.sub),
            Self::ApiKey(record) => Caller::ApiKey(record.id),
        }
    }

    /// Its identity for the audit trail.
    pub(super) fn actor(&self, origin: Origin) -> Actor {
        match self {
            Self::User(claims) => Actor::user(claims.sub, origin),
            Self::ApiKey(record) => Actor::api_key(record.id, origin),
        }
    }
}

/// Where a call comes from.
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
    /// The service.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] where it cannot run with its settings.
    pub fn tenancy(&self) -> Result<Rc<Tenancy>> {
        self.tenancy.clone().map_err(|settings| Error::Misconfigured(settings.to_vec()))
    }

    /// The service, or the settings that keep it from running.
    pub fn try_tenancy(&self) -> Result<&Rc<Tenancy>, &[InvalidSetting]> {
        self.tenancy.as_ref().map_err(|settings| settings.as_slice())
    }

    /// The body as the JSON object that `T` takes.
    pub async fn json<T: FromFields>(&mut self) -> Result<T> {
        self.request.json().await
    }

    /// That the call has the token of `GET /metrics`, if the settings have one.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub fn require_metrics_token(&self) -> Result<()> {
        authenticate::check_metrics_token(&*self.tenancy()?, &self.request)
    }

    /// The query string as the parameters that `T` takes.
    pub fn query<T: FromFields>(&self) -> Result<T> {
        self.request.query()
    }

    /// The body as the form that `T` takes (`application/x-www-form-urlencoded`).
    pub async fn form<T: FromFields>(&mut self) -> Result<T> {
        self.request.form().await
    }

    /// The body as the JSON object that `T` takes, or as one without fields where there is none.
    pub async fn json_or_empty<T: FromFields>(&mut self) -> Result<T> {
        self.request.json_or_empty().await
    }

    /// The header `Idempotency-Key`; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`] when it has not 1 to 255 characters.
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

    /// How the request addresses its tenant.
    pub fn addressing(&self) -> Result<Addressing> {
        Addressing::of(&self.request, &self.tenancy()?.settings)
    }

    /// The record of the request for the log and the response.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The request as it came.
    pub fn request(&mut self) -> &mut Request {
        &mut self.request
    }

    /// The origin of the call, as trusted proxies report it.
    pub fn origin(&self) -> Origin {
        Origin {
            address: self.client(),
            user_agent: self.request.headers.text("user-agent").map(str::to_owned),
            request_id: Some(self.request_id.clone()),
        }
    }

    /// Returns the address of the client. The router has refused a request whose hops are not readable.
    fn client(&self) -> Option<IpAddr> {
        match &self.tenancy {
            Ok(tenancy) => {
                forwarded::client(&self.request, &tenancy.settings.trusted_proxies).ok().flatten()
            }
            Err(_) => self.request.peer(),
        }
    }

    /// The parameter `name` of the route's path, percent-encoded as it was sent.
    ///
    /// # Errors
    /// [`Error::RouteNotFound`] when the route has none.
    pub fn raw_parameter(&self, name: &str) -> Result<&str> {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str()).ok_or(Error::RouteNotFound)
    }

    /// The parameter `name` of the route's path.
    ///
    /// # Errors
    /// [`Error::RouteNotFound`] when it is not of the type: then there can be nothing at this path.
    pub fn parameter<T: Text>(&self, name: &str) -> Result<T> {
        let raw = self.raw_parameter(name)?;
        let text = percent_decode_str(raw).decode_utf8().map_err(|_| Error::RouteNotFound)?;
        T::parse(&text).map_err(|_| Error::RouteNotFound)
    }
}

impl Member {
    /// The service.
    pub fn tenancy(&self) -> &Rc<Tenancy> {
        &self.tenancy
    }

    /// The tenant that the caller belongs to.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The caller.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The calling user.
    ///
    /// # Errors
    /// [`Error::UserRequired`] when an API key does.
    pub fn user(&self) -> Result<&Claims> {
        match &self.principal {
            Principal::User(claims) => Ok(claims),
            Principal::ApiKey(_) => Err(Error::UserRequired),
        }
    }

    /// The principals that vouch for the call: one for each credential.
    fn principals(&self) -> impl Iterator<Item = &Principal> {
        std::iter::once(&self.principal).chain(&self.second)
    }

    /// Whether the caller has a scope.
    pub fn allows(&self, scope: Scope) -> bool {
        self.principals().all(|principal| principal.scopes().contains(&scope))
    }

    /// That the caller has a scope, or the gateway that forwards the call. A gateway shows its own key of the tenant in
    /// `X-Gateway-Key`, which grants the caller nothing, or in `X-API-Key` beside the caller's access token.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::TenantMismatch`] for a key of another tenant; the key may be invalid.
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

    /// The caller's authority over API keys.
    pub fn authority(&self) -> Authority {
        self.principals().fold(Authority::unbounded(), |authority, principal| match principal {
            Principal::User(claims) => authority.and_user(claims.role.scopes()),
            Principal::ApiKey(own) => authority.and_key(own),
        })
    }

    /// Whether the call carries this API key.
    pub fn is_api_key(&self, id: uuid::Uuid) -> bool {
        self.principals()
            .any(|principal| matches!(principal, Principal::ApiKey(own) if own.id == id))
    }

    /// That the caller has a scope.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.allows(scope) { Ok(()) } else { Err(Error::Forbidden { scope: scope.as_str() }) }
    }

    /// The roles that the caller may grant: each credential must allow it.
    pub fn grantable_roles(&self) -> Vec<Role> {
        let is_grantable = |role: &Role| {
            self.principals().all(|principal| role.is_grantable_with(principal.scopes()))
        };
        Role::ALL.into_iter().filter(is_grantable).collect()
    }

    /// That the caller may grant a role.
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

    /// The roles of users that the caller may change or delete: administrators only when the caller may grant that
    /// role.
    pub fn manageable_roles(&self) -> Vec<Role> {
        let grantable = self.grantable_roles();
        let is_manageable = |role: &Role| *role != Role::Admin || grantable.contains(role);
        Role::ALL.into_iter().filter(is_manageable).collect()
    }

    /// Notes how much of a resource is used: the response warns near the limit.
    pub fn used(&self, resource: Resource, usage: i64, limit: i64) {
        self.call.record.used(resource, usage, limit);
    }

    /// Its identity for the audit trail.
    pub fn actor(&self) -> Actor {
        self.principal.actor(self.call.origin())
    }

    /// The call itself.
    pub fn call(&mut self) -> &mut Call {
        &mut self.call
    }
}
