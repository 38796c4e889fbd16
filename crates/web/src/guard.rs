//! The checks before a handler: the access that the endpoint requires, and the bounds on callers without a credential.
//!
//! Only the last step of each guard is generic. So the checks exist once in a component instead of once per endpoint.

use tenancy::{Error, Result, session};

use crate::{
    Access, Call, Endpoint, Handler, Member, Operator, Principal, Response, anonymous,
    authenticate, authority::Of, unmetered,
};

/// Returns the handler of an endpoint for any caller.
pub fn public<F>(endpoint: &'static Endpoint, handler: fn(Call) -> F) -> Handler
where
    F: Future<Output = Result<Response>> + 'static,
{
    Box::new(move |call| {
        Box::pin(async move {
            anonymous::admit(&call, endpoint.path).await?;
            handler(call).await
        })
    })
}

/// Returns the handler of an endpoint for operators.
pub fn operator<F>(endpoint: &'static Endpoint, handler: fn(Operator) -> F) -> Handler
where
    F: Future<Output = Result<Response>> + 'static,
{
    Box::new(move |call| {
        Box::pin(async move { handler(admit_operator(endpoint, call).await?).await })
    })
}

/// Returns the handler of an endpoint for operators with an authority.
pub fn operator_with<A, F>(endpoint: &'static Endpoint, handler: fn(Operator, A) -> F) -> Handler
where
    A: Of<Operator> + 'static,
    F: Future<Output = Result<Response>> + 'static,
{
    Box::new(move |call| {
        Box::pin(async move {
            let operator = admit_operator(endpoint, call).await?;
            let authority = A::of(&operator);
            handler(operator, authority).await
        })
    })
}

/// Returns the handler of an endpoint for members of a tenant.
pub fn member<F>(endpoint: &'static Endpoint, handler: fn(Member) -> F) -> Handler
where
    F: Future<Output = Result<Response>> + 'static,
{
    Box::new(move |call| {
        Box::pin(async move { handler(admit_member(endpoint, call).await?).await })
    })
}

/// Returns the handler of an endpoint for members of a tenant with an authority.
pub fn member_with<A, F>(endpoint: &'static Endpoint, handler: fn(Member, A) -> F) -> Handler
where
    A: Of<Member> + 'static,
    F: Future<Output = Result<Response>> + 'static,
{
    Box::new(move |call| {
        Box::pin(async move {
            let member = admit_member(endpoint, call).await?;
            let authority = A::of(&member);
            handler(member, authority).await
        })
    })
}

async fn admit_operator(endpoint: &'static Endpoint, call: Call) -> Result<Operator> {
    let Access::Operator(scope) = endpoint.access else {
        return Err(Error::RouteNotFound);
    };
    let context = call.context()?;
    let operator = Operator::authenticate(context, call).await?;
    operator.require(scope)?;
    Ok(operator)
}

async fn admit_member(endpoint: &'static Endpoint, call: Call) -> Result<Member> {
    let context = call.context()?;
    let member = authenticate::member(context, call, endpoint).await?;
    if !endpoint.is_metered {
        unmetered::admit(&member).await?;
    }
    if let Some(age) = endpoint.recent_sign_in {
        for principal in member.principals() {
            if let Principal::User(claims) = principal {
                let session = (claims.sub, claims.sid);
                session::require_recent(&member.context, &member.tenant, session, age).await?;
            }
        }
    }
    Ok(member)
}
