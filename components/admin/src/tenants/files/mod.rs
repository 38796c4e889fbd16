//! `/admin/tenants/{id}/files`: the sealed chunks of a tenant's files, for bundles of `tenantctl`.

pub mod get_chunk;
pub mod put_chunk;

use tenancy::{
    Error, Result,
    input::Text,
    tenant::{TenantRecord, repo},
};
use uuid::Uuid;
use web::Operator;

/// The place of a chunk in a path.
struct Place {
    tenant: TenantRecord,
    file: Uuid,
    index: u64,
}

/// The index of a chunk.
struct Index(u64);

impl Text for Index {
    fn parse(text: &str) -> Result<Self, String> {
        let index = text.parse::<u32>().map_err(|_| "must be the index of a chunk".to_owned())?;
        Ok(Self(index.into()))
    }
}

/// Returns the place that the path names.
///
/// # Errors
/// [`Error::TenantNotFound`], and [`Error::FileNotFound`] for an invalid id of a file or an invalid index.
async fn place(operator: &mut Operator) -> Result<Place> {
    let id = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let file = operator.call().parameter("file").map_err(|_| Error::FileNotFound)?;
    let Index(index) = operator.call().parameter("index").map_err(|_| Error::FileNotFound)?;
    let catalog = operator.context().catalog().await?;
    let tenant = repo::find(&*catalog, id).await?.ok_or(Error::TenantNotFound)?;
    Ok(Place { tenant, file, index })
}
