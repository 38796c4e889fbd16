//! `tenantctl doctor`

mod applications;
mod calls;
mod clusters;
mod connections;
mod eviction;

use anyhow::{Context as _, Result, bail};
use platform::sql::Connection;
use serde_json::json;
use tenancy::{
    Context, audit,
    bundle::import,
    lifecycle::{creation, isolation},
    migrate,
    reseal::{self, Survey},
    storage::orphans,
    tenant::{
        moves,
        repo::{self, sealed},
    },
    version_cache::queue,
};
use url::Url;

use crate::{environment, output};

/// The options of `doctor`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Checks only the settings, without connecting to a store.
    #[arg(long)]
    settings: bool,
}

/// The oldest supported PostgreSQL version, as `server_version_num`.
const POSTGRESQL: i32 = 150_000;
/// The oldest supported major version of Redis.
const REDIS: u32 = 7;

/// Checks the settings and the stores. Each finding prints a line. The command fails if a finding is bad.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context()?;
    show("ok", "settings", "");
    let mut bad = 0;
    let mut report = |name: &str, finding: Result<Finding>| match finding {
        Ok(Finding::Good(text)) => show("ok", name, &text),
        Ok(Finding::Doubtful(text)) => show("note", name, &text),
        Err(error) => {
            bad += 1;
            show("bad", name, &format!("{error:#}"));
        }
    };
    report("mail", calls::check_mail(&context.settings));
    report("breached passwords", Ok(calls::check_breached_passwords(&context.settings)));
    if !arguments.settings {
        report("catalog", check_catalog(&context).await);
        for (name, finding) in clusters::check(&context).await {
            report(&name, finding);
        }
        report("applications", applications::check(&context).await);
        report("connections", connections::check(&context).await);
        report("isolation", check_isolation(&context).await);
        report("master key", check_master_key(&context).await);
        report("redis", check_redis(&context).await);
        report("redis memory", eviction::check(&context).await);
        report("waiting work", check_waiting(&context).await);
    }
    match bad {
        0 => Ok(()),
        1 => bail!("1 check failed"),
        more => bail!("{more} checks failed"),
    }
}

/// Prints a finding: a line, or a document with `status`, `check` and `detail`.
fn show(status: &str, check: &str, detail: &str) {
    if output::is_json() {
        let line = json!({ "status": status, "check": check, "detail": detail });
        return output::line(&line.to_string());
    }
    let separator = if detail.is_empty() { "" } else { ": " };
    output::line(&format!("{status:6}{check}{separator}{detail}"));
}

enum Finding {
    Good(String),
    Doubtful(String),
}

async fn check_catalog(context: &Context) -> Result<Finding> {
    let catalog = context.catalog().await?;
    let version = server_version(&*catalog).await?;
    if version < POSTGRESQL {
        bail!("PostgreSQL {} is older than 15", version / 10_000);
    }
    let (has, wants) = (migrate::version(&*catalog).await?, migrate::newest(migrate::CATALOG));
    if has < wants {
        bail!("the schema has version {has} instead of {wants}: run tenantctl migrate");
    }
    Ok(Finding::Good(format!("PostgreSQL {}, schema {has}", version / 10_000)))
}

/// The maximum number of defects on one line.
const MOST_NAMED: usize = 5;

/// Checks that each tenant's role can connect only to its own database, and that no other tenant's role can connect to
/// it. Covers all clusters with tenants and all tenant databases.
async fn check_isolation(context: &Context) -> Result<Finding> {
    let catalog = context.catalog().await?;
    let rows = repo::list_with_database(&*catalog).await?;
    let tenants = rows.items;
    let mut open = Vec::new();
    let master = &context.settings.master_database_url;
    let clusters = isolation::clusters(context, &tenants).await?;
    for cluster in &clusters {
        let place = format!("{}:{}", cluster.host, cluster.port);
        let names = isolation::list_open_databases(context, cluster).await;
        let names = names.with_context(|| format!("the cluster {place}"))?;
        let is_master = (&master.host, master.port) == (&cluster.host, cluster.port);
        if is_master && names.contains(&master.database) {
            bail!(
                "PUBLIC can connect to the catalog: REVOKE CONNECT ON DATABASE {} FROM PUBLIC",
                master.database
            );
        }
        open.extend(names.into_iter().map(|name| format!("{name} at {place}")));
    }
    let mut defects = Vec::new();
    for tenant in &tenants {
        match isolation::list_defects(context, tenant).await {
            Ok(found) => {
                defects
                    .extend(found.into_iter().map(|defect| format!("{}: {defect}", tenant.slug)));
            }
            // A tenant may be deleted meanwhile.
            Err(error) => match repo::find(&*catalog, tenant.id).await? {
                Some(found) if found.status == tenant.status => {
                    defects.push(format!("{}: not checked: {error}", tenant.slug));
                }
                _ => {}
            },
        }
    }
    defects.extend(rows.unreadable.iter().map(|row| format!("not checked: {row}")));
    if !defects.is_empty() {
        let count = defects.len();
        defects.truncate(MOST_NAMED);
        let rest = count - defects.len();
        let rest = if rest > 0 { format!("; and {rest} more") } else { String::new() };
        bail!(
            "{}{rest}. Run tenantctl migrate, then revoke the privileges that remain",
            defects.join("; ")
        );
    }
    Ok(if open.is_empty() {
        Finding::Good(format!(
            "each tenant's role can connect only to its own database (tenants: {}, clusters: {})",
            tenants.len(),
            clusters.len()
        ))
    } else {
        Finding::Doubtful(format!(
            "PUBLIC, and thus each tenant's role, can connect to {}: REVOKE CONNECT ... FROM PUBLIC",
            open.join(", ")
        ))
    })
}

async fn check_master_key(context: &Context) -> Result<Finding> {
    let Survey { current, others, unknown, unbound, unknown_anchors, unknown_trails } =
        reseal::survey(context).await?;
    if unknown > 0 {
        bail!(
            "{unknown} sealed values cannot be unsealed with MASTER_ENCRYPTION_KEY or MASTER_DECRYPTION_KEYS: add the \
             key that sealed them"
        );
    }
    let all = current + others;
    let mut notes = Vec::new();
    if others > 0 {
        notes.push(format!(
            "{others} of {all} sealed values are not sealed with the current key: run tenantctl reseal"
        ));
    }
    if unbound > 0 {
        notes.push(format!(
            "{unbound} database passwords are not bound to a location: run tenantctl reseal when all instances are up \
             to date"
        ));
    }
    if unknown_anchors > 0 {
        notes.push(format!(
            "{unknown_anchors} audit anchors match no configured key: run tenantctl audit verify"
        ));
    }
    if unknown_trails > 0 {
        notes.push(format!(
            "the first rows of {unknown_trails} audit trails match no configured key and have no voucher: run \
             tenantctl audit verify"
        ));
    }
    Ok(if notes.is_empty() {
        Finding::Good(format!("all of {all} sealed values are sealed with the current key"))
    } else {
        Finding::Doubtful(notes.join("; "))
    })
}

/// Counts the unfinished work of crashes and outages, which the service or `repair` finishes.
async fn check_waiting(context: &Context) -> Result<Finding> {
    const MINUTES: i64 = 5;
    let catalog = context.catalog().await?;
    let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let copies = clusters::count_copies(context).await?;
    let waiting = [
        ("unfinished tenants", count(creation::list_unfinished(&*catalog, MINUTES).await?.len())),
        ("unfinished destructions", count(repo::list_deleting(&*catalog, MINUTES).await?.len())),
        ("unfinished imports and restores", count(import::list(&*catalog).await?.len())),
        ("unfinished password rotations", count(sealed::list_rotations(&*catalog).await?.len())),
        ("unfinished moves", count(moves::list_abandoned(&*catalog).await?.len())),
        ("changes that have not reached Redis", queue::count(&*catalog).await?),
        ("files of destroyed tenants", orphans::count(&*catalog).await?),
        ("audit events of the catalog", audit::count_waiting(&*catalog).await?),
    ];
    let waiting: Vec<_> = waiting
        .into_iter()
        .chain(copies)
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    Ok(if waiting.is_empty() {
        Finding::Good("none".to_owned())
    } else {
        Finding::Doubtful(format!("{}: run tenantctl repair", waiting.join(", ")))
    })
}

async fn check_redis(context: &Context) -> Result<Finding> {
    let reply = context.platform.redis.execute("INFO", &["server".into()]).await?;
    let info = reply.first().and_then(|reply| reply.as_bytes()).unwrap_or_default();
    let info = String::from_utf8_lossy(info);
    let version = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"))
        .context("the version is missing in the reply")?;
    let major: u32 = version.split('.').next().unwrap_or_default().parse()?;
    if major < REDIS {
        bail!("Redis {version} is older than {REDIS}");
    }
    Ok(if has_password(context.settings.redis_url().expose()) {
        Finding::Good(format!("Redis {version}"))
    } else {
        Finding::Doubtful(format!(
            "Redis {version} requires no password: anyone with write access can make revoked credentials valid again. \
             Set requirepass or an ACL, and REDIS_URL"
        ))
    })
}

async fn server_version(connection: &dyn Connection) -> Result<i32> {
    let statement = "SELECT current_setting('server_version_num')::integer AS version";
    let row = connection.query_first(statement, &[]).await?.context("no version")?;
    Ok(row.get("version")?)
}

/// Returns whether the URL of Redis has a password. A connected Redis requires it: Redis rejects unnecessary passwords.
fn has_password(url: &str) -> bool {
    let url = Url::parse(url).ok();
    url.as_ref().and_then(Url::password).is_some_and(|password| !password.is_empty())
}

#[cfg(test)]
mod tests {
    use super::has_password;

    #[test]
    fn redis_url_password_is_detected() {
        assert!(has_password("redis://:secret@cache:6379"));
        assert!(has_password("rediss://user:secret@cache:6379/1"));
        for url in ["redis://cache:6379", "redis://user@cache:6379", "redis://:@cache:6379"] {
            assert!(!has_password(url), "{url}");
        }
    }
}
