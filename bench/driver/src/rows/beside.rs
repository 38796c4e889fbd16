//! The effect of concurrent sign-ins on verified requests.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Result, anyhow};

use crate::{
    effort::Effort,
    load::{Client, Pace, Request, paced},
    report::{Row, Target},
    stage::Stage,
    statistics::{Latencies, Spread, median},
};

/// Requests per second. The rate is low, so that mainly the sign-ins use the processor.
const RATE: f64 = 200.0;

pub(crate) fn beside(stage: &Stage, effort: &Effort) -> Result<Vec<Row>> {
    let pace = Pace { rate: RATE, duration: effort.pace / 2 };
    let mut rows = Vec::new();
    // The second path is in the component that serves sign-ins.
    for (name, path) in
        [("tenant/info", "/api/v1/tenant/info"), ("auth/verify", "/api/v1/auth/verify")]
    {
        let request = stage.as_user(path);
        let (mut alone, mut among, mut rates) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..effort.rounds.min(5) {
            alone.push(paced(&request, pace)?.percentile(99));
            let (latencies, sign_ins) = among_logins(stage, &request, pace)?;
            among.push(latencies.percentile(99));
            rates.push(sign_ins / pace.duration.as_secs_f64());
        }
        let figure = format!(
            "p99 {:.2} ms, without logins {:.2} ms; {:.1} logins per second",
            median(&among),
            median(&alone),
            median(&rates),
        );
        let row = Row::new(&format!("{name} beside 8 logins"), figure);
        let ratio = Spread::of_ratios(&among, &alone);
        rows.push(row.measured(ratio, "its p99 without logins").target(Target::Under(3.0)));
    }
    Ok(rows)
}

/// Sends paced requests while every user of the tenant signs in repeatedly. Returns their latencies and the number of
/// sign-ins.
fn among_logins(stage: &Stage, request: &Request, pace: Pace) -> Result<(Latencies, f64)> {
    let has_ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let users = stage.tenant.users.iter();
        let logins: Vec<_> =
            users.map(|user| scope.spawn(|| sign_in_until(stage, user, &has_ended))).collect();
        let latencies = paced(request, pace);
        has_ended.store(true, Ordering::Relaxed);
        let mut sign_ins = 0;
        for login in logins {
            sign_ins += login.join().map_err(|_| anyhow!("a thread panicked"))??;
        }
        Ok((latencies?, f64::from(sign_ins)))
    })
}

fn sign_in_until(stage: &Stage, user: &str, has_ended: &AtomicBool) -> Result<u32> {
    let request = stage.login(user).bytes();
    let mut client = Client::connect(&stage.application.address)?;
    let mut sign_ins = 0;
    while !has_ended.load(Ordering::Relaxed) {
        client.send(&request)?.checked()?;
        // A sign-in that ends later is not part of this measurement.
        sign_ins += u32::from(!has_ended.load(Ordering::Relaxed));
    }
    Ok(sign_ins)
}
