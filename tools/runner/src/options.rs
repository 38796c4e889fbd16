//! The command line.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use crate::variables::source::VariableSource;

/// Runs a Spin application.
#[derive(Clone, Debug, Parser)]
#[command(name = "runner", version)]
pub struct Options {
    /// The application: a manifest, or a folder with a `spin.toml`.
    #[arg(short = 'f', long, default_value = "spin.toml")]
    pub from: PathBuf,

    /// The address to listen on.
    #[arg(
        long,
        env = "SPIN_HTTP_LISTEN_ADDR",
        default_value = "127.0.0.1:3000",
        value_parser = parse_address
    )]
    pub listen: SocketAddr,

    /// The runtime configuration file.
    #[arg(long, env = "RUNTIME_CONFIG_FILE")]
    pub runtime_config_file: Option<PathBuf>,

    /// The value of a variable: `name=value`, `name=@file`, `@file.json` or
    /// `@file.toml`.
    #[arg(long, value_name = "NAME=VALUE")]
    pub variable: Vec<VariableSource>,

    /// The folder for state [default: .spin beside the manifest]. If empty, no state is stored.
    #[arg(long)]
    pub state_dir: Option<String>,

    /// The maximum number of requests of an instance.
    #[arg(long, default_value_t = 128)]
    pub max_instance_reuse_count: usize,

    /// The maximum number of concurrent requests of an instance.
    #[arg(long, default_value_t = 16)]
    pub max_instance_concurrent_reuse_count: usize,

    /// The time after which an idle instance ends: seconds, or with a suffix `s`, `ms`, `us` or `ns`.
    #[arg(long, default_value = "1s", value_parser = parse_duration)]
    pub idle_instance_timeout: Duration,

    /// The maximum time of a request. Spin has no limit by default.
    #[arg(long, default_value = "3600s", value_parser = parse_duration)]
    pub request_timeout: Duration,

    /// The maximum time for a client to send the header of a request, and to be idle before the next request.
    #[arg(long, default_value = "30s", value_parser = parse_duration)]
    pub header_timeout: Duration,

    /// The maximum memory of an instance in bytes [default: no limit].
    #[arg(long, env = "SPIN_MAX_INSTANCE_MEMORY")]
    pub max_instance_memory: Option<usize>,
}

/// The limits for the use of an instance.
#[derive(Clone, Copy, Debug)]
pub struct Reuse {
    /// Requests in total.
    pub max_requests: usize,
    /// Concurrent requests.
    pub max_concurrent_requests: usize,
    /// Time without a request.
    pub idle_timeout: Duration,
    /// Time with the same request.
    pub request_timeout: Duration,
}

impl Options {
    /// Returns the path of the manifest.
    pub fn manifest(&self) -> PathBuf {
        if self.from.is_dir() { self.from.join("spin.toml") } else { self.from.clone() }
    }

    /// Returns the limits for the use of instances.
    pub fn reuse(&self) -> Reuse {
        Reuse {
            max_requests: self.max_instance_reuse_count,
            max_concurrent_requests: self.max_instance_concurrent_reuse_count,
            idle_timeout: self.idle_instance_timeout,
            request_timeout: self.request_timeout,
        }
    }
}

/// Resolves `text` to an address, and prefers 127.0.0.1.
fn parse_address(text: &str) -> Result<SocketAddr> {
    let addresses: Vec<SocketAddr> = text.to_socket_addrs()?.collect();
    let local = addresses.iter().find(|address| address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST));
    local.or(addresses.first()).copied().context("the name has no address")
}

fn parse_duration(text: &str) -> Result<Duration> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits.parse()?;
    Ok(match &text[digits.len()..] {
        "" | "s" => Duration::from_secs(number),
        "ms" => Duration::from_millis(number),
        "us" | "μs" => Duration::from_micros(number),
        "ns" => Duration::from_nanos(number),
        other => bail!("unknown unit {other:?}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_match_spin() {
        let options = Options::parse_from(["runner"]);
        let reuse = options.reuse();
        assert_eq!(options.listen, "127.0.0.1:3000".parse().unwrap());
        assert_eq!(reuse.max_requests, 128);
        assert_eq!(reuse.max_concurrent_requests, 16);
        assert_eq!(reuse.idle_timeout, Duration::from_secs(1));
        assert_eq!(options.max_instance_memory, None);
    }

    #[test]
    fn timeouts_have_defaults() {
        let options = Options::parse_from(["runner"]);
        assert_eq!(options.header_timeout, Duration::from_secs(30));
        assert_eq!(options.reuse().request_timeout, Duration::from_hours(1));
    }

    #[test]
    fn duration_units_are_parsed() {
        for (text, expected) in [
            ("2", Duration::from_secs(2)),
            ("2s", Duration::from_secs(2)),
            ("20ms", Duration::from_millis(20)),
            ("20us", Duration::from_micros(20)),
            ("20ns", Duration::from_nanos(20)),
        ] {
            assert_eq!(parse_duration(text).unwrap(), expected);
        }
        for text in ["", "s", "1m", "-1s", "1.5s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn address_accepts_host_name() {
        assert_eq!(parse_address("localhost:1").unwrap(), "127.0.0.1:1".parse().unwrap());
        assert!(parse_address("localhost").is_err());
    }
}
