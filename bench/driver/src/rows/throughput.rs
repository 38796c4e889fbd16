//! Requests per second at full speed.

use anyhow::Result;

use crate::{
    effort::Effort,
    load::{Request, saturate},
    report::{Row, Target},
    stage::Stage,
    statistics::{Spread, median},
};

const UNIT: &str = "req/s";
// The indexes of the floors in their list.
const HELLO: usize = 0;
const REDIS: usize = 1;
const LEAST: usize = 3;
const LEAST_VERIFIED: usize = 4;
const NATIVE: usize = 5;

/// A path of the application, and its reference.
struct Path {
    name: &'static str,
    request: Request,
    floor: usize,
    target: f64,
}

/// A request of the application, and its rate of responses per second.
#[derive(Clone)]
pub(crate) struct Peak {
    pub(crate) name: &'static str,
    pub(crate) request: Request,
    pub(crate) rate: f64,
}

/// The peak of each path.
pub(crate) type Peaks = Vec<Peak>;

fn floors(stage: &Stage) -> [(&'static str, Request); 6] {
    [
        ("floor: hello", stage.floor("/hello")),
        ("floor: one Redis call", stage.floor("/redis")),
        ("floor: one SQL query", stage.floor("/sql")),
        ("floor: minimal health", stage.floor("/least")),
        (
            "floor: minimal tenant/info",
            stage.floor("/least-verified").token(&stage.tenant.access_token),
        ),
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

/// Measures each path, the floor and the native service.
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
    let of = |name: &str, rates: &[f64], floor: usize| {
        let ratio = Spread::of_ratios(rates, &of_floors[floor]);
        Row::of_rounds(name, rates, UNIT).measured(ratio, floors[floor].0)
    };
    let mut rows = Vec::new();
    for (index, ((name, _), rates)) in floors.iter().zip(of_floors).enumerate() {
        rows.push(match index {
            LEAST => of(name, rates, HELLO),
            LEAST_VERIFIED => of(name, rates, REDIS),
            _ => Row::of_rounds(name, rates, UNIT),
        });
    }
    for (path, rates) in paths.iter().zip(of_paths) {
        rows.push(of(path.name, rates, path.floor).target(Target::AtLeast(path.target)));
    }
    for (path, floor) in [(0, LEAST_VERIFIED), (0, NATIVE), (paths.len() - 1, LEAST)] {
        rows.push(of(paths[path].name, &of_paths[path], floor));
    }
    let peak = |(path, rates): (Path, &Vec<f64>)| Peak {
        name: path.name,
        request: path.request,
        rate: median(rates),
    };
    Ok((rows, paths.into_iter().zip(of_paths).map(peak).collect()))
}

/// Measures only the peaks.
pub(crate) fn peaks(stage: &Stage, effort: &Effort) -> Result<Peaks> {
    let peak = |path: Path| {
        saturate(&path.request, effort.warm_up)?;
        let rate = saturate(&path.request, effort.load)?;
        Ok(Peak { name: path.name, request: path.request, rate })
    };
    paths(stage).into_iter().map(peak).collect()
}
