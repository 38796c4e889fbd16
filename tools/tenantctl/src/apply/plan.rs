//! The difference between the file and the installation.

use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::{Result, anyhow};
use serde_json::{Map, Value, json};
use tenancy::{
    Context, Error,
    identifier::Domain,
    lifecycle::provision::NewTenant,
    operator_key,
    tenant::{
        StateChange, Status, TenantChange, TenantRecord,
        repo::{self, overrides},
    },
};

use super::desired::{Desired, Entry};
use crate::{change::Change, tenant::view};

/// The treatment of tenants that are not in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Prune {
    /// Suspends them.
    Suspend,
    /// Deletes them. Their data is kept.
    Delete,
}

/// A step that brings one tenant into the desired state.
pub struct Step {
    /// The change, for people and programs.
    pub change: Change,
    /// The operation.
    pub operation: Operation,
}

/// The operation of a step.
pub enum Operation {
    /// Creates the tenant, then sets the limits and the status, which a new tenant cannot have.
    Create(Box<NewTenant>, Option<Box<Entry>>),
    /// Changes this version of the tenant.
    Update(Box<TenantRecord>, Box<Entry>),
    /// Suspends or deletes a tenant that is not in the file.
    Prune(Box<TenantRecord>, Prune),
}

/// The number of tenants of a page.
const PAGE: u32 = 500;

/// Compares the file with the installation. Returns the steps in the order of the file, then the tenants to prune.
///
/// # Errors
/// [`Error::InvalidFields`] for a new tenant without a required member.
pub async fn compare(
    context: &Context,
    desired: Vec<Desired>,
    prune: Option<Prune>,
) -> Result<Vec<Step>> {
    let catalog = context.catalog().await?;
    let (mut steps, mut missing) = (Vec::new(), Vec::new());
    let named: HashSet<String> =
        desired.iter().map(|desired| desired.entry.slug.as_str().to_owned()).collect();
    for (index, desired) in desired.into_iter().enumerate() {
        match repo::find_by_slug(&*catalog, &desired.entry.slug).await? {
            // Repeating the creation finishes an interrupted one.
            Some(tenant) if tenant.status != Status::Provisioning => {
                let limits = overrides::find(&*catalog, tenant.id).await?;
                steps.extend(update(tenant, &limits, desired)?);
            }
            _ => match create(desired) {
                Ok(step) => steps.push(step),
                Err(Error::InvalidFields(fields)) => {
                    missing.extend(fields.into_iter().map(|field| tenancy::error::InvalidField {
                        field: format!("tenants[{index}].{}", field.field),
                        ..field
                    }));
                }
                Err(error) => return Err(error.into()),
            },
        }
    }
    if !missing.is_empty() {
        return Err(Error::InvalidFields(missing).into());
    }
    if let Some(prune) = prune {
        for tenant in others(context, &named).await? {
            steps.extend(pruned(tenant, prune)?);
        }
    }
    Ok(steps)
}

/// The order of steps. A step that takes a domain from another tenant of the file follows the step that releases it.
pub struct Order {
    /// The indices of the steps. The steps of a group do not depend on each other. Steps that exchange domains cannot be
    /// ordered: they are in the last group, and are refused.
    pub groups: Vec<Vec<usize>>,
    /// For each step, the steps that release its new domains.
    waits_for: Vec<Vec<usize>>,
}

impl Order {
    /// Returns the order of steps.
    pub fn of(steps: &[Step]) -> Self {
        Self::of_changes(&steps.iter().map(|step| &step.change).collect::<Vec<_>>())
    }

    fn of_changes(changes: &[&Change]) -> Self {
        let mut releases = HashMap::new();
        for (index, change) in changes.iter().enumerate() {
            let (before, after) = (domains(change.before.as_ref()), domains(change.after.as_ref()));
            releases.extend(before.difference(&after).map(|domain| (*domain, index)));
        }
        let of_change = |change: &&Change| -> Vec<usize> {
            let (before, after) = (domains(change.before.as_ref()), domains(change.after.as_ref()));
            after.difference(&before).filter_map(|domain| releases.get(domain).copied()).collect()
        };
        let waits_for: Vec<_> = changes.iter().map(of_change).collect();
        let mut groups = Vec::new();
        let mut left: BTreeSet<usize> = (0..changes.len()).collect();
        while !left.is_empty() {
            let is_ready =
                |step: &usize| !waits_for[*step].iter().any(|before| left.contains(before));
            let ready: Vec<_> = left.iter().copied().filter(is_ready).collect();
            if ready.is_empty() {
                groups.push(left.into_iter().collect());
                break;
            }
            for step in &ready {
                left.remove(step);
            }
            groups.push(ready);
        }
        Self { groups, waits_for }
    }

    /// Returns the steps that a step depends on, in their order; none for a step that cannot be ordered.
    pub fn before(&self, step: usize) -> Vec<usize> {
        let (mut needed, mut next) = (HashSet::new(), vec![step]);
        while let Some(step) = next.pop() {
            next.extend(self.waits_for[step].iter().filter(|before| needed.insert(**before)));
        }
        if needed.is_empty() || needed.contains(&step) {
            return Vec::new();
        }
        self.groups.iter().flatten().copied().filter(|step| needed.contains(step)).collect()
    }
}

fn domains(state: Option<&Value>) -> HashSet<&str> {
    let list = state.and_then(|state| state["domains"].as_array());
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn create(desired: Desired) -> Result<Step, Error> {
    let Desired { entry, limits } = desired;
    let required = |field| Error::invalid_field(field, "is required for a new tenant");
    let new = NewTenant {
        name: entry.name.clone().ok_or_else(|| required("name"))?,
        admin_email: entry.admin_email.clone().ok_or_else(|| required("admin_email"))?,
        slug: Some(entry.slug.clone()),
        domains: entry.domains.clone().map(|domains| domains.0).unwrap_or_default(),
        settings: entry.settings.clone().unwrap_or_default(),
        private_settings: entry.private_settings.clone().unwrap_or_default(),
        plan: entry.plan.clone(),
        admin_password: None,
    };
    let is_suspended = entry.status == Some(Status::Suspended);
    let set = wanted_limits(&limits);
    let after = json!({
        "slug": entry.slug,
        "name": new.name.as_str(),
        "admin_email": new.admin_email.as_str(),
        "plan": entry.plan.as_deref().unwrap_or("(default)"),
        "status": if is_suspended { Status::Suspended } else { Status::Active },
        "domains": new.domains,
        "limits": set,
        "settings": new.settings.json(),
        "private_settings": new.private_settings.json(),
    });
    let name = entry.slug.as_str().to_owned();
    let rest = Entry {
        name: None,
        admin_email: None,
        plan: None,
        domains: None,
        settings: None,
        private_settings: None,
        ..entry
    };
    let needs_more = is_suspended || !set.is_empty();
    Ok(Step {
        change: Change {
            action: "create",
            object: "tenant",
            name,
            before: None,
            after: Some(after),
        },
        operation: Operation::Create(Box::new(new), needs_more.then(|| Box::new(rest))),
    })
}

/// Returns the limits of the file that are not null.
fn wanted_limits(limits: &Value) -> Map<String, Value> {
    let limits = limits.as_object().cloned().unwrap_or_default();
    limits.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

/// Returns the step for an existing tenant, or `None` if it is in the desired state. The step sets only the members that
/// differ.
fn update(
    tenant: TenantRecord,
    overrides: &Map<String, Value>,
    desired: Desired,
) -> Result<Option<Step>> {
    let Desired { mut entry, limits } = desired;
    let mut before = view(&tenant)?;
    before["limits"] = Value::Object(overrides.clone());
    // Derived from `domains`.
    before.as_object_mut().and_then(|members| members.remove("domain"));
    let mut after = before.clone();
    let mut set = |member: &str, value: Value| -> bool {
        let differs = before[member] != value;
        if differs {
            after[member] = value;
        }
        differs
    };
    let json = |settings: &tenancy::tenant::TenantSettings| {
        serde_json::from_str::<Value>(settings.json().as_str())
    };
    entry.name = entry.name.filter(|name| set("name", json!(name.as_str())));
    entry.admin_email = entry.admin_email.filter(|email| set("admin_email", json!(email.as_str())));
    entry.plan = entry.plan.filter(|plan| set("plan", json!(plan)));
    entry.status = entry.status.filter(|status| set("status", json!(status)));
    if let Some(settings) = &entry.settings
        && !set("settings", json(settings)?)
    {
        entry.settings = None;
    }
    if let Some(settings) = &entry.private_settings
        && !set("private_settings", json(settings)?)
    {
        entry.private_settings = None;
    }
    if let Some(domains) = &entry.domains {
        let mut wanted: Vec<_> = domains.0.iter().map(Domain::as_str).collect();
        // The catalog keeps the primary domain, and the others without an order.
        if let Some((_, others)) = wanted.split_first_mut() {
            others.sort_unstable();
        }
        if !set("domains", json!(wanted)) {
            entry.domains = None;
        }
    }
    if entry.limits.is_some() {
        let mut wanted = overrides.clone();
        for (name, value) in limits.as_object().into_iter().flatten() {
            if value.is_null() {
                wanted.remove(name);
            } else {
                wanted.insert(name.clone(), value.clone());
            }
        }
        if !set("limits", Value::Object(wanted)) {
            entry.limits = None;
        }
    }
    if before == after {
        return Ok(None);
    }
    let name = tenant.slug.as_str().to_owned();
    Ok(Some(Step {
        change: Change {
            action: "update",
            object: "tenant",
            name,
            before: Some(before),
            after: Some(after),
        },
        operation: Operation::Update(Box::new(tenant), Box::new(entry)),
    }))
}

/// Returns the active and suspended tenants that are not in the file.
async fn others(context: &Context, named: &HashSet<String>) -> Result<Vec<TenantRecord>> {
    let catalog = context.catalog().await?;
    let mut filter = repo::Filter { limit: PAGE, ..repo::Filter::default() };
    let mut found = Vec::new();
    loop {
        let (page, _) = repo::list(&*catalog, &filter).await?;
        let is_last = page.len() < PAGE as usize;
        // A row that cannot be read may be in the file.
        if let Some(row) = page.unreadable.into_iter().next() {
            return Err(anyhow!(row));
        }
        found.extend(page.items);
        if is_last {
            break;
        }
        filter.offset += PAGE;
    }
    found.retain(|tenant| {
        matches!(tenant.status, Status::Active | Status::Suspended)
            && !named.contains(tenant.slug.as_str())
    });
    Ok(found)
}

fn pruned(tenant: TenantRecord, prune: Prune) -> Result<Option<Step>> {
    let (action, status) = match prune {
        Prune::Suspend if tenant.status == Status::Suspended => return Ok(None),
        Prune::Suspend => ("suspend", Status::Suspended),
        Prune::Delete => ("delete", Status::Deleted),
    };
    let before = view(&tenant)?;
    let mut after = before.clone();
    after["status"] = json!(status);
    let name = tenant.slug.as_str().to_owned();
    Ok(Some(Step {
        change: Change { action, object: "tenant", name, before: Some(before), after: Some(after) },
        operation: Operation::Prune(Box::new(tenant), prune),
    }))
}

/// Returns the change of a tenant that an entry asks for.
pub fn change_of(entry: Entry) -> TenantChange {
    let state = match entry.status {
        Some(Status::Active) => Some(StateChange::Activate),
        Some(Status::Suspended) => Some(StateChange::Suspend),
        // The parser of the file refuses other states.
        _ => None,
    };
    TenantChange {
        name: entry.name,
        admin_email: entry.admin_email,
        domains: entry.domains.map(|domains| domains.0),
        state,
        settings: entry.settings,
        private_settings: entry.private_settings,
        plan: entry.plan,
        limits: entry.limits,
    }
}

/// Returns the change that prunes a tenant.
pub fn change_of_prune(prune: Prune) -> Result<TenantChange> {
    Ok(TenantChange::of_state(match prune {
        Prune::Suspend => StateChange::Suspend,
        Prune::Delete => {
            StateChange::Delete(operator_key::Authority::unbounded().tenant_deletion()?)
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the order of changes of domains.
    fn order(changes: &[(&[&str], &[&str])]) -> Order {
        let state = |domains: &[&str]| Some(json!({ "domains": domains }));
        let changes: Vec<_> = changes
            .iter()
            .map(|(before, after)| Change {
                action: "update",
                object: "tenant",
                name: String::new(),
                before: state(before),
                after: state(after),
            })
            .collect();
        Order::of_changes(&changes.iter().collect::<Vec<_>>())
    }

    #[test]
    fn domains_are_released_first() {
        let order = order(&[(&[], &["a"]), (&["a"], &["b"]), (&["b", "c"], &["c"]), (&[], &["d"])]);
        assert_eq!(order.groups, [vec![2, 3], vec![1], vec![0]]);
        assert_eq!(order.before(0), [2, 1]);
        assert_eq!(order.before(2), Vec::<usize>::new());
    }

    #[test]
    fn exchanged_domains_have_no_order() {
        let order = order(&[(&["a"], &["b"]), (&["b"], &["a"]), (&[], &["c"])]);
        assert_eq!(order.groups, [vec![2], vec![0, 1]]);
        assert_eq!(order.before(0), Vec::<usize>::new());
    }
}
