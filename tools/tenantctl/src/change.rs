//! Changes: their differences, their dry runs, and the time at which they take effect.

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tenancy::{Context, version_cache::Effect};

use crate::{
    dry_run,
    exit::Exit,
    output::{self, cell},
};

/// The options of every command that changes something.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct DryRun {
    /// Checks the change against the current state and shows its effect. Changes nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// The members that each change sets.
const TIMES: [&str; 2] = ["created_at", "updated_at"];

/// A change of one object.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// `create`, `update`, `suspend`, and so on.
    pub action: &'static str,
    /// `tenant`, `user`, `api_key` or `plan`.
    pub object: &'static str,
    /// The name of the object.
    pub name: String,
    /// The state before the change; null if the object does not exist.
    pub before: Option<Value>,
    /// The state after the change; null if the object is removed.
    pub after: Option<Value>,
}

/// A member that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The name of the member. A dot separates nested members.
    pub field: String,
    /// The value before the change.
    pub before: Value,
    /// The value after the change.
    pub after: Value,
}

impl Change {
    /// Returns the members that differ, by name.
    pub fn differences(&self) -> Vec<Difference> {
        let empty = Value::Object(Map::new());
        let before = self.before.as_ref().unwrap_or(&empty);
        let after = self.after.as_ref().unwrap_or(&empty);
        let mut found = Vec::new();
        compare("", before, after, &mut found);
        found
    }

    /// Returns the action and the object on one line.
    pub fn summary(&self) -> String {
        format!("{} {} {}", self.action, self.object, output::printable(&self.name))
    }

    /// Prints the change for people: a line with its subject, and the members before and after.
    pub fn print(&self, verb: &str) {
        output::line(&format!("{verb} {}", self.summary()));
        for Difference { field, before, after } in self.differences() {
            if self.before.is_some() {
                output::line(&format!("  - {field}: {}", cell(&before)));
            }
            if self.after.is_some() {
                output::line(&format!("  + {field}: {}", cell(&after)));
            }
        }
    }

    /// Rolls a dry run back and prints its result. `removes` describes everything outside of the catalog that the change
    /// removes.
    pub async fn report_dry_run(&self, context: &Context, removes: Option<&Value>) -> Result<()> {
        // The reader of the output may pause it.
        dry_run::roll_back(context).await?;
        if output::is_json() {
            let mut document = serde_json::to_value(self)?;
            document["dry_run"] = json!(true);
            document["differences"] = serde_json::to_value(self.differences())?;
            if let Some(removes) = removes {
                document["removes"] = removes.clone();
            }
            return output::document(&document);
        }
        self.print("Would");
        if self.before.is_some() && self.after.is_some() && self.differences().is_empty() {
            output::line("  nothing changes");
        }
        for (name, value) in removes.and_then(Value::as_object).into_iter().flatten() {
            output::line(&format!("  removes {name}: {}", cell(value)));
        }
        Ok(())
    }
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    if let (Value::Object(old), Value::Object(new)) = (before, after) {
        let mut names: Vec<_> = old.keys().chain(new.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            if path.is_empty() && TIMES.contains(&name.as_str()) {
                continue;
            }
            let field = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let value = |object: &Map<String, Value>| object.get(name).cloned().unwrap_or_default();
            compare(&field, &value(old), &value(new), found);
        }
        return;
    }
    found.push(Difference { field: path.to_owned(), before: before.clone(), after: after.clone() });
}

/// The result of a change.
#[derive(Serialize)]
struct Reported<'a, T> {
    #[serde(flatten)]
    value: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    takes_effect_by: Option<DateTime<Utc>>,
}

/// Prints the result of a change, with the time at which it takes effect if that is later.
///
/// # Errors
/// [`Exit::Pending`] if Redis is unreachable.
pub fn report(value: &impl Serialize, effect: Effect) -> Result<()> {
    let takes_effect_by = match effect {
        Effect::Now => None,
        Effect::By(time) => Some(time),
    };
    output::object(&Reported { value, takes_effect_by })?;
    check_effect(effect)
}

/// Returns an error if a change takes effect later.
///
/// # Errors
/// [`Exit::Pending`].
pub fn check_effect(effect: Effect) -> Result<()> {
    match effect {
        Effect::Now => Ok(()),
        Effect::By(time) => Err(Exit::Pending.error(format!(
            "Redis is unreachable. The change was made, and takes effect by {time} at the latest. Run tenantctl repair \
             when Redis is reachable"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_nested_members() {
        let change = Change {
            action: "update",
            object: "tenant",
            name: "acme".to_owned(),
            before: Some(json!({ "a": 1, "limits": { "x": 1, "y": 2 }, "updated_at": 1 })),
            after: Some(json!({ "a": 1, "limits": { "x": 3, "y": 2 }, "updated_at": 2 })),
        };
        let found = change.differences();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((&*found[0].field, &found[0].after), ("limits.x", &json!(3)));
    }
}
