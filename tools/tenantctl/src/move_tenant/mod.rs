//! `tenantctl tenant move`

mod copy;
mod session;

use std::{
    path::PathBuf,
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use platform::sql::Connection;
use serde_json::json;
use tenancy::{
    Context,
    event::Actor,
    input::Text as _,
    lifecycle::{
        clusters,
        moving::{self, Begun, Moving},
    },
    tenant::{
        TenantRecord,
        cluster::{self, Cluster, ClusterName},
        moves::Step,
    },
};
use tokio::time::timeout;

use self::{
    copy::copy,
    session::{Session, difference},
};
use crate::{environment, exit::Exit, find, output, postgres::programs::Programs};

/// The options of `tenant move`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The name of the cluster. `default` is the cluster of `TENANT_DATABASE_TEMPLATE`.
    #[arg(long, value_parser = ClusterName::parse, required_unless_present = "cancel")]
    to: Option<ClusterName>,
    /// Ends an unfinished move: the tenant works where it was, or at the target if the copy was complete.
    #[arg(long, conflicts_with = "to")]
    cancel: bool,
    /// Cancels the move if writes would wait for longer than this number of seconds.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    max_pause: u64,
    /// The folder of `pg_dump` and `pg_restore`. The default is `PATH`, or the newest version of Debian's packages.
    #[arg(long)]
    pg_bin: Option<PathBuf>,
    /// Shows the expected pause, and changes nothing.
    #[arg(long)]
    dry_run: bool,
}

/// The expected seconds for the programs, the comparison and the switch of an empty database.
const EXPECTED_LEAST: i64 = 4;
/// The bytes per second that a copy is expected to reach.
const EXPECTED_RATE: i64 = 10_000_000;

/// The interval of the signs of life.
const BEAT: Duration = Duration::from_secs(1);

/// Moves the database of a tenant. Repeating the command after a crash finishes the move. Prints a line of JSON.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context()?;
    let tenant = find::tenant(&context, &arguments.tenant).await?;
    if tenant.database_password.is_none() {
        return Err(Exit::Conflict.error(format!("the tenant {} has no database", tenant.slug)));
    }
    let Some(to) = &arguments.to else { return cancel(&context, &tenant).await };
    let catalog = context.catalog().await?;
    let cluster = clusters::find(&*catalog, to).await.with_context(|| to.to_string())?;
    let target = cluster.location(&context)?;
    clusters::check(&context, &target).await?;
    let location = tenant.trusted_location(&context)?;
    let database = cluster::connect(&context, &location, Some(&location.name)).await?;
    let (bytes, source_version) = describe(&*database).await?;
    let (_, target_version) = describe(&*cluster::connect(&context, &target, None).await?).await?;
    let newest = source_version.max(target_version);
    let programs = Programs::find(arguments.pg_bin.as_deref(), newest)?;
    let is_there = (&location.host, location.port) == (&target.host, target.port);
    let expected = if is_there { 0 } else { EXPECTED_LEAST + bytes / EXPECTED_RATE };
    if arguments.dry_run {
        let line = json!({
            "tenant": tenant.slug, "cluster": to, "bytes": bytes, "expected_pause_seconds": expected,
        });
        output::line(&line.to_string());
        return Ok(());
    }
    if !is_there {
        output::note(&format!(
            "the database has {bytes} bytes. Writes will wait for about {expected} s, and database credentials end."
        ));
    }
    let moving = match moving::begin(&context, tenant.id, &cluster).await? {
        Begun::There => {
            output::line(&json!({ "moved_tenant": tenant.id, "cluster": to }).to_string());
            return Ok(());
        }
        Begun::Copy(moving) => moving,
    };
    let longest = Duration::from_secs(arguments.max_pause);
    let pause = match carry_out(&context, &moving, &programs, longest).await {
        Ok(pause) => pause,
        Err(error) => {
            let cancelled = moving.cancel(&context).await;
            cancelled.context("the move could not be cancelled: run tenantctl repair in 15 s")?;
            return Err(error.context(format!("the tenant {} was not moved", tenant.slug)));
        }
    };
    moving.finish(&context).await.context("the tenant works at the target. Repeat the command")?;
    report(&tenant, &cluster, pause, bytes);
    Ok(())
}

async fn cancel(context: &Context, tenant: &TenantRecord) -> Result<()> {
    if !moving::settle(context, tenant.id).await? {
        let text = format!("the tenant {} has no unfinished move", tenant.slug);
        return Err(Exit::NotFound.error(text));
    }
    output::line(&json!({ "ended_move_of_tenant": tenant.id }).to_string());
    Ok(())
}

/// Returns the size of a database in bytes, and the major version of its server.
async fn describe(database: &dyn Connection) -> Result<(i64, u32)> {
    let statement = "SELECT pg_database_size(current_database()) AS bytes,
                            current_setting('server_version_num')::integer / 10000 AS version";
    let row = database.query_first(statement, &[]).await?.context("the server returned no size")?;
    let version: i32 = row.get("version")?;
    Ok((row.get("bytes")?, u32::try_from(version)?))
}

/// Copies the database and lets the tenant work at the target. Returns the time for which writes waited.
async fn carry_out(
    context: &Context,
    moving: &Moving,
    programs: &Programs,
    longest: Duration,
) -> Result<Duration> {
    let preparation = async { Ok(moving.prepare(context).await?) };
    let preparing = async || Ok(moving.show_life(context, Step::Copying).await?);
    while_alive(preparation, &preparing).await.context("the target")?;
    let source_url = moving.source_url(context).await?;
    let (account_url, restorer_url) = moving.target_urls(context).await?;
    let source = Session::open(&source_url).await.context("the source")?;
    let begin = Instant::now();
    moving.pause(context).await?;
    let alive = async || -> Result<()> {
        if begin.elapsed() > longest {
            bail!("writes would wait for longer than {} s", longest.as_secs());
        }
        Ok(moving.show_life(context, Step::Paused).await?)
    };
    while_alive(source.lock_tables(), &alive).await.context("the locks of the source")?;
    // The account of the service never runs code of the application.
    let own = copy(programs, &["tenancy", "public"], &source_url, &account_url);
    while_alive(own, &alive).await?;
    while_alive(copy(programs, &["app"], &source_url, &restorer_url), &alive).await?;
    let target = Session::open(&account_url).await.context("the target")?;
    let before = while_alive(source.sums(), &alive).await?;
    let after = while_alive(target.sums(), &alive).await?;
    if let Some(difference) = difference(&before, &after) {
        bail!("the copy differs from the source: {difference}");
    }
    drop(target);
    alive().await?;
    moving.fence(context).await.context("the source")?;
    let _ = moving.switch(context, &Actor::system()).await.context("the switch")?;
    let pause = begin.elapsed();
    drop(source);
    Ok(pause)
}

/// Does work, and calls `alive` every second meanwhile. Its failure cancels the work.
async fn while_alive<T>(
    work: impl Future<Output = Result<T>>,
    alive: &impl AsyncFn() -> Result<()>,
) -> Result<T> {
    let mut work = pin!(work);
    loop {
        match timeout(BEAT, &mut work).await {
            Ok(outcome) => return outcome,
            Err(_) => alive().await?,
        }
    }
}

fn report(tenant: &TenantRecord, cluster: &Cluster, pause: Duration, bytes: i64) {
    let line = json!({
        "moved_tenant": tenant.id, "cluster": cluster.name, "bytes": bytes,
        "pause_milliseconds": u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
    });
    output::line(&line.to_string());
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn long_work_shows_signs_of_life() {
        let signs = Cell::new(0);
        let alive = async || -> Result<()> {
            signs.set(signs.get() + 1);
            Ok(())
        };
        let work = async {
            tokio::time::sleep(BEAT * 5 / 2).await;
            Ok(7)
        };
        assert_eq!(while_alive(work, &alive).await.unwrap(), 7);
        assert_eq!(signs.get(), 2);
        let taken_over = async || -> Result<()> { bail!("another process") };
        let endless = std::future::pending::<Result<()>>();
        assert!(while_alive(endless, &taken_over).await.is_err());
    }
}
