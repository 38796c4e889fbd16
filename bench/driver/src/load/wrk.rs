//! Load as fast as it goes: `wrk`, a closed loop of 32 connections.

use std::{fmt::Write as _, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};

use super::Request;

/// The requests a second that are answered.
pub(crate) fn saturate(request: &Request, duration: Duration) -> Result<f64> {
    let mut command = Command::new("wrk");
    for (name, value) in &request.headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    run(command, request, duration)
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
    run(command, &request.clone().token(first), duration)
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

fn run(mut command: Command, request: &Request, duration: Duration) -> Result<f64> {
    // `wrk` counts errors and does not tell which: this one does.
    request.send()?.checked().with_context(|| request.path.clone())?;
    let output = command
        .args(["-t1", "-c32", "--latency"])
        .arg(format!("-d{}s", duration.as_secs()))
        .arg(format!("http://{}{}", request.address, request.path))
        .output()
        .context("wrk does not run: ./dev bench installs it")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk failed: {said}");
    if said.contains("Non-2xx") || has_lost_connections(&said) {
        request.send()?.checked().with_context(|| request.path.clone())?;
        bail!("{}: some answers were errors: {said}", request.path);
    }
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
