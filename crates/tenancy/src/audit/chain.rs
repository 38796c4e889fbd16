//! The chain: each row of the trail has a MAC of itself and of the previous row.
//!
//! A row is chained with the current master key. Rows of a former key are verified with that key, or by the digest of a
//! voucher ([`super::voucher`]), and the first row of a later key covers them. An attacker with a former key and write
//! access to the catalog can truncate a trail and continue it with that key, until the key is removed from every
//! instance. The daily anchors ([`super::anchoring`]), and a `head` that was stored elsewhere, reveal this.

use platform::sql::{Connection, Statement};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{
    forgery::{self, Report},
    sorter::Sorter,
};
use crate::{
    audit::rows::head,
    context::Context,
    error::{Error, Result},
    event::{
        content, name,
        outbox::{self, Rows},
    },
    tenant::TenantDb,
};

/// The maximum number of attempts of a call. Another attempt follows if another call was faster, and after forged rows,
/// which must not delay the events behind them.
const TURNS: u32 = 8;

/// The result of moving the rows of outboxes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The number of events that were moved to the end of the chain.
    pub chained: u64,
    /// The number of forged rows that were removed.
    pub forged: u64,
}

impl Moved {
    pub(super) fn is_nothing(self) -> bool {
        self == Self::default()
    }

    pub(super) fn add(&mut self, more: Self) {
        self.chained += more.chained;
        self.forged += more.forged;
    }
}

/// Moves entries from the catalog's outbox, and from the outbox of a tenant's database, to the end of the chain, the
/// oldest first. Removes forged rows and reports them in the platform's chain.
pub(super) async fn extend(
    context: &Context,
    tenant: Option<Uuid>,
    database: Option<&TenantDb>,
) -> Result<Moved> {
    let catalog = context.catalog().await?;
    let mut moved = Moved::default();
    for _ in 0..TURNS {
        let shared = outbox::list(&*catalog, Rows::Of(tenant)).await?;
        let own = match database {
            // Includes the rows that name another chain: they are forged.
            Some(database) => outbox::list(database.connection(), Rows::All).await?,
            None => Vec::new(),
        };
        if shared.is_empty() && own.is_empty() {
            break;
        }
        let mut sorter = Sorter::new(context, &*catalog, tenant);
        let shared = sorter.sort(shared).await?;
        let own = sorter.sort(own).await?;
        let forged =
            forgery::remove(context, &*catalog, tenant, database, &shared.forged, &own.forged)
                .await?;
        moved.forged += forged;
        let own_ids: Vec<Uuid> = own.entries.iter().map(|entry| entry.0).collect();
        let mut entries = shared.entries;
        entries.extend(own.entries);
        entries.sort_by_key(|entry| entry.0);
        let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let is_appended = count > 0 && append(context, &*catalog, tenant, entries).await?;
        if is_appended {
            if let (Some(database), false) = (database, own_ids.is_empty()) {
                outbox::delete(database.connection(), &own_ids).await?;
            }
            moved.chained += count;
        }
        if forged == 0 && is_appended {
            break;
        }
    }
    if moved.forged > 0 && forgery::report(context, &*catalog, tenant, Report::IfDue).await? {
        // Extends the platform's chain. The recursion ends, because no row is forged there any longer.
        Box::pin(extend(context, None, None)).await?;
    }
    Ok(moved)
}

/// Chains entries in one statement. Returns `false` and writes nothing if the chain has grown in the meantime.
async fn append(
    context: &Context,
    catalog: &dyn Connection,
    tenant: Option<Uuid>,
    mut entries: Vec<(Uuid, Json)>,
) -> Result<bool> {
    let ids: Vec<Uuid> = entries.iter().map(|entry| entry.0).collect();
    let chain = tenant.unwrap_or(Uuid::nil());
    let (mut sequence, mut mac) = head(catalog, chain).await?;
    let expected = sequence;
    let known = known(catalog, tenant, &entries).await?;
    entries.retain(|entry| !known.chained.contains(&entry.0));
    for (_, entry) in &mut entries {
        // A request that was in progress during the erasure of its user.
        if people(entry).any(|user| known.erased.iter().any(|erased| erased == user)) {
            (entry["address"], entry["user_agent"]) = (Json::Null, Json::Null);
        }
    }
    let mut rows = Vec::with_capacity(entries.len());
    for (id, entry) in entries {
        sequence += 1;
        mac = context
            .master_key
            .audit_mac(&mac, &content::content(tenant, sequence, id, &entry))?
            .to_vec();
        let mut row = entry;
        row["id"] = json!(id);
        row["sequence"] = json!(sequence);
        row["mac"] = json!(base16ct::lower::encode_string(&mac));
        rows.push(row);
    }
    if rows.is_empty() {
        // All of them were chained before, so they only need to be removed from the outbox.
        mac = vec![0; 32];
    }
    let statement = "
        WITH rows AS (
            SELECT * FROM jsonb_to_recordset(:rows) AS r (
                id uuid, sequence bigint, event text, severity text, result text, actor_type text,
                actor_id text, resource_type text, resource_id text, address text,
                user_agent text, request_id text, detail jsonb, mac text, created_at timestamptz)
        ), head AS (
            INSERT INTO tenant_audit_heads AS h (chain, sequence, mac)
            SELECT :chain::uuid, :sequence::bigint, :mac::bytea WHERE EXISTS (SELECT FROM rows)
            ON CONFLICT (chain) DO UPDATE SET sequence = excluded.sequence, mac = excluded.mac
            WHERE h.sequence = :expected
            RETURNING 1
        ), extended AS (
            SELECT 1 FROM head UNION ALL SELECT 1 WHERE NOT EXISTS (SELECT FROM rows)
        ), inserted AS (
            INSERT INTO tenant_audit_logs
                (id, tenant_id, sequence, event, severity, result, actor_type, actor_id,
                 resource_type, resource_id, address, user_agent, request_id, detail, mac,
                 created_at)
            SELECT id, :tenant::uuid, sequence, event, severity, result, actor_type, actor_id,
                   resource_type, resource_id, address, user_agent, request_id, detail,
                   decode(mac, 'hex'), created_at
            FROM rows WHERE EXISTS (SELECT FROM extended)
        ), taken AS (
            DELETE FROM audit_outbox
            WHERE id = ANY(:ids::text[]::uuid[]) AND EXISTS (SELECT FROM extended)
        )
        SELECT 1 FROM extended";
    let statement = Statement::new(statement)
        .bind("chain", chain)
        .bind("sequence", sequence)
        .bind("mac", mac)
        .bind("expected", expected)
        .bind("rows", Json::Array(rows))
        .bind("tenant", tenant)
        .bind("ids", outbox::texts(&ids));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Facts of the trail about new entries.
struct Known {
    /// The entries that are in the trail already.
    chained: Vec<Uuid>,
    /// The users of the entries who were erased.
    erased: Vec<String>,
}

async fn known(
    catalog: &dyn Connection,
    tenant: Option<Uuid>,
    entries: &[(Uuid, Json)],
) -> Result<Known> {
    let statement = format!(
        "SELECT id::text AS id, false AS is_user FROM tenant_audit_logs
         WHERE created_at >= $1::text::timestamptz AND id = ANY($2::text[]::uuid[])
         UNION ALL
         SELECT DISTINCT resource_id, true FROM tenant_audit_logs
         WHERE tenant_id = $3::uuid AND event = '{}' AND resource_id = ANY($4::text[])",
        name::USER_ERASED
    );
    let oldest = entries.iter().filter_map(|entry| entry.1["created_at"].as_str()).min();
    let ids: Vec<_> = entries.iter().map(|entry| entry.0).collect();
    let mut users: Vec<_> =
        entries.iter().flat_map(|entry| people(&entry.1)).map(str::to_owned).collect();
    users.sort_unstable();
    users.dedup();
    let parameters = [oldest.into(), outbox::texts(&ids).into(), tenant.into(), users.into()];
    let mut known = Known { chained: Vec::new(), erased: Vec::new() };
    for row in catalog.query(&statement, &parameters).await? {
        let id: String = row.get("id")?;
        if row.get("is_user")? {
            known.erased.push(id);
        } else {
            known.chained.push(id.parse().map_err(Error::internal)?);
        }
    }
    Ok(known)
}

/// Returns the users whose own request an entry may record.
fn people(entry: &Json) -> impl Iterator<Item = &str> {
    let (by, about) = match entry["actor_type"].as_str() {
        Some("user") => (entry["actor_id"].as_str(), None),
        Some("anonymous") if entry["resource_type"] == "user" => {
            (None, entry["resource_id"].as_str())
        }
        _ => (None, None),
    };
    by.into_iter().chain(about)
}
