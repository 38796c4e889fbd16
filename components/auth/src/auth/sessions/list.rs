//! `GET /api/v1/auth/sessions`

use tenancy::{
    Result, log,
    session::{self, Session},
    tenant::TenantDb,
};
use web::{Limit, Member, Page, Response};

tenancy::fields! {
    /// The part of the list to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The number of items to skip.
        #[param(required = false, default = 0)]
        offset: u32 = 0,
        /// The maximum number of items to return.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 100, default = 50)]
        limit: Limit = Limit::DEFAULT,
    }
}

web::endpoint! {
    /// Lists the caller's sessions with their device and IP address, newest first.
    ENDPOINT: GET "/api/v1/auth/sessions" => handler,
    access: User(ProfileRead),
    operation_id: "listSessions",
    openapi: (
        tag = "Signing in",
        params(Query),
        responses((status = 200, description = "The sessions.", body = Page<Session>)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Query { offset, limit } = member.call().query()?;
    let claims = member.user()?;
    let database = TenantDb::connect(member.context(), member.tenant()).await?;
    let (sessions, total) =
        session::list(&database, claims.sub, claims.sid, offset, limit.get()).await?;
    let items = log::readable(member.context(), sessions);
    Ok(Response::ok(&Page { items, total, offset, limit: limit.get() }))
}
