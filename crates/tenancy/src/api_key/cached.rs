//! API keys in the version cache.

use uuid::Uuid;

use super::ApiKeyRecord;
use crate::{
    context::Context,
    crypto::{MasterKey, Purpose},
    error::Result,
    redis_key,
    version_cache::{Cached, Entry, Snapshot, seal},
};

impl Snapshot for ApiKeyRecord {
    const PURPOSE: Purpose = Purpose::ApiKeySnapshot;
    const LAYOUT: u32 = 0x7a4f_2f9a;

    fn version(&self) -> i64 {
        self.version
    }

    fn opens(&self, _: &MasterKey) -> bool {
        true
    }
}

impl Cached for ApiKeyRecord {
    fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// Returns one entry for each secret of the key.
    fn entries(&self, context: &Context) -> Result<Vec<Entry>> {
        let snapshot = seal(context, self.tenant, self)?;
        let secrets =
            [(Some(&self.hash), None), (self.previous_hash.as_ref(), self.previous_expires_at)];
        let entries = secrets.into_iter().filter_map(|(hash, previous_expiry)| {
            let expiry = [self.expires_at, previous_expiry].into_iter().flatten().min();
            let entry = Entry::bare(redis_key::api_key(self.tenant, hash?), self.version)
                .with_snapshot(snapshot.clone())
                .with_limits(self.max_requests_per_minute, self.max_requests_per_day)
                .with_key(self.id, expiry);
            Some(entry)
        });
        Ok(entries.collect())
    }
}
