//! The checks before a handler: the access that the endpoint requires, and the bounds on callers without a credential.

use tenancy::{Error, Result};

use crate::{
    Access, Call, Endpoint, Handler, Member, Operator, Response, anonymous, authenticate, unmetered,
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
        Box::pin(async move {
            let Access::Operator(scope) = endpoint.access else {
                return Err(Error::RouteNotFound);
            };
            let context = call.context()?;
            let operator = Operator::authenticate(context, call).await?;
            operator.require(scope)?;
            handler(operator).await
        })
    })
}

/// Returns the handler of an endpoint for members of a tenant.
pub fn member<F>(endpoint: &'static Endpoint, handler: fn(Member) -> F) -> Handler
where
    F: Future<Output = Result<Response>> + 'static,
{
    Box::new(move |call| {
        Box::pin(async move {
            let context = call.context()?;
            let member = authenticate::member(context, call, endpoint).await?;
            if !endpoint.is_metered {
                unmetered::admit(&member).await?;
            }
            handler(member).await
        })
    })
}
