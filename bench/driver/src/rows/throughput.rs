//! Requests a second, as fast as they go.

use anyhow::Result;

use crate::{
    effort::Effort,
    load::{Request, saturate},
    report::{Row, Target},
    stage::Stage,
    statistics::{Spread, median},
};

const UNIT: &str = "req/s";
// Where the floors are in their list.
const HELLO: usize = 0;
const REDIS: usize = 1;
const LEAST: usize = 3;
const NATIVE: usize = 4;

/// A path of the application, and what it is held against.
struct Path {
    name: &'static str,
    request: Request,
    floor: usize,
    target: f64,
}

/// A request of the application, and how many a second it answers.
#[derive(Clone)]
pub(crate) struct Peak {
    pub(crate) name: &'static str,
    pub(crate) request: Request,
    pub(crate) rate: f64,
}

/// The peak of each path.
pub(crate) type Peaks = Vec<Peak>;

fn floors(stage: &Stage) -> [(&'static str, Request); 5] {
    [
        ("floor: hello", stage.floor("/hello")),
        ("floor: one Redis call", stage.floor("/redis")),
        ("floor: one SQL query", stage.floor("/sql")),
        ("floor: least of tenant/info", stage.floor("/least").token(&stage.tenant.access_token)),
        ("native: tenant/info, JWT", stage.native()),
    ]
}

fn paths(stage: &Stage) -> [Path; 4] {
    let info = "/api/v1/tenant/info";
    let with_key = stage.application(info).token(&stage.tenant.api_key);
    let path = |name, request, floor, target| Path { name, request, floor, target };
    [
        path("tenant/info, JWT", stage.as_user(info), REDIS, 0.8),
        path("tenant/info, API key", with_key, REDIS, 0.75),
        path("auth/verify, JWT", stage.as_user("/api/v1/auth/verify"), REDIS, 0.8),
        path("health", stage.application("/health"), HELLO, 0.9),
    ]
}

/// Measures each path beside the floor and the native service.
pub(crate) fn throughput(stage: &Stage, effort: &Effort) -> Result<(Vec<Row>, Peaks)> {
    let (floors, paths) = (floors(stage), paths(stage));
    let requests: Vec<_> = floors
        .iter()
        .map(|(_, request)| request)
        .chain(paths.iter().map(|path| &path.request))
        .collect();
    for request in &requests {
        saturate(request, effort.warm_up)?;
    }
    let mut rates = vec![Vec::new(); requests.len()];
    for _ in 0..effort.rounds {
        for (rates, request) in rates.iter_mut().zip(&requests) {
            rates.push(saturate(request, effort.load)?);
        }
    }
    let (of_floors, of_paths) = rates.split_at(floors.len());
    let mut rows: Vec<Row> = floors
        .iter()
        .zip(of_floors)
        .map(|((name, _), rates)| Row::of_rounds(name, rates, UNIT))
        .collect();
    let least = Spread::of_ratios(&of_floors[LEAST], &of_floors[REDIS]);
    rows.push(
        Row::of_rounds(floors[LEAST].0, &of_floors[LEAST], UNIT).measured(least, floors[REDIS].0),
    );
    for (path, rates) in paths.iter().zip(of_paths) {
        let ratio = Spread::of_ratios(rates, &of_floors[path.floor]);
        let row = Row::of_rounds(path.name, rates, UNIT);
        let of = floors[path.floor].0;
        rows.push(row.measured(ratio, of).target(Target::AtLeast(path.target)));
    }
    for other in [LEAST, NATIVE] {
        let ratio = Spread::of_ratios(&of_paths[0], &of_floors[other]);
        let row = Row::of_rounds(paths[0].name, &of_paths[0], UNIT);
        rows.push(row.measured(ratio, floors[other].0));
    }
    let peak = |(path, rates): (Path, &Vec<f64>)| Peak {
        name: path.name,
        request: path.request,
        rate: median(rates),
    };
    Ok((rows, paths.into_iter().zip(of_paths).map(peak).collect()))
}

/// The peaks alone.
pub(crate) fn peaks(stage: &Stage, effort: &Effort) -> Result<Peaks> {
    let peak = |path: Path| {
        saturate(&path.request, effort.warm_up)?;
        let rate = saturate(&path.request, effort.load)?;
        Ok(Peak { name: path.name, request: path.request, rate })
    };
    paths(stage).into_iter().map(peak).collect()
}
