//! Sealed snapshots of tenants and API keys in Redis. They let a verified request do without SQL.

#[cfg(test)]
mod tests;

use std::rc::Rc;

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::known::Known;
use crate::{
    api_key::ApiKeyRecord,
    crypto::{MasterKey, Purpose, Sealed, Sealer},
    error::{Error, Result},
    tenancy::Tenancy,
    tenant::TenantRecord,
};

/// A record that Redis stores sealed, so that write access to Redis does not allow forging a tenant or a key.
pub(super) trait Snapshot: Serialize + DeserializeOwned {
    const PURPOSE: Purpose;
    /// The prefix of a snapshot, which identifies the layout of its members. The members have no names, and another
    /// version of this program may order them differently. A test ensures that each layout has its own value.
    const LAYOUT: u32;

    fn version(&self) -> i64;

    /// Returns whether this key can unseal the secrets in the record.
    fn opens(&self, key: &MasterKey) -> bool;
}

impl Snapshot for TenantRecord {
    const PURPOSE: Purpose = Purpose::TenantSnapshot;
    const LAYOUT: u32 = 0x460a_0ad6;

    fn version(&self) -> i64 {
        self.version
    }

    fn opens(&self, key: &MasterKey) -> bool {
        let mut secrets = [&self.database_password, &self.data_key].into_iter().flatten();
        secrets.all(|Sealed(bytes)| key.sealer(bytes) != Sealer::Unknown)
    }
}

impl Snapshot for ApiKeyRecord {
    const PURPOSE: Purpose = Purpose::ApiKeySnapshot;
    const LAYOUT: u32 = 0x1f5e_2a0c;

    fn version(&self) -> i64 {
        self.version
    }

    fn opens(&self, _: &MasterKey) -> bool {
        true
    }
}

/// Seals a snapshot for Redis.
pub(super) fn seal<T: Snapshot>(tenancy: &Tenancy, tenant: Uuid, snapshot: &T) -> Result<Sealed> {
    let plain = encode(snapshot)?;
    tenancy.master_key.seal(T::PURPOSE, tenant, &plain, &*tenancy.platform.random)
}

/// Encodes a snapshot as `MessagePack` without member names. With many tenants, each instance decodes many snapshots.
fn encode<T: Snapshot>(snapshot: &T) -> Result<Vec<u8>> {
    let mut plain = T::LAYOUT.to_be_bytes().to_vec();
    rmp_serde::encode::write(&mut plain, snapshot).map_err(Error::internal)?;
    Ok(plain)
}

fn open<T: Snapshot>(tenancy: &Tenancy, tenant: Uuid, sealed: &Sealed) -> Option<T> {
    let plain = tenancy.master_key.open(T::PURPOSE, tenant, sealed).ok()?;
    let snapshot: T = rmp_serde::from_slice(plain.strip_prefix(&T::LAYOUT.to_be_bytes())?).ok()?;
    snapshot.opens(&tenancy.master_key).then_some(snapshot)
}

/// Returns the snapshot of the version in Redis, either from Redis or from the instance's own copy.
pub(super) fn remembered<T: Snapshot>(
    tenancy: &Tenancy,
    tenant: Uuid,
    known: &Known,
    own: Option<Rc<T>>,
) -> Option<Rc<T>> {
    // Ignores a snapshot that cannot be unsealed, that another version of this program wrote, or whose secrets have
    // since been sealed with another key.
    let opened = known.snapshot.as_ref().and_then(|sealed| open(tenancy, tenant, sealed));
    let mut either = [opened.map(Rc::new), own].into_iter().flatten();
    either.find(|snapshot| Some(snapshot.version()) == known.version)
}
