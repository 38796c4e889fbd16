//! Verification that the trail is unchanged since it was written: a walk along a chain, from its anchor to its end.

use platform::sql::{Connection, SCHEMA_DEADLINE, SqlError};
use uuid::Uuid;

use super::{
    anchoring, checkpoint, redaction,
    rows::{self, StoredRow},
    verification::{Extent, Link, Verification},
    voucher::{self, RowDigest, Span, Voucher},
};
use crate::{
    context::Context,
    crypto::AuditCheck,
    error::{Error, Result},
};

/// The length up to which a trail is always verified from its beginning, because that takes only a moment.
const ALWAYS_FULL: i64 = 10_000;
/// The time limit of a verification that can be continued.
const BUDGET_MICROS: u64 = 15_000_000;
/// The maximum number of walks of one verification.
const TURNS: u32 = 4;

/// The result of a walk along a chain.
pub(super) struct Examined {
    pub(super) found: Verification,
    /// The rows from the anchor to the end.
    pub(super) span: Span,
    /// Whether a row, or the voucher, needs a key other than the current one.
    pub(super) needs_another_key: bool,
    /// The revision of the chain.
    pub(super) revision: i64,
}

/// Verifies a chain from its anchor to its end; `None` is the platform's chain. If `expected` is given, a link that was
/// stored earlier, the chain must still contain it. It must also contain the links that were anchored in the platform's
/// chain.
pub async fn verify(
    context: &Context,
    tenant: Option<Uuid>,
    expected: Option<&Link>,
    extent: Extent,
) -> Result<Verification> {
    Ok(examine(context, tenant, expected, extent).await?.found)
}

/// Walks along a chain. An erasure may redact rows during the walk, so an error in a changed chain is not reliable, and
/// the walk begins again.
pub(super) async fn examine(
    context: &Context,
    tenant: Option<Uuid>,
    expected: Option<&Link>,
    extent: Extent,
) -> Result<Examined> {
    let catalog = match extent {
        Extent::Full => context.catalog_within(SCHEMA_DEADLINE).await?,
        Extent::SinceCheckpoint => context.catalog().await?,
    };
    let chain = tenant.unwrap_or(Uuid::nil());
    for _ in 0..TURNS {
        let revision = rows::revision(&*catalog, chain).await?;
        let examined = walk(context, &*catalog, tenant, revision, expected, extent).await?;
        if examined.found.valid || rows::revision(&*catalog, chain).await? == revision {
            return Ok(examined);
        }
    }
    Err(Error::unavailable("erasures change the audit trail; verify it again later"))
}

async fn walk(
    context: &Context,
    catalog: &dyn Connection,
    tenant: Option<Uuid>,
    revision: i64,
    expected: Option<&Link>,
    extent: Extent,
) -> Result<Examined> {
    let chain = tenant.unwrap_or(Uuid::nil());
    let (head_sequence, head_mac) = rows::head(catalog, chain).await?;
    let mut walk = Walk {
        context,
        catalog,
        tenant,
        chain,
        revision,
        extent,
        started: context.platform.clock.monotonic_micros(),
        check: context.master_key.audit_check(),
        needs_another_key: false,
        head: Link { sequence: head_sequence, mac: base16ct::lower::encode_string(&head_mac) },
        span: Span { after: 0, sequence: 0, mac: Vec::new(), digest: RowDigest::default() },
        begin: 0,
        voucher: None,
        expected: Vec::new(),
        found: Verification {
            valid: false,
            verified: 0,
            anchor: None,
            checkpoint: None,
            vouched: None,
            complete: true,
            head: None,
            broken_at: None,
            reason: None,
        },
    };
    walk.found.head = (head_sequence > 0).then(|| walk.head.clone());
    match walk.run(expected).await {
        Ok(()) => walk.found.valid = true,
        Err(Stop::OutOfTime) => {
            walk.found.valid = true;
            walk.found.complete = false;
        }
        Err(Stop::Broken(at, reason)) => {
            walk.found.broken_at = Some(at);
            walk.found.reason = Some(reason);
        }
        Err(Stop::Failed(error)) => return Err(error),
    }
    let Walk { found, span, needs_another_key, .. } = walk;
    Ok(Examined { found, span, needs_another_key, revision })
}

/// The reason why a walk ends before the end of the chain.
enum Stop {
    /// An error at a place, with its reason.
    Broken(i64, &'static str),
    /// The time limit is reached. The next verification continues from a checkpoint.
    OutOfTime,
    /// The chain could not be read.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Self {
        Self::Failed(error.into())
    }
}

/// A link that the chain must contain.
struct Expected {
    link: Link,
    /// The reason if another row has its place.
    changed: &'static str,
    /// The reason if the chain ends before it.
    missing: &'static str,
}

struct Walk<'a> {
    context: &'a Context,
    catalog: &'a dyn Connection,
    tenant: Option<Uuid>,
    chain: Uuid,
    revision: i64,
    extent: Extent,
    started: u64,
    check: AuditCheck<'a>,
    needs_another_key: bool,
    /// The end of the chain when the walk began.
    head: Link,
    /// The rows so far, from the anchor on.
    span: Span,
    /// The row after which the walk began.
    begin: i64,
    voucher: Option<Voucher>,
    expected: Vec<Expected>,
    found: Verification,
}

impl Walk<'_> {
    async fn run(&mut self, expected: Option<&Link>) -> Result<(), Stop> {
        self.begin_at_anchor().await?;
        self.find_expected(expected).await?;
        self.find_voucher().await?;
        self.go_on_from_checkpoint().await?;
        loop {
            self.take_time().await?;
            let rows = rows::page(self.catalog, self.tenant, self.span.sequence).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                self.step(row)?;
            }
            self.context.platform.executor.yield_now().await;
        }
        self.compare_end().await?;
        if self.is_long() && self.span.sequence > self.begin {
            self.store_checkpoint().await?;
        }
        Ok(())
    }

    async fn store_checkpoint(&self) -> Result<()> {
        let Self { context, catalog, chain, revision, span, .. } = self;
        checkpoint::store(context, *catalog, *chain, *revision, span).await
    }

    async fn begin_at_anchor(&mut self) -> Result<(), Stop> {
        let Some(anchor) = rows::anchor(self.catalog, self.chain).await? else { return Ok(()) };
        if !self.check.is_anchor(self.chain, anchor.sequence, &anchor.mac, &anchor.seal)? {
            let reason = "the anchor was not sealed by this service, or its master key is no longer configured";
            return Err(Stop::Broken(anchor.sequence, reason));
        }
        // The seal of an anchor does not matter here, because `reseal` renews it separately.
        self.check.take_has_used_another();
        self.found.anchor = Some(link(anchor.sequence, &anchor.mac));
        self.span.after = anchor.sequence;
        self.span.sequence = anchor.sequence;
        self.span.mac = anchor.mac;
        self.begin = anchor.sequence;
        Ok(())
    }

    async fn find_expected(&mut self, kept: Option<&Link>) -> Result<(), Stop> {
        let missing = "rows at the end are missing";
        self.expected.extend(kept.map(|link| Expected {
            link: link.clone(),
            changed: "the row differs from the expected link",
            missing,
        }));
        let anchored = anchoring::links(self.catalog, self.chain).await?;
        self.expected.extend(anchored.into_iter().map(|link| Expected {
            link,
            changed: "the row differs from the link that was anchored in the platform's trail",
            missing: "rows that were anchored in the platform's trail are missing at the end",
        }));
        // Links of dropped rows can no longer be checked.
        let after = self.span.after;
        self.expected.retain(|expected| expected.link.sequence > after);
        Ok(())
    }

    async fn find_voucher(&mut self) -> Result<(), Stop> {
        let Some(voucher) = voucher::find(self.catalog, self.chain).await? else { return Ok(()) };
        let span = &voucher.span;
        if !voucher.is_sealed(&mut self.check, self.chain)? {
            let reason = "the voucher was not sealed by this service, or its master key is no longer configured";
            return Err(Stop::Broken(span.sequence, reason));
        }
        // Any other voucher covers rows that were dropped since. Each row is then verified with its key.
        if span.after == self.span.after {
            self.needs_another_key |= self.check.take_has_used_another();
            self.found.vouched = Some(link(span.sequence, &span.mac));
            self.voucher = Some(voucher);
        }
        self.check.take_has_used_another();
        Ok(())
    }

    async fn go_on_from_checkpoint(&mut self) -> Result<(), Stop> {
        if self.extent == Extent::Full || !self.is_long() {
            return Ok(());
        }
        let found = checkpoint::find(self.context, self.catalog, self.chain, self.revision).await?;
        let Some(found) = found.filter(|found| found.after == self.span.after) else {
            return Ok(());
        };
        let kept = self.expected.iter().filter(|kept| kept.link.sequence < found.sequence);
        let mut known: Vec<(i64, Vec<u8>, &'static str)> = Vec::new();
        for Expected { link, changed, .. } in kept {
            // A MAC that is not hexadecimal matches no row.
            known.push((
                link.sequence,
                base16ct::mixed::decode_vec(&link.mac).unwrap_or_default(),
                changed,
            ));
        }
        let changed = "the row has changed since it was verified";
        known.push((found.sequence, found.mac.clone(), changed));
        for (sequence, mac, changed) in known {
            if !rows::has_link(self.catalog, self.tenant, sequence, &mac).await? {
                return Err(Stop::Broken(sequence, changed));
            }
        }
        self.found.checkpoint = Some(link(found.sequence, &found.mac));
        self.begin = found.sequence;
        self.span = found;
        Ok(())
    }

    /// Ends the walk when the time limit is reached, if another call can continue it.
    async fn take_time(&self) -> Result<(), Stop> {
        let now = self.context.platform.clock.monotonic_micros();
        let is_over = now.saturating_sub(self.started) > BUDGET_MICROS;
        let can_be_continued = self.extent == Extent::SinceCheckpoint && self.is_long();
        if is_over && can_be_continued && self.span.sequence > self.begin {
            self.store_checkpoint().await?;
            return Err(Stop::OutOfTime);
        }
        Ok(())
    }

    /// Verifies the next row.
    fn step(&mut self, row: StoredRow) -> Result<(), Stop> {
        let sequence = row.event.sequence;
        if sequence != self.span.sequence + 1 {
            let at = self.span.sequence + 1;
            return Err(Stop::Broken(at, "a row is missing or duplicated"));
        }
        self.span.digest.add(&row.content(), &row.mac);
        match self.voucher.as_ref().map(|voucher| &voucher.span) {
            Some(vouched) if sequence < vouched.sequence => {}
            Some(vouched) if sequence == vouched.sequence => {
                if (&vouched.digest, &vouched.mac) != (&self.span.digest, &row.mac) {
                    let reason = "a row up to this one was changed since the voucher was made";
                    return Err(Stop::Broken(sequence, reason));
                }
            }
            _ => {
                if !redaction::is_intact(&mut self.check, self.chain, &self.span.mac, &row)? {
                    let reason = "the row was changed, or its master key is no longer configured";
                    return Err(Stop::Broken(sequence, reason));
                }
                self.needs_another_key |= self.check.take_has_used_another();
            }
        }
        self.span.mac = row.mac;
        self.span.sequence = sequence;
        self.found.verified += 1;
        let own = base16ct::lower::encode_string(&self.span.mac);
        let is_other = |kept: &&Expected| kept.link.sequence == sequence && kept.link.mac != own;
        match self.expected.iter().find(is_other) {
            Some(expected) => Err(Stop::Broken(sequence, expected.changed)),
            None => Ok(()),
        }
    }

    async fn compare_end(&self) -> Result<(), Stop> {
        let Span { after, sequence, mac, .. } = &self.span;
        let (after, sequence) = (*after, *sequence);
        if rows::count(self.catalog, self.tenant, 0, after).await? > 0 {
            return Err(Stop::Broken(after, "a row exists in the range that was dropped"));
        }
        let count = rows::count(self.catalog, self.tenant, self.begin, sequence).await?;
        if count != self.found.verified {
            return Err(Stop::Broken(sequence, "a row is duplicated"));
        }
        let vouched = self.voucher.as_ref().map_or(0, |voucher| voucher.span.sequence);
        if sequence < self.head.sequence || sequence < vouched {
            return Err(Stop::Broken(sequence + 1, "rows at the end are missing"));
        }
        // A row may have been added since the head was read.
        if sequence == self.head.sequence && base16ct::lower::encode_string(mac) != self.head.mac {
            return Err(Stop::Broken(sequence, "the end of the chain was changed"));
        }
        match self.expected.iter().find(|expected| expected.link.sequence > sequence) {
            Some(expected) => Err(Stop::Broken(expected.link.sequence, expected.missing)),
            None => Ok(()),
        }
    }

    /// Returns whether the chain is long enough for checkpoints.
    fn is_long(&self) -> bool {
        self.head.sequence.max(self.span.sequence) - self.span.after > ALWAYS_FULL
    }
}

fn link(sequence: i64, mac: &[u8]) -> Link {
    Link { sequence, mac: base16ct::lower::encode_string(mac) }
}
