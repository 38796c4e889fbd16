//! The memory that a tenant takes in the application.

use anyhow::Result;

use crate::{
    effort::Effort,
    fleet::{Fleet, idle_kib},
    load::rotating,
    report::{Row, Target},
    stage::Stage,
    statistics::Spread,
};

pub(crate) fn memory(stage: &Stage, effort: &Effort, fleet: &Fleet) -> Result<Vec<Row>> {
    let request = stage.application("/api/v1/tenant/info");
    // Every tenant sends several requests.
    rotating(&request, &fleet.api_keys, &stage.services.folder(), effort.load)?;
    let (before, after) = (fleet.kib_before, idle_kib(stage));
    #[expect(clippy::cast_precision_loss, reason = "far from the limit")]
    let of_one = after.saturating_sub(before) as f64 / fleet.api_keys.len() as f64;
    let figure = format!("{} MiB, with few tenants {} MiB", after / 1024, before / 1024);
    let row = Row::new(&format!("memory at {} tenants", fleet.api_keys.len()), figure);
    Ok(vec![row.measured(Spread::of(vec![of_one]), "KiB per tenant").target(Target::Under(64.0))])
}
