//! `GET /api/v1/tenant/info`

use tenancy::{
    Result,
    tenant::{TenantView, shown},
};
use web::{Member, Response};

web::endpoint! {
    /// Returns the caller's tenant.
    ENDPOINT: GET "/api/v1/tenant/info" => handler,
    access: Member(TenantRead),
    operation_id: "getTenantInfo",
    openapi: (
        tag = "Tenant",
        responses((status = 200, description = "The tenant.", body = TenantView<'_>)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    let shown = shown::to_json(member.context(), member.tenant())?;
    Ok(Response::bytes("application/json", shown.to_vec()))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;
    use tenancy::access::Role;
    use web::testing::{Service, with_headers};

    use super::handler;

    #[test]
    fn tenant_is_shown_without_a_statement() {
        let service = Service::new();
        let request = with_headers(Method::GET, &[], Vec::new());
        let answer = service.call(handler, Role::Viewer, request);
        assert_eq!((answer.status, &answer.body["slug"]), (200, &json!("acme")));
        assert!(answer.body.get("private_settings").is_none());
    }
}
