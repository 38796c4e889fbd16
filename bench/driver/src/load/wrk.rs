//! Load as fast as it goes: `wrk`, a closed loop.

use std::{fmt::Write as _, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};

use super::Request;

/// As many connections as keep the processors busy.
const MANY: usize = 32;
/// As many as leave them time: it shows what an answer waits for besides.
const FEW: usize = 6;

/// The requests a second that are answered.
pub(crate) fn saturate(request: &Request, duration: Duration) -> Result<f64> {
    rate(&run(with_headers(request), request, MANY, duration)?)
}

/// The milliseconds that half of the answers take at the most, and 99 % of them, with few connections that
/// never pause. `wrk` counts a pause as often as requests would have been made in it.
pub(crate) fn few(request: &Request, duration: Duration) -> Result<(f64, f64)> {
    let said = run(with_headers(request), request, FEW, duration)?;
    let percentile = |name: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(name));
        line.and_then(|time| milliseconds(time.trim()))
            .with_context(|| format!("wrk has no {name}: {said}"))
    };
    Ok((percentile("50%")?, percentile("99%")?))
}

/// A time as `wrk` writes it: `0.93ms`, `930.00us`, `1.20s`.
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

/// The same, where each request has the next one of these tokens.
pub(crate) fn rotating(
    request: &Request,
    tokens: &[String],
    folder: &Path,
    duration: Duration,
) -> Result<f64> {
    let mut script = String::from("local tokens = {\n");
    for token in tokens {
        writeln!(script, "  \"{token}\",")?;
    }
    script += ROTATE;
    let path = folder.join(format!("tokens-{}.lua", tokens.len()));
    std::fs::write(&path, script)?;
    let mut command = Command::new("wrk");
    command.arg("-s").arg(path);
    let first = tokens.first().context("there is no tenant")?;
    rate(&run(command, &request.clone().token(first), MANY, duration)?)
}

/// The end of a script of `wrk`: what requests look like is worked out once.
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

/// What `wrk` says.
fn run(
    mut command: Command,
    request: &Request,
    connections: usize,
    duration: Duration,
) -> Result<String> {
    // `wrk` counts errors and does not tell which: this one does.
    request.send()?.checked().with_context(|| request.path.clone())?;
    let output = command
        .args(["-t1", "--latency"])
        .arg(format!("-c{connections}"))
        .arg(format!("-d{}s", duration.as_secs()))
        .arg(format!("http://{}{}", request.address, request.path))
        .output()
        .context("wrk does not run: ./dev bench installs it")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "wrk failed: {said}");
    if said.contains("Non-2xx") || has_lost_connections(&said) {
        request.send()?.checked().with_context(|| request.path.clone())?;
        bail!("{}: some answers were errors: {said}", request.path);
    }
    Ok(said)
}

fn rate(said: &str) -> Result<f64> {
    let rate = said.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    let rate = rate.with_context(|| format!("wrk has no figure: {said}"))?;
    Ok(rate.trim().parse()?)
}

/// Whether connections broke. An answer that only took its time is none of the errors.
fn has_lost_connections(said: &str) -> bool {
    let errors = said.lines().find_map(|line| line.trim().strip_prefix("Socket errors: "));
    errors.is_some_and(|errors| {
        let kinds = errors.split(", ").filter_map(|kind| kind.split_once(' '));
        kinds.filter(|(kind, _)| *kind != "timeout").any(|(_, count)| count != "0")
    })
}

/// The version of `wrk`.
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
