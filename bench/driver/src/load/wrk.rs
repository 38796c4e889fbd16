//! Load at full speed: `wrk`, a closed loop.

use std::{fmt::Write as _, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};

use super::Request;

/// A number of connections that keeps the processors busy.
const MANY: usize = 32;
/// A number that leaves them idle time, which shows the other delays of a response.
const FEW: usize = 6;

/// Returns the rate of responses per second.
pub(crate) fn saturate(request: &Request, duration: Duration) -> Result<f64> {
    rate(&run(with_headers(request), request, MANY, duration)?)
}

/// Returns the rate of responses per second, and p50 and p99 in milliseconds.
pub(crate) fn saturate_with_latency(
    request: &Request,
    duration: Duration,
) -> Result<(f64, (f64, f64))> {
    let said = run(with_headers(request), request, MANY, duration)?;
    Ok((rate(&said)?, percentiles(&said)?))
}

/// Returns p50 and p99 in milliseconds, with few connections that never pause. `wrk` counts a stall once for each
/// request that would have been sent in it.
pub(crate) fn few(request: &Request, duration: Duration) -> Result<(f64, f64)> {
    percentiles(&run(with_headers(request), request, FEW, duration)?)
}

fn percentiles(said: &str) -> Result<(f64, f64)> {
    let percentile = |name: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(name));
        line.and_then(|time| milliseconds(time.trim()))
            .with_context(|| format!("the output of wrk has no {name}: {said}"))
    };
    Ok((percentile("50%")?, percentile("99%")?))
}

/// Parses a time of `wrk`: `0.93ms`, `930.00us`, `1.20s`.
fn milliseconds(time: &str) -> Option<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0)];
    units.iter().find_map(|(unit, factor)| {
        let number: f64 = time.strip_suffix(unit)?.parse().ok()?;
        Some(number * factor)
    })
}

fn with_headers(request: &Request) -> Command {
    let mut command = Command::new("wrk");
    for (name, value) in &request.headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    command
}

/// Returns the rate if each request uses the next one of these tokens.
pub(crate) fn rotating(
    request: &Request,
    tokens: &[String],
    folder: &Path,
    duration: Duration,
) -> Result<f64> {
    let first = tokens.first().context("there are no tenants")?;
    let command = rotation(tokens, folder)?;
    rate(&run(command, &request.clone().token(first), MANY, duration)?)
}

/// Returns the rate of all responses, like [`rotating`], if half of the tokens are refused.
pub(crate) fn rotating_half_refused(
    request: &Request,
    tokens: &[String],
    folder: &Path,
    duration: Duration,
) -> Result<f64> {
    let said = output(rotation(tokens, folder)?, request, MANY, duration)?;
    ensure!(!has_lost_connections(&said), "{}: connections broke: {said}", request.path);
    rate(&said)
}

/// Returns `wrk` with a script that uses the next token for each request.
fn rotation(tokens: &[String], folder: &Path) -> Result<Command> {
    let mut script = String::from("local tokens = {\n");
    for token in tokens {
        writeln!(script, "  \"{token}\",")?;
    }
    script += ROTATE;
    let path = folder.join(format!("tokens-{}.lua", tokens.len()));
    std::fs::write(&path, script)?;
    let mut command = Command::new("wrk");
    command.arg("-s").arg(path);
    Ok(command)
}

/// The end of a `wrk` script, which builds each request only once.
const ROTATE: &str = r#"}
local requests = {}
local last = 0
function init()
  for index, token in ipairs(tokens) do
    requests[index] = wrk.format(nil, nil, { authorization = "Bearer " .. token })
  end
end
function request()
  last = last % #requests + 1
  return requests[last]
end
"#;

/// Runs `wrk` and returns its output. An error response is a failure.
fn run(
    command: Command,
    request: &Request,
    connections: usize,
    duration: Duration,
) -> Result<String> {
    // `wrk` only counts errors. This request shows the error.
    request.send()?.checked().with_context(|| request.path.clone())?;
    let said = output(command, request, connections, duration)?;
    if said.contains("Non-2xx") || has_lost_connections(&said) {
        request.send()?.checked().with_context(|| request.path.clone())?;
        bail!("{}: some responses were errors: {said}", request.path);
    }
    Ok(said)
}

fn output(
    mut command: Command,
    request: &Request,
    connections: usize,
    duration: Duration,
) -> Result<String> {
    let output = command
        .args(["-t1", "--latency"])
        .arg(format!("-c{connections}"))
        .arg(format!("-d{}s", duration.as_secs()))
        .arg(format!("http://{}{}", request.address, request.path))
        .output()
        .context("wrk does not run; ./dev bench installs it")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "wrk failed: {said}");
    Ok(said)
}

fn rate(said: &str) -> Result<f64> {
    let rate = said.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    let rate = rate.with_context(|| format!("the output of wrk has no rate: {said}"))?;
    Ok(rate.trim().parse()?)
}

/// Returns whether connections broke. Slow responses are not errors.
fn has_lost_connections(said: &str) -> bool {
    let errors = said.lines().find_map(|line| line.trim().strip_prefix("Socket errors: "));
    errors.is_some_and(|errors| {
        let kinds = errors.split(", ").filter_map(|kind| kind.split_once(' '));
        kinds.filter(|(kind, _)| *kind != "timeout").any(|(_, count)| count != "0")
    })
}

/// Returns the version of `wrk`.
pub(crate) fn wrk_version() -> String {
    let output = Command::new("wrk").arg("-v").output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    said.ok().and_then(|said| Some(said.split(' ').nth(1)?.to_owned())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let read = ["1.50ms", "500.00us", "1.20s", "2.00m", "1.50"].map(milliseconds);
        assert_eq!(read, [Some(1.5), Some(0.5), Some(1_200.0), Some(120_000.0), None]);
    }
}
