//! Plans: limits that several tenants share.

pub mod repo;

use std::rc::Rc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    audit,
    context::Context,
    error::{Error, Result},
    event::{Actor, Entry, Event, name},
    input::Text,
    log,
    tenant::{self, LimitChange, Limits},
    version_cache::{Change, Changed},
};

/// A plan.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Plan {
    /// The plan's name.
    pub name: String,
    /// The limits of the plan's tenants, unless a tenant has its own.
    pub limits: Limits,
    /// Whether a new tenant gets this plan by default.
    pub is_default: bool,
    /// The number of tenants on the plan.
    pub tenant_count: i64,
    /// When the plan was created.
    pub created_at: DateTime<Utc>,
    /// When the plan was last updated.
    pub updated_at: DateTime<Utc>,
}

/// The name of a plan: 1 to 40 lowercase letters, digits, hyphens and underscores, starting with a letter.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, pattern = "^[a-z][a-z0-9_-]{0,39}$", example = "enterprise")]
pub struct PlanName(String);

impl PlanName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for PlanName {
    fn parse(text: &str) -> Result<Self, String> {
        let follows =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let is_sound = text.len() <= 40
            && text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
            && text.bytes().all(follows);
        if is_sound {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be 1 to 40 lowercase letters, digits, - and _, and start with a letter"
                .to_owned())
        }
    }
}

/// Creates a plan. Every limit is required.
///
/// # Errors
/// [`Error::Taken`] if a plan has this name; [`Error::InvalidFields`] if a limit is missing.
pub async fn create(
    context: &Rc<Context>,
    name: &PlanName,
    limits: &LimitChange,
    is_default: bool,
    actor: &Actor,
) -> Result<Plan> {
    if let Some(missing) = limits.missing() {
        return Err(Error::invalid_field(format!("limits.{missing}"), "is required"));
    }
    if let Some(none) = limits.cleared() {
        return Err(Error::invalid_field(format!("limits.{none}"), "must be a whole number"));
    }
    let event = Event::new(name::PLAN_CREATED).about("plan", name.as_str());
    let entry = Entry::new(context, None, actor, event);
    let catalog = context.catalog().await?;
    if !repo::put(&*catalog, name, true, Some(limits), Some(is_default), &entry).await? {
        return Err(Error::Taken { field: "name", code: "plan_taken" });
    }
    audit::flush_catalog_later(context, None);
    repo::find(&*catalog, name).await?.ok_or(Error::PlanNotFound)
}

/// Updates a plan. The new limits take effect on the next request of each tenant.
///
/// # Errors
/// [`Error::PlanNotFound`]; [`Error::InvalidFields`] for a null limit, and for `is_default: false` on the default plan.
/// To replace the default, make another plan the default.
pub async fn update(
    context: &Rc<Context>,
    name: &PlanName,
    limits: Option<&LimitChange>,
    is_default: Option<bool>,
    actor: &Actor,
) -> Result<Changed<Plan>> {
    if let Some(none) = limits.and_then(LimitChange::cleared) {
        return Err(Error::invalid_field(format!("limits.{none}"), "must be a whole number"));
    }
    let event = Event::new(name::PLAN_UPDATED)
        .about("plan", name.as_str())
        .detail(json!({ "fields": { "limits": limits.is_some(), "is_default": is_default } }));
    let entry = Entry::new(context, None, actor, event);
    let publication = Change::begin(context);
    let catalog = context.catalog().await?;
    let before = repo::find(&*catalog, name).await?.ok_or(Error::PlanNotFound)?;
    if before.is_default && is_default == Some(false) {
        let message = "cannot be false for the default plan. Make another plan the default instead";
        return Err(Error::invalid_field("is_default", message));
    }
    if !repo::put(&*catalog, name, false, limits, is_default, &entry).await? {
        return Err(Error::PlanNotFound);
    }
    publish(context, &publication, name).await?;
    audit::flush_catalog_later(context, None);
    let plan = repo::find(&*catalog, name).await?.ok_or(Error::PlanNotFound)?;
    Ok(Changed { value: plan, effect: publication.finish().await })
}

/// Deletes a plan that no tenant uses.
///
/// # Errors
/// [`Error::PlanNotFound`], [`Error::PlanInUse`].
pub async fn delete(context: &Rc<Context>, name: &PlanName, actor: &Actor) -> Result<()> {
    let event = Event::new(name::PLAN_DELETED).about("plan", name.as_str());
    let entry = Entry::new(context, None, actor, event);
    let catalog = context.catalog().await?;
    if !repo::delete(&*catalog, name, &entry).await? {
        let found = repo::find(&*catalog, name).await?;
        return Err(if found.is_some() { Error::PlanInUse } else { Error::PlanNotFound });
    }
    audit::flush_catalog_later(context, None);
    Ok(())
}

/// Publishes every tenant on a plan.
async fn publish(context: &Context, publication: &Change<'_>, name: &PlanName) -> Result<()> {
    let catalog = context.catalog().await?;
    let mut after = Uuid::nil();
    loop {
        let page = tenant::repo::list_of_plan(&*catalog, name.as_str(), after).await?;
        let message = "an updated plan does not take effect for a tenant";
        log::unreadable_rows(context, message, &page.unreadable);
        let readable = page.items.last().map(|record| record.id);
        let unreadable = page.unreadable.iter().filter_map(|row| row.id).max();
        let Some(last) = readable.max(unreadable) else { return Ok(()) };
        after = last;
        for record in &page.items {
            publication.current(record).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for name in ["free", "a", "pro-2", "x_y"] {
            assert!(PlanName::parse(name).is_ok(), "{name}");
        }
        for name in ["", "Free", "2", "a b", "a/b", "-a", "é"] {
            assert!(PlanName::parse(name).is_err(), "{name}");
        }
    }
}
