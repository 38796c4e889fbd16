//! Verified requests of many tenants in rotation.

use anyhow::Result;

use crate::{
    effort::Effort,
    fleet::Fleet,
    load::rotating,
    report::{Row, Target},
    stage::Stage,
    statistics::Spread,
};

pub(crate) fn turns(stage: &Stage, effort: &Effort, fleet: &Fleet) -> Result<Vec<Row>> {
    let request = stage.application("/api/v1/tenant/info");
    let folder = stage.services.folder();
    let load =
        |count: usize, duration| rotating(&request, &fleet.api_keys[..count], &folder, duration);
    // Every tenant sends a request before the measurement.
    load(fleet.api_keys.len(), effort.warm_up)?;
    let mut rates = vec![Vec::new(); effort.turns.len()];
    for _ in 0..effort.rounds {
        for (rates, count) in rates.iter_mut().zip(effort.turns) {
            rates.push(load(*count, effort.load)?);
        }
    }
    let least = effort.turns[0];
    let rows = effort.turns.iter().zip(&rates).map(|(count, of_count)| {
        let row = Row::of_rounds(&format!("{count} tenants in rotation"), of_count, "req/s");
        if *count == least {
            return row;
        }
        let ratio = Spread::of_ratios(of_count, &rates[0]);
        row.measured(ratio, "rate of the fewest").target(Target::AtLeast(0.9))
    });
    Ok(rows.collect())
}
