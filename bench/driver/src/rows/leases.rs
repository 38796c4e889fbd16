//! Verified requests with and without leases, in interleaved rounds.

use std::{path::Path, time::Duration};

use anyhow::Result;
use serde_json::json;

use crate::{
    effort::Effort,
    fleet::Fleet,
    load::{Request, rotating, rotating_half_refused, saturate, saturate_with_latency},
    report::{Row, Target},
    stage::{Stage, text},
    statistics::{Spread, median},
};

const UNIT: &str = "req/s";
/// The number of API keys in the mixture, half of which are revoked.
const MIXED: usize = 16;

/// A load on one of the two applications.
type Load<'a> = Box<dyn Fn(&Request, Duration) -> Result<f64> + 'a>;

/// A comparison of the application with itself.
struct Compared<'a> {
    name: &'static str,
    request: Request,
    load: Load<'a>,
    target: Option<f64>,
}

/// Measures the paths of a busy tenant, also as shares of one Redis call, and loads of other shapes.
pub(crate) fn leases(stage: &Stage, effort: &Effort, fleet: &Fleet) -> Result<Vec<Row>> {
    let mut rows = busy(stage, effort)?;
    let folder = stage.services.folder();
    let info = stage.application("/api/v1/tenant/info");
    let tokens = stage.tokens(effort.tokens)?;
    let mixed = mixed_keys(stage)?;
    let most = effort.turns.last().copied().unwrap_or_default();
    let in_rotation = |count: usize| rotation(&fleet.api_keys[..count], &folder);
    let compared = [
        compared("16 tenants in rotation", &info, in_rotation(16), Some(1.0)),
        compared("all tenants in rotation", &info, in_rotation(most), Some(1.0)),
        compared("many access tokens of a tenant", &info, rotation(&tokens, &folder), None),
        compared(
            "API keys, half of them revoked",
            &info,
            Box::new(|request, time| rotating_half_refused(request, &mixed, &folder, time)),
            None,
        ),
    ];
    prime(&info, &fleet.api_keys)?;
    for compared in compared {
        rows.extend(compared.rows(stage, effort)?);
    }
    Ok(rows)
}

/// Sends one request with each credential, one at a time, so that Redis has their versions. Otherwise the host that is
/// loaded first would wait for PostgreSQL with all requests at once, start many instances for them, and keep these with
/// their empty caches during the measurement.
fn prime(request: &Request, credentials: &[String]) -> Result<()> {
    for credential in credentials {
        request.clone().token(credential).send()?.checked()?;
    }
    Ok(())
}

fn compared<'a>(
    name: &'static str,
    request: &Request,
    load: Load<'a>,
    target: Option<f64>,
) -> Compared<'a> {
    Compared { name, request: request.clone(), load, target }
}

fn rotation<'a>(tokens: &'a [String], folder: &'a Path) -> Load<'a> {
    Box::new(move |request, time| rotating(request, tokens, folder, time))
}

/// Measures single credentials of a busy tenant.
fn busy(stage: &Stage, effort: &Effort) -> Result<Vec<Row>> {
    let info = "/api/v1/tenant/info";
    let paths = [
        ("tenant/info, JWT", stage.as_user(info), (0.9, Some(1.7))),
        (
            "tenant/info, API key",
            stage.application(info).token(&stage.tenant.api_key),
            (0.85, None),
        ),
        ("auth/verify, JWT", stage.as_user("/api/v1/auth/verify"), (0.85, None)),
    ];
    let floor = stage.floor("/redis");
    saturate(&floor, effort.warm_up)?;
    let mut rows = Vec::new();
    for (name, request, (of_floor, of_off)) in paths {
        let without = stage.without_leases(&request);
        for request in [&request, &without] {
            saturate(request, effort.warm_up)?;
        }
        let (mut on, mut off, mut floors) = (vec![], vec![], vec![]);
        let (mut tail, mut tail_off, mut tail_of_floor) = (vec![], vec![], vec![]);
        let measure = |request: &Request, rates: &mut Vec<f64>, tails: &mut Vec<f64>| {
            saturate(request, effort.refill)?;
            let (rate, (p50, p99)) = saturate_with_latency(request, effort.load)?;
            rates.push(rate);
            tails.push(p99 / p50);
            anyhow::Ok(())
        };
        for _ in 0..effort.rounds {
            measure(&floor, &mut floors, &mut tail_of_floor)?;
            measure(&without, &mut off, &mut tail_off)?;
            measure(&request, &mut on, &mut tail)?;
        }
        let row = |name: &str, rates: &[f64]| Row::of_rounds(name, rates, UNIT);
        rows.push(row(&format!("{name}, leases off"), &off));
        rows.push(
            row(&format!("{name}, leases on"), &on)
                .measured(Spread::of_ratios(&on, &floors), "floor: one Redis call")
                .target(Target::AtLeast(of_floor)),
        );
        let gain = row(&format!("{name}, leases on"), &on)
            .measured(Spread::of_ratios(&on, &off), "leases off");
        rows.push(match of_off {
            Some(target) => gain.target(Target::AtLeast(target)),
            None => gain,
        });
        let tail_row = |name: &str, tail: Vec<f64>| {
            let multiple = format!("{:.1} times p50", median(&tail));
            Row::new(&format!("{name}, p99 of 32 connections"), multiple)
                .measured(Spread::of(tail), "p50")
        };
        // Processes that share the cores delay some requests of any component.
        rows.push(tail_row("floor: one Redis call", tail_of_floor));
        rows.push(tail_row(&format!("{name}, leases off"), tail_off));
        rows.push(tail_row(&format!("{name}, leases on"), tail).target(Target::Under(2.4)));
    }
    Ok(rows)
}

impl Compared<'_> {
    /// Measures the load with and without leases.
    fn rows(&self, stage: &Stage, effort: &Effort) -> Result<[Row; 2]> {
        let without = stage.without_leases(&self.request);
        for request in [&self.request, &without] {
            (self.load)(request, effort.warm_up)?;
        }
        let (mut on, mut off) = (vec![], vec![]);
        for _ in 0..effort.rounds {
            for (request, rates) in [(&without, &mut off), (&self.request, &mut on)] {
                (self.load)(request, effort.refill)?;
                rates.push((self.load)(request, effort.load)?);
            }
        }
        let row = Row::of_rounds(&format!("{}, leases on", self.name), &on, UNIT)
            .measured(Spread::of_ratios(&on, &off), "leases off");
        let row = match self.target {
            Some(target) => row.target(Target::AtLeast(target)),
            None => row,
        };
        Ok([Row::of_rounds(&format!("{}, leases off", self.name), &off, UNIT), row])
    }
}

/// Creates API keys of the tenant, and revokes every second one.
fn mixed_keys(stage: &Stage) -> Result<Vec<String>> {
    let as_user = |method, path: &str| {
        Request::new(method, &stage.application.address, path).token(&stage.tenant.access_token)
    };
    let mut keys = Vec::new();
    for number in 0..MIXED {
        let key = json!({ "name": format!("Key {number}"), "scopes": ["tenant:read"] });
        let created = as_user("POST", "/api/v1/api-keys").json(&key).send()?.checked()?.json()?;
        if number % 2 == 1 {
            let path = format!("/api/v1/api-keys/{}", text(&created, "id")?);
            as_user("DELETE", &path).send()?.checked()?;
        }
        keys.push(text(&created, "api_key")?);
    }
    Ok(keys)
}
