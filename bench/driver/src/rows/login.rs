//! The time of a sign-in, compared with the hash of its password.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    effort::Effort,
    load::Client,
    report::{Row, Target},
    stage::Stage,
    statistics::Spread,
};

/// The application's default.
const ROUNDS: u32 = 600_000;

pub(crate) fn login(stage: &Stage, effort: &Effort) -> Result<Vec<Row>> {
    let user = stage.tenant.users.first().context("the tenant has a user")?;
    let login = stage.login(user).bytes();
    let hash = stage.floor(&format!("/pbkdf2?{ROUNDS}")).bytes();
    let mut application = Client::connect(&stage.application.address)?;
    let mut floor = Client::connect(&stage.floor.address)?;
    let (mut logins, mut in_wasm, mut in_openssl) = (Vec::new(), Vec::new(), Vec::new());
    let timed = |client: &mut Client, request: &[u8]| {
        let start = Instant::now();
        client.send(request)?.checked()?;
        Ok::<_, anyhow::Error>(milliseconds(start.elapsed()))
    };
    for number in 0..=effort.logins {
        let round = (
            timed(&mut application, &login)?,
            timed(&mut floor, &hash)?,
            milliseconds(openssl(ROUNDS)?.saturating_sub(openssl(1)?)),
        );
        // The first round opens connections.
        if number > 0 {
            logins.push(round.0);
            in_wasm.push(round.1);
            in_openssl.push(round.2);
        }
    }
    let (of_openssl, of_floor) = ("PBKDF2 in OpenSSL", "floor: PBKDF2");
    Ok(vec![
        Row::of_rounds(of_openssl, &in_openssl, "ms"),
        Row::of_rounds(of_floor, &in_wasm, "ms")
            .measured(Spread::of_ratios(&in_wasm, &in_openssl), of_openssl),
        Row::of_rounds("login", &logins, "ms")
            .measured(Spread::of_ratios(&logins, &in_wasm), of_floor)
            .target(Target::Under(1.1)),
        Row::of_rounds("login", &logins, "ms")
            .measured(Spread::of_ratios(&logins, &in_openssl), of_openssl)
            .target(Target::Under(1.2)),
    ])
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Returns the time of PBKDF2-HMAC-SHA-256 in a new process, including its start.
fn openssl(rounds: u32) -> Result<Duration> {
    let start = Instant::now();
    let output = Command::new("openssl")
        .args(["kdf", "-keylen", "32", "-kdfopt", "digest:SHA256", "-kdfopt", "pass:a password"])
        .args(["-kdfopt", "salt:0123456789abcdef", "-kdfopt", &format!("iter:{rounds}"), "PBKDF2"])
        .output()
        .context("openssl does not run")?;
    let time = start.elapsed();
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(time)
}
