//! The check whether a component may connect to an address.

use tokio_postgres::config::{Config, Host};

use crate::bindings::postgres as wit;
use crate::network::Gate;

/// Checks every host of the connection string or URL `address`.
pub(super) fn check(address: &str, gate: &Gate) -> Result<(), wit::Error> {
    let failed = wit::Error::ConnectionFailed;
    let config: Config =
        address.parse().map_err(|error: tokio_postgres::Error| failed(error.to_string()))?;
    // Spin would connect to `hostaddr` but check only `host`.
    if !config.get_hostaddrs().is_empty() {
        return Err(failed("hostaddr is not permitted".to_owned()));
    }
    let ports = config.get_ports();
    for (index, host) in config.get_hosts().iter().enumerate() {
        let Host::Tcp(host) = host else {
            return Err(failed("Unix sockets are not supported on WebAssembly".to_owned()));
        };
        // One port may apply to all hosts.
        let port = match ports {
            [port] => Some(port),
            ports => ports.get(index),
        };
        let host = match port {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        if !gate.allows(&host, "postgres").map_err(wit::Error::Other)? {
            return Err(failed(format!("address postgres://{host} is not permitted")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::allowed_hosts::AllowedHosts;
    use crate::variables::{Error, Lookup};

    struct None_;

    impl Lookup for None_ {
        fn variable(&self, name: &str) -> Result<String, Error> {
            Err(Error::InvalidName(name.to_owned()))
        }
    }

    fn check_with(allowed: &[&str], address: &str) -> Result<(), wit::Error> {
        let allowed: Vec<String> = allowed.iter().map(|entry| (*entry).to_owned()).collect();
        check(address, &Gate::new("a", AllowedHosts::resolve(&allowed, &None_, &[].into_iter())))
    }

    #[test]
    fn every_host_must_be_allowed() {
        let one = ["postgres://db:5432"];
        for address in [
            "postgres://u:p@db/name",
            "postgresql://u:p@db:5432/name?sslmode=disable",
            "host=db user=u",
            "host=db port=5432",
        ] {
            assert!(check_with(&one, address).is_ok(), "{address}");
        }
        for address in
            ["postgres://db:5433", "host=other", "host=db,other", "host=db,db port=5432,5433"]
        {
            let error = check_with(&one, address).unwrap_err();
            assert!(
                matches!(error, wit::Error::ConnectionFailed(text) if text.ends_with("is not permitted"))
            );
        }
        assert!(check_with(&["postgres://*:5432"], "host=a,b port=5432").is_ok());
    }

    #[test]
    fn hostaddr_and_sockets_are_refused() {
        assert!(check_with(&["*://*:*"], "host=a hostaddr=127.0.0.1").is_err());
        let error = check_with(&["*://*:*"], "host=/var/run/postgresql").unwrap_err();
        assert!(
            matches!(error, wit::Error::ConnectionFailed(text) if text.contains("Unix sockets"))
        );
    }

    #[test]
    fn invalid_address_is_refused() {
        assert!(matches!(check_with(&[], "host="), Err(wit::Error::ConnectionFailed(_)) | Ok(())));
        assert!(matches!(check_with(&[], "nonsense=1"), Err(wit::Error::ConnectionFailed(_))));
    }

    #[test]
    fn unresolvable_entry_has_own_error() {
        let error = check_with(&["postgres://{{ host }}"], "host=db").unwrap_err();
        assert!(matches!(error, wit::Error::Other(_)));
    }
}
