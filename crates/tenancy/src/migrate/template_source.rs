//! The database that a new template database is copied from.

use platform::sql::Connection;
use uuid::Uuid;

use super::{SEARCH_PATH, TENANT, base_name, exists, newest};
use crate::{context::Context, error::Result};

/// The database that a new template database is copied from.
pub(super) enum TemplateSource {
    /// The template database of another version of the service, with the application's tables.
    Template(String),
    /// A database without tables of the service.
    Empty(String),
}

/// Returns the source of the template database `new`. The service cannot create the application's tables, because their
/// files run with `tenantctl` only. So it copies the template database that has them, if there is an older one on the
/// cluster. After a return to an older version of the service, `tenantctl app migrate` runs the files again.
///
/// `id` is the id of the cluster, if the catalog has it.
pub(super) async fn find(
    context: &Context,
    cluster: &dyn Connection,
    id: Option<Uuid>,
    new: &str,
) -> Result<TemplateSource> {
    let catalog = context.catalog().await?;
    let statement = "SELECT template_name FROM app_template WHERE cluster_id = $1";
    let row = catalog.query_first(statement, &[id.into()]).await?;
    if let Some(row) = row {
        let name: String = row.get("template_name")?;
        if is_older(&name) && exists(cluster, &name).await? {
            return Ok(TemplateSource::Template(name));
        }
    }
    // The template database was dropped, or new tenants have another cluster. The record of its application's tables is
    // invalid, and without it `tenantctl app migrate` runs the files.
    let forget = "DELETE FROM app_template WHERE template_name = $1 AND cluster_id = $2";
    catalog.execute(forget, &[new.into(), id.into()]).await?;
    let base = base_name(context);
    let base = if exists(cluster, &base).await? { base } else { "template0".to_owned() };
    Ok(TemplateSource::Empty(base))
}

/// Returns whether the schema of a template database can be migrated to the newest version.
fn is_older(template: &str) -> bool {
    let version = template.rsplit_once("_v").and_then(|(_, version)| version.parse().ok());
    version.is_some_and(|version: i32| version < newest(TENANT))
}

impl TemplateSource {
    /// Returns the name of the database.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Template(name) | Self::Empty(name) => name,
        }
    }

    /// Returns the statement that lets the migrations find the tables in a copy, which does not have the settings of its
    /// source. `copy` is quoted.
    pub(super) fn search_path(&self, copy: &str) -> String {
        match self {
            Self::Template(_) => format!("ALTER DATABASE {copy} {SEARCH_PATH};"),
            Self::Empty(_) => String::new(),
        }
    }

    /// Records that the new template database has the application's tables. Under a crash before this, the next run of
    /// `tenantctl app migrate` migrates the template database, in which no file is left to run.
    pub(super) async fn record(
        &self,
        context: &Context,
        id: Option<Uuid>,
        template: &str,
    ) -> Result<()> {
        if let Self::Template(source) = self {
            let statement = "UPDATE app_template SET template_name = $1
                             WHERE template_name = $2 AND cluster_id = $3";
            let catalog = context.catalog().await?;
            let parameters = [template.into(), source.as_str().into(), id.into()];
            catalog.execute(statement, &parameters).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_older_template_is_copied() {
        let newest = newest(TENANT);
        assert!(is_older(&format!("tenancy_tenant_v{}", newest - 1)));
        for name in
            [format!("tenancy_tenant_v{newest}"), format!("a_v{}", newest + 1), "a".to_owned()]
        {
            assert!(!is_older(&name), "{name}");
        }
    }
}
