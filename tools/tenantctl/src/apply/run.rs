//! The command: shows the difference, asks, and applies it.

use std::{cell::Cell, rc::Rc};

use anyhow::Result;
use serde_json::{Value, json};
use tenancy::{
    Context, audit,
    lifecycle::{
        manage,
        provision::{FirstCredentials, provision, rehearse},
    },
    version_cache::Effect,
};

use super::{
    desired,
    plan::{self, Operation, Order, Prune, Step},
};
use crate::{
    confirm::Yes,
    dry_run, environment,
    exit::{self, Exit},
    output,
    runner::{self, Options, Outcome},
};

/// The options of `apply`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The file with the tenants, in YAML or JSON, or - for standard input.
    #[arg(short, long)]
    file: String,
    /// Also suspends or deletes the tenants that are not in the file. Without this option, they stay as they are.
    #[arg(long, value_name = "ACTION")]
    prune: Option<Prune>,
    /// Shows the difference, checks it, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Like --dry-run, and exits with 7 if there is a difference.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    yes: Yes,
    #[command(flatten)]
    options: Options,
}

/// The result of one step.
struct Done {
    credentials: Option<FirstCredentials>,
    effect: Effect,
}

/// Applies the file.
///
/// # Errors
/// [`Exit::Partial`] if some tenants failed, [`Exit::Findings`] for `--check` with a difference.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let desired = desired::read(&arguments.file)?;
    if desired.is_empty() && arguments.prune.is_some() {
        return Err(
            Exit::Usage.error("--prune with a file without tenants would affect every tenant")
        );
    }
    let is_dry_run = arguments.dry_run || arguments.check;
    let context = environment::context_for(is_dry_run)?;
    let steps = plan::compare(&context, desired, arguments.prune).await?;
    // The reader of the output may pause it.
    dry_run::roll_back(&context).await?;
    if !output::is_json() {
        for step in &steps {
            step.change.print(if is_dry_run { "Would" } else { "To do:" });
        }
    } else if !is_dry_run && !arguments.yes.yes {
        // The person who confirms sees the steps. Standard output has only the results.
        for step in &steps {
            output::note(&step.change.summary());
        }
    }
    if steps.is_empty() {
        if !output::is_json() {
            output::line("nothing changes");
        }
        return Ok(());
    }
    if !is_dry_run {
        let count = steps.len();
        arguments.yes.confirm(&format!("{count} tenants will be changed."), "apply")?;
    }
    let is_pending = Cell::new(false);
    let result = if is_dry_run { "planned" } else { "done" };
    let report = |index: &usize, outcome: Result<Done>| {
        if let Ok(Done { effect: Effect::By(_), .. }) = &outcome {
            is_pending.set(true);
        }
        report(&steps[*index], outcome, result);
    };
    let order = Order::of(&steps);
    let work = async |index: &usize| {
        if is_dry_run {
            rehearse_step(&context, &steps, &order, *index).await
        } else {
            apply(&context, &steps[*index]).await
        }
    };
    // The statements of a dry run share one transaction.
    let options =
        if is_dry_run { Options { jobs: 1, ..arguments.options } } else { arguments.options };
    let outcome = runner::run_groups(&options, &order.groups, work, report).await;
    finish(outcome, result, is_pending.get())?;
    if arguments.check {
        return Err(Exit::Findings.error(format!(
            "{} tenants differ from the file. Run tenantctl apply -f {}",
            steps.len(),
            arguments.file
        )));
    }
    Ok(())
}

fn finish(outcome: Outcome, result: &str, is_pending: bool) -> Result<()> {
    let Outcome { done, failed, skipped } = outcome;
    if !output::is_json() {
        output::line(&format!("tenants: {done} {result}, {failed} failed, {skipped} not started"));
    }
    if failed > 0 || skipped > 0 {
        return Err(Exit::Partial.error(format!(
            "{failed} tenants failed and {skipped} were not started. The others are {result}. Correct the file and \
             repeat the command"
        )));
    }
    if is_pending {
        return Err(Exit::Pending.error(
            "Redis is unreachable. The changes were made, and take effect within a minute. Run tenantctl repair when \
             Redis is reachable",
        ));
    }
    Ok(())
}

/// Checks a step in a transaction that is rolled back, after the steps that it depends on.
async fn rehearse_step(
    context: &Rc<Context>,
    steps: &[Step],
    order: &Order,
    index: usize,
) -> Result<Done> {
    for before in order.before(index) {
        // A step that fails is reported by itself, and has no effect on this one.
        let _ = apply(context, &steps[before]).await;
    }
    let outcome = apply(context, &steps[index]).await;
    dry_run::roll_back(context).await?;
    outcome
}

async fn apply(context: &Rc<Context>, step: &Step) -> Result<Done> {
    let actor = environment::actor();
    let (credentials, effect) = match &step.operation {
        Operation::Create(new, rest) => {
            let (id, credentials) = if context.is_dry_run() {
                // The tenant stays in the state provisioning, which allows no further change.
                rehearse(context, new, &actor).await?;
                return Ok(Done { credentials: None, effect: Effect::Now });
            } else {
                let provisioned = provision(context, new, None, &actor).await?;
                audit::flush_catalog_later(context, Some(provisioned.tenant.id));
                (provisioned.tenant.id, provisioned.credentials)
            };
            let effect = match rest {
                Some(rest) => {
                    let change = plan::change_of((**rest).clone());
                    let changed = manage::update(context, id, &change, None, &actor).await;
                    match changed {
                        Ok(changed) => changed.effect,
                        Err(error) => {
                            // The credentials are shown once, even if the next step failed.
                            show_credentials(&step.change.name, &credentials);
                            return Err(error.into());
                        }
                    }
                }
                None => Effect::Now,
            };
            (Some(credentials), effect)
        }
        Operation::Update(tenant, entry) => {
            let change = plan::change_of((**entry).clone());
            let version = Some(tenant.version);
            let changed = manage::update(context, tenant.id, &change, version, &actor).await?;
            (None, changed.effect)
        }
        Operation::Prune(tenant, prune) => {
            let change = plan::change_of_prune(*prune)?;
            let version = Some(tenant.version);
            let changed = manage::update(context, tenant.id, &change, version, &actor).await?;
            (None, changed.effect)
        }
    };
    Ok(Done { credentials, effect })
}

fn show_credentials(slug: &str, credentials: &FirstCredentials) {
    if output::is_json() {
        let line = json!({ "name": slug, "result": "created", "credentials": credentials });
        output::line(&line.to_string());
        return;
    }
    output::line(&format!("{slug}: api_key {}", credentials.api_key));
    if let Some(token) = &credentials.setup_token {
        output::line(&format!("{slug}: setup_token {token}"));
    }
}

fn report(step: &Step, outcome: Result<Done>, result: &str) {
    let name = &step.change.name;
    let mut line = json!({
        "action": step.change.action,
        "object": step.change.object,
        "name": name,
        "differences": step.change.differences(),
    });
    match outcome {
        Ok(Done { credentials, effect }) => {
            if !output::is_json() {
                if let Some(credentials) = credentials {
                    show_credentials(name, &credentials);
                }
                return;
            }
            line["result"] = json!(result);
            if let Some(credentials) = credentials {
                line["credentials"] = serde_json::to_value(credentials).unwrap_or(Value::Null);
            }
            if let Effect::By(time) = effect {
                line["takes_effect_by"] = json!(time);
            }
        }
        Err(error) => {
            let described = exit::describe(&error);
            if !output::is_json() {
                output::note(&format!("the tenant {name}: {}", described.text));
                return;
            }
            line["result"] = json!("failed");
            line["problem"] = described.document;
        }
    }
    output::line(&line.to_string());
}
