//! A call of a route by any caller.
//!
//! A handler takes a [`Call`], an [`Operator`](super::Operator) or a [`Member`](super::Member). The last two exist only
//! after authentication.

use std::{net::IpAddr, rc::Rc};

use percent_encoding::percent_decode_str;
use tenancy::{
    Context, Error, Result,
    admission::Arrival,
    error::{InvalidSetting, SecondFactorError},
    event::Origin,
    input::{FromFields, Text},
    resolve::{self, Addressing, SignInTarget},
    tenant::Tenant,
    token::ChallengeToken,
};
use uuid::Uuid;

use super::{Means, Record, Request, addressing, forwarded};

/// A call by any caller.
pub struct Call {
    pub(super) context: Result<Rc<Context>, Rc<Vec<InvalidSetting>>>,
    pub(super) request: Request,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) request_id: String,
    pub(super) arrival: Arrival,
    pub(super) record: Rc<Record>,
}

impl Call {
    /// Returns the context of the service.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if the service cannot run with its settings.
    pub fn context(&self) -> Result<Rc<Context>> {
        self.context.clone().map_err(|settings| Error::Misconfigured(settings.to_vec()))
    }

    /// Returns the context, or the settings that prevent it from running.
    pub fn try_context(&self) -> Result<&Rc<Context>, &[InvalidSetting]> {
        self.context.as_ref().map_err(|settings| settings.as_slice())
    }

    /// Reads the body as a JSON object.
    pub async fn json<T: FromFields>(&mut self) -> Result<T> {
        self.request.json().await
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
        addressing::of(&self.request, &self.context()?.settings)
    }

    /// Returns the tenant that a sign-in addresses, and records it as the tenant of the request.
    ///
    /// # Errors
    /// Those of [`resolve::for_sign_in`].
    pub async fn sign_in_target(&self, means: Means) -> Result<SignInTarget> {
        let context = self.context()?;
        let target = resolve::for_sign_in(&context, &self.addressing()?).await?;
        if let Some(tenant) = &target.tenant {
            self.record.concerns(tenant.id, means);
        }
        Ok(target)
    }

    /// Returns the tenant whose id is in a token of the request, and records it as the tenant of the request.
    ///
    /// # Errors
    /// `unknown` if there is no such tenant, and the refusals of a request that addresses another tenant.
    pub async fn tenant_of_token(
        &self,
        id: Uuid,
        means: Means,
        unknown: impl Into<Error>,
    ) -> Result<Tenant> {
        let context = self.context()?;
        let tenant = resolve::by_id(&context, id).await?.ok_or_else(|| unknown.into())?;
        self.record.concerns(tenant.id, means);
        resolve::agree(&context, &self.addressing()?, &tenant).await?;
        Ok(tenant)
    }

    /// Returns the challenge of a sign-in and its tenant, whose id is in the token.
    ///
    /// # Errors
    /// [`SecondFactorError::InvalidChallenge`], and the refusals of a request that addresses another tenant.
    pub async fn tenant_of_challenge(&self, challenge: &str) -> Result<(ChallengeToken, Tenant)> {
        const INVALID: SecondFactorError = SecondFactorError::InvalidChallenge;
        let token = ChallengeToken::parse(challenge).ok_or(INVALID)?;
        let tenant = self.tenant_of_token(token.tenant(), Means::Challenge, INVALID).await?;
        Ok((token, tenant))
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
        match &self.context {
            Ok(context) => {
                forwarded::client(&self.request, &context.settings.trusted_proxies).ok().flatten()
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
