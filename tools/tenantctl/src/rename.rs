//! `tenantctl tenant rename` and `tenantctl tenant release-slug`

use std::rc::Rc;

use anyhow::{Context as _, Result};
use serde_json::json;
use tenancy::{
    Context, Error,
    event::Actor,
    identifier::Slug,
    input::Text as _,
    lifecycle::rename,
    tenant::{
        TenantRecord,
        repo::{self, slugs},
    },
    version_cache::Effect,
};

use crate::{environment, find, output};

/// The options of `tenant rename`.
#[derive(clap::Args)]
pub struct Rename {
    /// The current slug or the id of the tenant.
    tenant: String,
    /// The new slug.
    #[arg(value_parser = slug)]
    new: Slug,
    /// Checks whether the new slug is available, and changes nothing.
    #[arg(long)]
    dry_run: bool,
}

/// The options of `tenant release-slug`.
#[derive(clap::Args)]
pub struct Release {
    /// The former slug of a tenant.
    #[arg(value_parser = slug)]
    slug: Slug,
    /// Shows the tenant that the slug is reserved for, and changes nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Parses a slug of the command line.
pub fn slug(text: &str) -> Result<Slug, String> {
    Slug::parse(text)
}

/// Gives a tenant another slug. Repeating the command after a crash finishes it. Prints a line of JSON.
pub async fn rename(arguments: &Rename) -> Result<()> {
    let context = Rc::new(environment::context()?);
    let Rename { tenant, new, dry_run } = arguments;
    let tenant = find(&context, tenant, new).await?;
    let old = &tenant.slug;
    if *dry_run {
        let available = is_available(&context, &tenant, new).await?;
        let line =
            json!({ "tenant": tenant.id, "slug": old, "new_slug": new, "available": available });
        output::line(&line.to_string());
        return Ok(());
    }
    let renamed = rename::rename(&context, tenant.id, new, None, &Actor::system()).await;
    let renamed = renamed.with_context(|| format!("the tenant {old}"))?;
    // An earlier run may have renamed the tenant.
    let reserved = (old != new).then_some(old);
    let mut line = json!({ "renamed_tenant": tenant.id, "slug": new, "reserved_slug": reserved });
    if let Effect::By(time) = renamed.effect {
        line["takes_effect_by"] = json!(time);
    }
    output::line(&line.to_string());
    Ok(())
}

/// Returns the tenant with a slug or an id, or the tenant that an earlier run has renamed from this slug.
async fn find(context: &Context, name: &str, new: &Slug) -> Result<TenantRecord> {
    let catalog = context.catalog().await?;
    let found = find::tenant(context, name).await;
    if found.is_err()
        && let Ok(former) = Slug::parse(name)
        && let Some(owner) = slugs::find_former_owner(&*catalog, &former).await?
        && let Some(tenant) = repo::find(&*catalog, owner).await?
        && tenant.slug == *new
    {
        return Ok(tenant);
    }
    found
}

async fn is_available(context: &Context, tenant: &TenantRecord, slug: &Slug) -> Result<bool> {
    let catalog = context.catalog().await?;
    let current = repo::find_by_slug(&*catalog, slug).await?.map(|other| other.id);
    let former = slugs::find_former_owner(&*catalog, slug).await?;
    Ok([current, former].into_iter().flatten().all(|owner| owner == tenant.id))
}

/// Releases a former slug, so that any tenant can have it. Prints a line of JSON.
pub async fn release(arguments: &Release) -> Result<()> {
    let context = Rc::new(environment::context()?);
    let slug = &arguments.slug;
    let catalog = context.catalog().await?;
    let owner = slugs::find_former_owner(&*catalog, slug).await?;
    let owner = owner.ok_or(Error::FormerSlugNotFound)?;
    if arguments.dry_run {
        output::line(&json!({ "slug": slug, "reserved_for": owner }).to_string());
        return Ok(());
    }
    rename::release(&context, owner, slug, &Actor::system()).await?;
    output::line(&json!({ "released_slug": slug, "tenant": owner }).to_string());
    Ok(())
}
