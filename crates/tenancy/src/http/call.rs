//! A call of a route, by what its caller had to show.
//!
//! A handler takes a [`Call`], an [`Operator`] or a [`Member`]; the last two only come to be when
//! the caller was found to be one.

use std::{collections::HashMap, net::SocketAddr, rc::Rc};

use percent_encoding::percent_decode_str;

use super::{
    Request,
    fields::{FromFields, Text},
};
use crate::{
    error::{Error, InvalidSetting, Result},
    tenancy::Tenancy,
    tenant::{Slug, Tenant},
    token::Claims,
};

/// A call by anybody.
pub struct Call {
    pub(super) tenancy: Result<Rc<Tenancy>, Rc<Vec<InvalidSetting>>>,
    pub(super) request: Request,
    pub(super) parameters: HashMap<String, String>,
}

/// A call by the platform's administration.
pub struct Operator {
    pub(super) tenancy: Rc<Tenancy>,
    pub(super) call: Call,
}

/// A call by somebody of a tenant, who has the scope that the route takes.
pub struct Member {
    pub(super) tenancy: Rc<Tenancy>,
    pub(super) tenant: Tenant,
    pub(super) claims: Claims,
    pub(super) call: Call,
}

/// Where a call comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The address of the client.
    pub address: Option<String>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

impl Call {
    /// The service.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] where it cannot run with its settings.
    pub fn tenancy(&self) -> Result<Rc<Tenancy>> {
        self.tenancy.clone().map_err(|settings| Error::Misconfigured(settings.to_vec()))
    }

    /// The service, or what keeps it from running.
    pub fn try_tenancy(&self) -> Result<&Rc<Tenancy>, &[InvalidSetting]> {
        self.tenancy.as_ref().map_err(|settings| settings.as_slice())
    }

    /// The body as the JSON object that `T` takes.
    pub async fn json<T: FromFields>(&mut self) -> Result<T> {
        self.request.json().await
    }

    /// The query string as the parameters that `T` takes.
    pub fn query<T: FromFields>(&self) -> Result<T> {
        self.request.query()
    }

    /// The slug in the header `X-Tenant-Slug`; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::TenantNotFound`] when it cannot be a slug.
    pub fn addressed_slug(&self) -> Result<Option<Slug>> {
        addressed_slug(&self.request)
    }

    /// Where the call comes from.
    pub fn origin(&self) -> Origin {
        let headers = &self.request.headers;
        // The host adds its value behind any that a client sends.
        let address = headers
            .get_all("spin-client-addr")
            .iter()
            .next_back()
            .and_then(|value| value.to_str().ok()?.parse::<SocketAddr>().ok())
            .map(|address| address.ip().to_canonical().to_string());
        let user_agent = headers.get("user-agent").and_then(|value| value.to_str().ok());
        Origin { address, user_agent: user_agent.map(str::to_owned) }
    }

    /// The parameter `name` of the route's path.
    ///
    /// # Errors
    /// [`Error::RouteNotFound`] when it is not of the type: then there can be nothing at this path.
    pub fn parameter<T: Text>(&self, name: &str) -> Result<T> {
        let raw = self.parameters.get(name).ok_or(Error::RouteNotFound)?;
        let text = percent_decode_str(raw).decode_utf8().map_err(|_| Error::RouteNotFound)?;
        T::parse(&text).map_err(|_| Error::RouteNotFound)
    }
}

impl Operator {
    /// The service.
    pub fn tenancy(&self) -> &Rc<Tenancy> {
        &self.tenancy
    }

    /// The call itself.
    pub fn call(&mut self) -> &mut Call {
        &mut self.call
    }

    /// The header `Idempotency-Key`; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`] when it has not 1 to 255 characters.
    pub fn idempotency_key(&self) -> Result<Option<String>> {
        const NAME: &str = "idempotency-key";
        match self.call.request.header(NAME)? {
            Some(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
            Some(_) => Err(Error::InvalidHeader {
                name: NAME,
                message: "must have 1 to 255 characters".to_owned(),
            }),
            None => Ok(None),
        }
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

    /// What the caller's token says.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The call itself.
    pub fn call(&mut self) -> &mut Call {
        &mut self.call
    }
}

pub(super) fn addressed_slug(request: &Request) -> Result<Option<Slug>> {
    match request.header("x-tenant-slug")? {
        None => Ok(None),
        Some(text) => Slug::parse(text).map(Some).map_err(|_| Error::TenantNotFound),
    }
}
