//! `GET /api/v1/auth/sessions`

use tenancy::{
    Result, log,
    session::{self, Session},
    tenant::TenantDb,
};
use web::{Member, Page, PageQuery, Response};

web::endpoint! {
    /// Lists the caller's sessions with their device and IP address, newest first.
    ENDPOINT: GET "/api/v1/auth/sessions" => handler,
    access: User(ProfileRead),
    operation_id: "listSessions",
    openapi: (
        tag = "Signing in",
        params(PageQuery),
        responses((status = 200, description = "The sessions.", body = Page<Session>)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let PageQuery { offset, limit } = member.call().query()?;
    let claims = member.user()?;
    let database = TenantDb::connect(member.context(), member.tenant()).await?;
    let (sessions, total) =
        session::list(&database, claims.sub, claims.sid, offset, limit.get()).await?;
    let items = log::readable(member.context(), sessions);
    Ok(Response::ok(&Page { items, total, offset, limit: limit.get() }))
}
