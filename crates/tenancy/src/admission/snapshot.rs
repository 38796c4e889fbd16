//! Sealed copies of tenants and API keys that Redis keeps, so that a verified request needs no SQL.

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

/// What Redis keeps a sealed copy of: whoever can write to Redis cannot make a tenant or a key.
pub(super) trait Snapshot: Serialize + DeserializeOwned {
    const PURPOSE: Purpose;
    /// What a copy begins with. Its members have no names, and another version of this program may have
    /// others in their places: a test sees to it that it has another layout then.
    const LAYOUT: u32;

    fn version(&self) -> i64;

    /// Whether there is a key for what is sealed in it.
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

/// A copy for Redis.
pub(super) fn seal<T: Snapshot>(tenancy: &Tenancy, tenant: Uuid, snapshot: &T) -> Result<Sealed> {
    let plain = encode(snapshot)?;
    tenancy.master_key.seal(T::PURPOSE, tenant, &plain, &*tenancy.platform.random)
}

/// As `MessagePack` without the names of members: with many tenants each instance reads many of these.
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

/// The snapshot of the version that Redis knows: from Redis, or the instance's own.
pub(super) fn remembered<T: Snapshot>(
    tenancy: &Tenancy,
    tenant: Uuid,
    known: &Known,
    own: Option<Rc<T>>,
) -> Option<Rc<T>> {
    // One that does not open, or is of another version of this program, is as good as none; so is one
    // whose secrets have another seal meanwhile.
    let opened = known.snapshot.as_ref().and_then(|sealed| open(tenancy, tenant, sealed));
    let mut either = [opened.map(Rc::new), own].into_iter().flatten();
    either.find(|snapshot| Some(snapshot.version()) == known.version)
}
