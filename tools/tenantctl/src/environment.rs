//! Settings from the environment.

use std::{collections::BTreeMap, env, path::PathBuf, rc::Rc, time::Duration};

use anyhow::Result;
use platform::{
    Platform,
    native::{NativeSql, RolledBackSql, RootFiles, check_postgres, check_redis},
};
use tenancy::{
    Context,
    event::Actor,
    log,
    settings::{DECLARATIONS, Settings},
};

use crate::{dry_run, exit::Exit};

/// The environment variable with the file of root certificates for PostgreSQL, as for libpq.
const POSTGRES_ROOTS: &str = "PGSSLROOTCERT";
/// The environment variable with the file of root certificates for Redis.
const REDIS_ROOTS: &str = "REDIS_CA_FILE";

/// The time limit of a statement. No request waits for it, and a slow one must not end the work of many minutes.
const STATEMENT_DEADLINE: Duration = Duration::from_secs(30);

/// Returns the settings, read by their plain names or with Spin's prefix.
///
/// # Errors
/// Names each missing or invalid setting, with the reason.
pub fn settings() -> Result<Settings> {
    let values: BTreeMap<_, _> = DECLARATIONS
        .iter()
        .map(|setting| setting.name)
        .filter_map(|name| {
            let value = [name.to_owned(), format!("SPIN_VARIABLE_{name}")]
                .iter()
                .filter_map(|variable| env::var(variable).ok())
                .find(|value| !value.trim().is_empty())?;
            Some((name, value))
        })
        .collect();
    let settings = Settings::parse(&values).map_err(|invalid| {
        let lines: Vec<_> = invalid.iter().map(ToString::to_string).collect();
        Exit::Usage.error(lines.join("; "))
    })?;
    check_connections(&settings)?;
    Ok(settings)
}

/// Checks the TLS options, which the settings leave to the host.
fn check_connections(settings: &Settings) -> Result<()> {
    let roots = root_files();
    let postgres = roots.postgres.as_deref();
    let master = settings.master_database_url.to_text();
    check_postgres(master.expose(), postgres)
        .map_err(|error| Exit::Usage.error(format!("MASTER_DATABASE_URL {error}")))?;
    // Each new tenant stores these options, and Spin, which knows fewer, uses them.
    let options = settings.tenant_database_template.cluster().options.clone();
    let unknown = ["sslrootcert=", "sslmode=verify-ca", "sslmode=verify-full"];
    if let Some(option) =
        options.split('&').find(|option| unknown.iter().any(|unknown| option.starts_with(unknown)))
    {
        return Err(Exit::Usage.error(format!(
            "TENANT_DATABASE_TEMPLATE has {option}, which Spin does not support. Use sslmode=require, which verifies the \
             certificate and the name, and {POSTGRES_ROOTS} for a root certificate"
        )));
    }
    let address = format!("postgres://localhost/x?{options}");
    check_postgres(&address, postgres)
        .map_err(|error| Exit::Usage.error(format!("TENANT_DATABASE_TEMPLATE {error}")))?;
    check_redis(settings.redis_url().expose(), roots.redis.as_deref())
        .map_err(|error| Exit::Usage.error(format!("REDIS_URL {error}")))
}

/// Returns the files with root certificates to trust instead of those of the system.
pub fn root_files() -> RootFiles {
    let file = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    RootFiles { postgres: file(POSTGRES_ROOTS), redis: file(REDIS_ROOTS) }
}

/// Returns a client for sessions that are not shared.
pub fn sql() -> NativeSql {
    NativeSql::new(root_files().postgres)
}

/// Returns the service with the settings and the platform of this machine.
pub fn context() -> Result<Context> {
    let settings = settings()?;
    let context = Context::new(platform(&settings), settings)?;
    let context = context.with_statement_deadline(STATEMENT_DEADLINE);
    // Standard output has only the result.
    log::use_standard_error(&context);
    Ok(context)
}

fn platform(settings: &Settings) -> Platform {
    Platform::native_trusting(settings.redis_url().expose().to_owned(), root_files())
}

/// Returns the service, for a change or for its dry run.
pub fn context_for(is_dry_run: bool) -> Result<Rc<Context>> {
    if !is_dry_run {
        return Ok(Rc::new(context()?));
    }
    let settings = settings()?;
    let sql = Rc::new(RolledBackSql::new(sql()));
    let platform = dry_run::platform(platform(&settings), Rc::clone(&sql));
    let context = Context::of_dry_run(platform, settings)?;
    context.state_from(|| dry_run::Transactions(sql));
    log::use_standard_error(&context);
    Ok(Rc::new(context))
}

/// Returns the actor of changes for the audit trail: the account on this machine.
pub fn actor() -> Actor {
    let name = ["SUDO_USER", "USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(|variable| env::var(variable).ok().filter(|name| !name.is_empty()));
    let name: Option<String> =
        name.map(|name| name.chars().filter(|char| !char.is_control()).take(64).collect());
    Actor::command_line(name.as_deref())
}
