//! Tenants in the version cache.

use uuid::Uuid;

use super::{Status, TenantRecord};
use crate::{
    context::Context,
    crypto::{MasterKey, Purpose, Sealed, Sealer},
    error::Result,
    redis_key,
    version_cache::{Cached, Entry, Snapshot, seal},
};

impl Snapshot for TenantRecord {
    const PURPOSE: Purpose = Purpose::TenantSnapshot;
    const LAYOUT: u32 = 0xbcac_d890;

    fn version(&self) -> i64 {
        self.version
    }

    fn opens(&self, key: &MasterKey) -> bool {
        let mut secrets = [&self.database_password, &self.data_key].into_iter().flatten();
        secrets.all(|Sealed(bytes)| key.sealer(bytes) != Sealer::Unknown)
    }
}

impl Cached for TenantRecord {
    fn tenant(&self) -> Uuid {
        self.id
    }

    fn entries(&self, context: &Context) -> Result<Vec<Entry>> {
        // A tenant that takes no requests has no limits: nothing is counted.
        let limits = (self.status == Status::Active).then_some(&self.limits);
        let entry = Entry::bare(redis_key::tenant(self.id), self.version)
            .with_snapshot(seal(context, self.id, self)?)
            .with_limits(
                limits.map(|limits| limits.requests_per_minute),
                limits.map(|limits| limits.api_calls),
            );
        Ok(vec![entry])
    }
}
