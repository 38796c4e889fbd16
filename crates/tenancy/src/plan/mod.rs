//! Plans: the limits that tenants have together.

pub mod repo;

use std::rc::Rc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    admission::{Change, Changed},
    audit::{self, Actor, Entry, Event},
    error::{Error, Result},
    http::fields::Text,
    log,
    tenancy::Tenancy,
    tenant::{self, LimitChange, Limits},
};

/// A plan.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// The limits of its tenants, where they have none of their own.
    pub limits: Limits,
    /// Whether a tenant has it where nothing else is asked for.
    pub is_default: bool,
    /// How many tenants have it.
    pub tenant_count: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A plan's name: 1 to 40 small letters, digits, hyphens and underscores, a letter first.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, pattern = "^[a-z][a-z0-9_-]{0,39}$", example = "enterprise")]
pub struct PlanName(String);

impl PlanName {
    /// The name.
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
            Err("must have 1 to 40 small letters, digits, hyphens and underscores, a letter first"
                .to_owned())
        }
    }
}

/// Makes a plan. Every limit must be given.
///
/// # Errors
/// [`Error::Taken`]; [`Error::InvalidFields`] where a limit is missing.
pub async fn create(
    tenancy: &Rc<Tenancy>,
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
    let event = Event::new("plan.created").about("plan", name.as_str());
    let entry = Entry::new(tenancy, None, actor, event);
    let catalog = tenancy.catalog().await?;
    if !repo::put(&*catalog, name, true, Some(limits), Some(is_default), &entry).await? {
        return Err(Error::Taken { field: "name", code: "plan_taken" });
    }
    audit::flush_catalog_later(tenancy, None);
    repo::find(&*catalog, name).await?.ok_or(Error::PlanNotFound)
}

/// Changes a plan. Its tenants have the new limits on their next request.
///
/// # Errors
/// [`Error::PlanNotFound`]; [`Error::InvalidFields`] for a limit of null, and for a default that is to
/// be none: another is to be made it.
pub async fn update(
    tenancy: &Rc<Tenancy>,
    name: &PlanName,
    limits: Option<&LimitChange>,
    is_default: Option<bool>,
    actor: &Actor,
) -> Result<Changed<Plan>> {
    if let Some(none) = limits.and_then(LimitChange::cleared) {
        return Err(Error::invalid_field(format!("limits.{none}"), "must be a whole number"));
    }
    let event = Event::new("plan.updated")
        .about("plan", name.as_str())
        .detail(json!({ "fields": { "limits": limits.is_some(), "is_default": is_default } }));
    let entry = Entry::new(tenancy, None, actor, event);
    let publication = Change::begin(tenancy);
    let catalog = tenancy.catalog().await?;
    let before = repo::find(&*catalog, name).await?.ok_or(Error::PlanNotFound)?;
    if before.is_default && is_default == Some(false) {
        let message = "is the default: make another plan the default instead";
        return Err(Error::invalid_field("is_default", message));
    }
    if !repo::put(&*catalog, name, false, limits, is_default, &entry).await? {
        return Err(Error::PlanNotFound);
    }
    publish(tenancy, &publication, name).await?;
    audit::flush_catalog_later(tenancy, None);
    let plan = repo::find(&*catalog, name).await?.ok_or(Error::PlanNotFound)?;
    Ok(Changed { value: plan, effect: publication.finish().await })
}

/// Removes a plan that no tenant has.
///
/// # Errors
/// [`Error::PlanNotFound`], [`Error::PlanInUse`].
pub async fn delete(tenancy: &Rc<Tenancy>, name: &PlanName, actor: &Actor) -> Result<()> {
    let event = Event::new("plan.deleted").about("plan", name.as_str());
    let entry = Entry::new(tenancy, None, actor, event);
    let catalog = tenancy.catalog().await?;
    if !repo::delete(&*catalog, name, &entry).await? {
        let found = repo::find(&*catalog, name).await?;
        return Err(if found.is_some() { Error::PlanInUse } else { Error::PlanNotFound });
    }
    audit::flush_catalog_later(tenancy, None);
    Ok(())
}

/// Publishes every tenant that has a plan.
async fn publish(tenancy: &Tenancy, publication: &Change<'_>, name: &PlanName) -> Result<()> {
    let catalog = tenancy.catalog().await?;
    let mut after = Uuid::nil();
    loop {
        let page = tenant::repo::list_of_plan(&*catalog, name.as_str(), after).await?;
        let message = "a change of a plan does not reach a tenant";
        log::unreadable_rows(tenancy, message, &page.unreadable);
        let readable = page.items.last().map(|record| record.id);
        let unreadable = page.unreadable.iter().filter_map(|row| row.id).max();
        let Some(last) = readable.max(unreadable) else { return Ok(()) };
        after = last;
        for record in &page.items {
            publication.tenant(record).await?;
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
