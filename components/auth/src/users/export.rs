//! `GET /api/v1/users/{id}/export`

use http::{HeaderValue, header};
use tenancy::{
    Error, Result,
    personal_data::{Authority, Export, PersonalData},
};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Exports the personal data of a user as one JSON document.
    ///
    /// Users can export their own data. The export is recorded in the audit trail. A user has one export at a time.
    /// The data of the application in the schema `app`, in the cache and in files is not included.
    ENDPOINT: GET "/api/v1/users/{id}/export" => handler,
    access: Authenticated,
    authority: PersonalData,
    operation_id: "exportUser",
    openapi: (
        tag = "Users",
        params(("id" = Uuid, Path, description = "The id of the user.")),
        responses((status = 200, description = "The personal data.", body = PersonalData<'_>)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::UserNotFound)?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let export = Export::begin(context, tenant, id, &authority, &actor).await;
    let export = export.inspect_err(|error| member.record_denial(error))?;
    let name = format!("attachment; filename=\"user-{id}.json\"");
    let name = HeaderValue::from_str(&name).map_err(Error::internal)?;
    Ok(Response::stream(None, export)
        .with_header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .with_header(header::CONTENT_DISPOSITION, name))
}
