//! Authentication and authorization of a tenant's callers.

use std::rc::Rc;

use tenancy::{
    Context, Error, Result,
    admission::{self, Admitted, Metering, cached::CachedApiKeys},
    api_key::ApiKey,
    error::Unauthenticated,
    quota, resolve,
    resource::Resource,
    tenant::Tenant,
    token::AccessTokens,
};

use super::{
    Access, Call, Endpoint, Means, Member, Principal, anonymous,
    basic::Client,
    credentials::{API_KEY_HEADER, bearer_token},
    member::Holder,
};

/// Authenticates a caller of a tenant and checks that it may call the endpoint.
pub(super) async fn member(
    context: Rc<Context>,
    call: Call,
    &Endpoint { access, is_metered, takes_client_authentication, .. }: &Endpoint,
) -> Result<Member> {
    let mut metering = if is_metered { Metering::All } else { Metering::Peek };
    let mut callers = Vec::new();
    if let Some(text) = bearer_token(&call.request)? {
        callers.push(if ApiKey::is_meant(text) {
            by_api_key(&context, &call, text, metering).await?
        } else {
            by_access_token(&context, &call, text, metering).await?
        });
        // Only one credential is charged against the tenant's limits.
        if is_metered {
            metering = Metering::Caller;
        }
    }
    if takes_client_authentication
        && let Some(authorization) = call.request.header("authorization")?
        && let Some(client) = Client::parse(authorization)?
    {
        callers.push(by_client(&context, &call, &client, metering).await?);
        if is_metered {
            metering = Metering::Caller;
        }
    }
    if let Some(key) = call.request.header(API_KEY_HEADER)? {
        if bearer_token(&call.request)? == Some(key) {
            metering = Metering::None;
        }
        callers.push(by_api_key(&context, &call, key, metering).await?);
    }
    let mut callers = callers.into_iter();
    let (tenant, principal) =
        callers.next().ok_or(Error::Unauthenticated(Unauthenticated::Missing))?;
    // A second credential grants nothing. It must belong to the same tenant and must also allow the call.
    let mut second = None;
    for (other_tenant, other) in callers {
        if other_tenant.id != tenant.id {
            return Err(Error::TenantMismatch);
        }
        second = Some(other);
    }
    let member = Member { context, tenant, principal, second, call };
    if let Err(error) = check(&member, access).await {
        member.record_denial(&error);
        return Err(error);
    }
    Ok(member)
}

async fn check(member: &Member, access: Access) -> Result<()> {
    resolve::agree(&member.context, &member.call.addressing()?, &member.tenant).await?;
    match access {
        Access::Authenticated => Ok(()),
        Access::Member(scope) => member.require(scope),
        Access::User(scope) => member.user().and_then(|_| member.require(scope)),
        Access::Public | Access::Operator(_) => Err(Error::RouteNotFound),
    }
}

async fn by_api_key(
    context: &Rc<Context>,
    call: &Call,
    text: &str,
    metering: Metering,
) -> Result<(Tenant, Principal)> {
    let key = ApiKey::parse(text).ok_or(Error::Unauthenticated(Unauthenticated::InvalidApiKey))?;
    call.record.concerns(key.tenant(), Means::ApiKey);
    anonymous::check_key(
        context,
        call,
        context.state::<CachedApiKeys>().get(&key.hash()).is_some(),
    )?;
    let (admitted, record) =
        match admission::admit_api_key(context, &key, metering, call.arrival).await {
            Ok(admitted) => admitted,
            Err(error) => return Err(anonymous::count_key(context, call, error).await),
        };
    let principal = Principal::ApiKey(Holder::api_key(record, &admitted.tenant));
    Ok((let_in(context, call, &principal, admitted, metering)?, principal))
}

async fn by_client(
    context: &Rc<Context>,
    call: &Call,
    client: &Client,
    metering: Metering,
) -> Result<(Tenant, Principal)> {
    const INVALID: Error = Error::Unauthenticated(Unauthenticated::InvalidClient);
    match by_api_key(context, call, &client.secret, metering).await {
        Ok((tenant, Principal::ApiKey(key))) if client.is_of(&key) => {
            Ok((tenant, Principal::ApiKey(key)))
        }
        Ok(_) | Err(Error::Unauthenticated(_)) => Err(INVALID),
        Err(error) => Err(error),
    }
}

async fn by_access_token(
    context: &Rc<Context>,
    call: &Call,
    token: &str,
    metering: Metering,
) -> Result<(Tenant, Principal)> {
    let claims =
        AccessTokens::of(context).verify(token, call.arrival.at).map_err(Error::Unauthenticated)?;
    call.record.concerns(claims.tid, Means::AccessToken);
    let admitted = admission::admit_user(context, &claims, metering, call.arrival).await?;
    let principal = Principal::User(Holder::user(claims, &admitted.tenant));
    Ok((let_in(context, call, &principal, admitted, metering)?, principal))
}

/// Records the principal and the state of its limits. Returns the tenant unless a limit is reached.
fn let_in(
    context: &Rc<Context>,
    call: &Call,
    principal: &Principal,
    admitted: Admitted,
    metering: Metering,
) -> Result<Tenant> {
    let Admitted { tenant, meter, refused } = admitted;
    let record = &call.record;
    record.tenant.set(Some(tenant.id));
    record.principal.set(Some(principal.caller()));
    let day = meter.limits.iter().find(|limit| limit.name == "day").cloned();
    record.meter.borrow_mut().limits.extend(meter.limits);
    if let Some(day) = day {
        record.used(Resource::ApiCalls, day.used, day.limit);
        let step = (day.used - 1, day.used);
        if refused.is_none() && metering != Metering::Peek && quota::comes_near(step, day.limit) {
            let actor = principal.actor(call.origin());
            quota::record_soft_limit(context, &tenant, Resource::ApiCalls, step, day.limit, &actor);
        }
    }
    if let Some(Error::QuotaExceeded { resource, limit, usage, .. }) = refused {
        let actor = principal.actor(call.origin());
        quota::record_refusal(context, &tenant, resource, (usage, limit), &actor);
    }
    match refused {
        Some(error) => Err(error),
        None => Ok(tenant),
    }
}
