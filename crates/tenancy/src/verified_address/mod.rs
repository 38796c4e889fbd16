//! The tenants in which a person has a user with the same verified address.
//!
//! The users in the databases of the tenants are the truth. The catalog has an index of them by keyed hashes of the
//! addresses. A trigger in the database of a tenant notes each change of a verified address, in the transaction of the
//! change, and a publication carries it over to the catalog.
//!
//! Under a crash: a change stays noted until the catalog has it, and the next publication or maintenance carries it over.
//! Late publications never replace a later change, so the rows of a user remain for a day after the user.

mod publication;
mod repo;
pub mod switching;

pub use publication::{maintain, publish};
pub(crate) use publication::{publish_later, rehash, survey_keys};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{context::Context, error::Result};

/// A tenant of a person.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersonTenant {
    /// The id.
    pub id: Uuid,
    /// The slug.
    #[schema(example = "acme")]
    pub slug: String,
    /// The name.
    #[schema(example = "Acme Inc.")]
    pub name: String,
}

/// Returns the active tenants in which an active user has verified an address, by name.
pub(crate) async fn list_tenants(context: &Context, address: &str) -> Result<Vec<PersonTenant>> {
    let hashes = context.master_key.address_hashes(address)?;
    let catalog = context.catalog().await?;
    repo::list_tenants(&*catalog, &hashes).await
}

/// Returns the oldest of the active tenants in which an active user has verified an address.
pub(crate) async fn find_first_tenant(context: &Context, address: &str) -> Result<Option<Uuid>> {
    let hashes = context.master_key.address_hashes(address)?;
    let catalog = context.catalog().await?;
    repo::find_first_tenant(&*catalog, &hashes).await
}
