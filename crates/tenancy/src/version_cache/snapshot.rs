//! Sealed snapshots of tenants and API keys in Redis. They let a verified request do without SQL.

#[cfg(test)]
mod tests;

use std::rc::Rc;

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    context::Context,
    crypto::{MasterKey, Purpose, Sealed},
    error::{Error, Result},
    version_cache::Entry,
};

/// A record that Redis stores sealed, so that write access to Redis does not allow forging a tenant or a key.
pub(crate) trait Snapshot: Serialize + DeserializeOwned {
    const PURPOSE: Purpose;
    /// The prefix of a snapshot, which identifies the layout of its members. The members have no names, and another
    /// version of this program may order them differently. A test ensures that each layout has its own value.
    const LAYOUT: u32;

    fn version(&self) -> i64;

    /// Returns whether this key can unseal the secrets in the record.
    fn opens(&self, key: &MasterKey) -> bool;
}

/// A record whose current state the version cache has.
pub(crate) trait Cached {
    /// Returns the tenant of the record.
    fn tenant(&self) -> Uuid;

    /// Returns the entries of the record in its current state in the catalog.
    fn entries(&self, context: &Context) -> Result<Vec<Entry>>;
}

/// Seals a snapshot for Redis.
pub(crate) fn seal<T: Snapshot>(context: &Context, tenant: Uuid, snapshot: &T) -> Result<Sealed> {
    let plain = encode(snapshot)?;
    context.master_key.seal(T::PURPOSE, tenant, &plain, &*context.platform.random)
}

/// Encodes a snapshot as `MessagePack` without member names. With many tenants, each instance decodes many snapshots.
fn encode<T: Snapshot>(snapshot: &T) -> Result<Vec<u8>> {
    let mut plain = T::LAYOUT.to_be_bytes().to_vec();
    rmp_serde::encode::write(&mut plain, snapshot).map_err(Error::internal)?;
    Ok(plain)
}

fn open<T: Snapshot>(context: &Context, tenant: Uuid, sealed: &Sealed) -> Option<T> {
    let plain = context.master_key.open(T::PURPOSE, tenant, sealed).ok()?;
    let snapshot: T = rmp_serde::from_slice(plain.strip_prefix(&T::LAYOUT.to_be_bytes())?).ok()?;
    snapshot.opens(&context.master_key).then_some(snapshot)
}

/// Returns the snapshot of the version in Redis, either the sealed one from Redis or the instance's own copy.
pub(crate) fn newest<T: Snapshot>(
    context: &Context,
    tenant: Uuid,
    (version, sealed): (Option<i64>, Option<&Sealed>),
    own: Option<Rc<T>>,
) -> Option<Rc<T>> {
    // Ignores a snapshot that cannot be unsealed, that another version of this program wrote, or whose secrets have
    // since been sealed with another key.
    let opened = sealed.and_then(|sealed| open(context, tenant, sealed));
    let mut either = [opened.map(Rc::new), own].into_iter().flatten();
    either.find(|snapshot| Some(snapshot.version()) == version)
}
