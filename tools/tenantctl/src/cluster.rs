//! `tenantctl cluster`

use std::io::Read as _;

use anyhow::{Context as _, Result};
use serde_json::json;
use tenancy::{
    Context,
    database_location::PublicHost,
    event::Actor,
    input::Text as _,
    lifecycle::clusters::{self, NewCluster},
    tenant::cluster::{self, Cluster, ClusterName},
};

use crate::{environment, exit::Exit, output};

/// The operations on clusters.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Adds a cluster, and builds its template database. Repeated for the same address, replaces the template.
    Add(Add),
    /// Lists the clusters with their weights and the numbers of their tenants.
    List(List),
    /// Stops the placement of new tenants on a cluster.
    Drain(Named),
    /// Allows the placement of new tenants on a cluster again.
    Undrain(Named),
    /// Changes the share of new tenants of a cluster.
    Weigh(Weigh),
    /// Removes a draining cluster without tenants.
    Remove(Named),
}

/// The options of `cluster add`.
#[derive(clap::Args)]
pub struct Add {
    /// The name of the cluster.
    #[arg(value_parser = ClusterName::parse)]
    name: ClusterName,
    /// The share of new tenants, relative to the other clusters. The default cluster has 100.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=1000))]
    weight: u32,
    /// The address for applications, with an optional port, such as that of a connection pool.
    #[arg(long, value_parser = PublicHost::parse)]
    public_host: Option<PublicHost>,
    /// Checks the server, and changes nothing.
    #[arg(long)]
    dry_run: bool,
}

/// The options of `cluster list`.
#[derive(clap::Args)]
pub struct List {
    /// Prints a line of JSON for each cluster.
    #[arg(long)]
    json: bool,
}

/// The options of operations on one cluster.
#[derive(clap::Args)]
pub struct Named {
    /// The name of the cluster.
    #[arg(value_parser = ClusterName::parse)]
    name: ClusterName,
    /// Shows the cluster, and changes nothing.
    #[arg(long)]
    dry_run: bool,
}

/// The options of `cluster weigh`.
#[derive(clap::Args)]
pub struct Weigh {
    #[command(flatten)]
    cluster: Named,
    /// The share of new tenants, from 0 to 1000.
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1000))]
    weight: u32,
}

/// Runs the command.
pub async fn run(command: &Command) -> Result<()> {
    let context = environment::context()?;
    match command {
        Command::Add(arguments) => add(&context, arguments).await,
        Command::List(arguments) => list(&context, arguments.json).await,
        Command::Drain(named) => drain(&context, named, true).await,
        Command::Undrain(named) => drain(&context, named, false).await,
        Command::Weigh(arguments) => weigh(&context, arguments).await,
        Command::Remove(named) => remove(&context, named).await,
    }
}

/// The variable with the template of `cluster add`. The template has a password, and command lines are visible.
const TEMPLATE: &str = "CLUSTER_DATABASE_TEMPLATE";
/// The maximum length of a template on standard input, in bytes.
const LONGEST: u64 = 4_096;

async fn add(context: &Context, arguments: &Add) -> Result<()> {
    let new = NewCluster {
        name: arguments.name.clone(),
        template: template()?,
        public_host: arguments.public_host.clone(),
        weight: arguments.weight,
    };
    if arguments.dry_run {
        let version = clusters::try_out(context, &new).await?;
        let line = json!({ "cluster": new.name, "postgresql": version, "usable": true });
        output::line(&line.to_string());
        return Ok(());
    }
    let added = clusters::add(context, &new, &Actor::system()).await?;
    let (host, port) = added.address.clone().context("an added cluster has an address")?;
    output::line(&json!({ "added_cluster": added.name, "host": host, "port": port }).to_string());
    output::note(&format!(
        "ALLOWED_POSTGRES_HOSTS of every host must allow postgres://{host}:{port}, and a change of it takes effect with a \
         restart. Until then, drain the cluster: new tenants on it would get 503. If the application has its own \
         tables, run tenantctl app migrate."
    ));
    Ok(())
}

/// Returns the template from the environment, or from standard input.
fn template() -> Result<String> {
    let template = match std::env::var(TEMPLATE) {
        Ok(text) => text,
        Err(_) => {
            let mut text = String::new();
            std::io::stdin().take(LONGEST).read_to_string(&mut text)?;
            text
        }
    };
    let template = template.trim().to_owned();
    if template.is_empty() {
        return Err(Exit::Usage.error(format!(
            "pass the template in {TEMPLATE} or on standard input, such as \
             postgres://account:password@db-2.internal:5432/tenant_{{tenant_id}}"
        )));
    }
    Ok(template)
}

async fn list(context: &Context, is_json: bool) -> Result<()> {
    for cluster in cluster::list(context).await? {
        let tenants = clusters::count_tenants(context, &cluster).await?;
        let location = cluster.location(context)?;
        let address = format!("{}:{}", location.host, location.port);
        let Cluster { name, weight, is_draining, public_host, .. } = &cluster;
        let line = if is_json {
            json!({
                "cluster": name, "address": address, "weight": weight, "draining": is_draining,
                "public_host": public_host.as_ref().map(ToString::to_string), "tenants": tenants,
            })
            .to_string()
        } else {
            let state = if *is_draining { "draining" } else { "active" };
            format!("{name:<20} {address:<30} {state:<9} weight {weight:<5} tenants {tenants}")
        };
        output::line(&line);
    }
    Ok(())
}

async fn drain(context: &Context, named: &Named, is_draining: bool) -> Result<()> {
    if !shown(context, named).await? {
        clusters::set_draining(context, &named.name, is_draining, &Actor::system()).await?;
        let line = json!({ "cluster": named.name, "draining": is_draining });
        output::line(&line.to_string());
    }
    Ok(())
}

async fn weigh(context: &Context, arguments: &Weigh) -> Result<()> {
    let Weigh { cluster, weight } = arguments;
    if !shown(context, cluster).await? {
        clusters::set_weight(context, &cluster.name, *weight, &Actor::system()).await?;
        output::line(&json!({ "cluster": cluster.name, "weight": weight }).to_string());
    }
    Ok(())
}

async fn remove(context: &Context, named: &Named) -> Result<()> {
    if !shown(context, named).await? {
        clusters::remove(context, &named.name, &Actor::system()).await?;
        output::line(&json!({ "removed_cluster": named.name }).to_string());
    }
    Ok(())
}

/// Shows the cluster if this is a dry run, and returns whether it is one.
async fn shown(context: &Context, named: &Named) -> Result<bool> {
    if named.dry_run {
        let catalog = context.catalog().await?;
        let cluster = clusters::find(&*catalog, &named.name).await?;
        let tenants = clusters::count_tenants(context, &cluster).await?;
        let line = json!({
            "cluster": cluster.name, "weight": cluster.weight, "draining": cluster.is_draining,
            "tenants": tenants,
        });
        output::line(&line.to_string());
    }
    Ok(named.dry_run)
}
