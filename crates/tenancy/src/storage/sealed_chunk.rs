//! The sealed chunks of one tenant's files, for the bundles of `tenantctl`.
//!
//! Only the service reaches the key-value store. It hands out chunks as they are stored, and stores only chunks that the
//! tenant's data key sealed for their place. So a chunk of one tenant cannot replace a chunk of another, and a caller
//! without the data key can store nothing.

use uuid::Uuid;

use super::{CHUNK, STORE, chunk_key, cipher::FileCipher};
use crate::{
    context::Context,
    crypto::DataKeys,
    error::{Error, Result},
    tenant::{Status, TenantRecord},
};

/// The maximum length of a sealed chunk in bytes: the chunk with its nonce and its tag.
pub const MOST_SEALED_BYTES: usize = CHUNK + 12 + 16;

/// The place of a chunk in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkPlace {
    /// The file.
    pub file: Uuid,
    /// The number of the data key that seals the file, from 1.
    pub key_number: u32,
    /// The index of the chunk, from 0.
    pub index: u64,
    /// Whether it is the last chunk of the file.
    pub is_last: bool,
}

/// Returns a sealed chunk as it is stored; `None` if there is none.
///
/// # Errors
/// [`Error::Unavailable`] if the store is unavailable.
pub async fn read(
    context: &Context,
    tenant: Uuid,
    file: Uuid,
    index: u64,
) -> Result<Option<Vec<u8>>> {
    Ok(context.platform.key_value.get(STORE, &chunk_key(tenant, file, index)).await?)
}

/// Stores a sealed chunk. Repeating the call does no harm, because each upload has a file id of its own.
///
/// # Errors
/// [`Error::InvalidFields`] if the tenant's data key did not seal the chunk for this place, [`Error::TenantDeleted`] for
/// a tenant whose data is removed, [`Error::Unavailable`] if the store is unavailable.
pub async fn write(
    context: &Context,
    tenant: &TenantRecord,
    place: ChunkPlace,
    sealed: &[u8],
) -> Result<()> {
    if matches!(tenant.status, Status::Deleting | Status::Deleted) {
        return Err(Error::TenantDeleted);
    }
    let keys = tenant.data_keys(context)?;
    if open(&keys, tenant.id, place, sealed).is_err() {
        let message = "must be a chunk that the tenant's data key sealed for this place";
        return Err(Error::invalid_field("chunk", message));
    }
    let key = chunk_key(tenant.id, place.file, place.index);
    Ok(context.platform.key_value.set(STORE, &key, sealed).await?)
}

/// Unseals a chunk.
///
/// # Errors
/// [`Error::Internal`] if it was changed, or is not the chunk of this place.
pub fn open(keys: &DataKeys, tenant: Uuid, place: ChunkPlace, sealed: &[u8]) -> Result<Vec<u8>> {
    let cipher = FileCipher::new(keys, place.key_number, tenant, place.file)?;
    cipher.open(place.index, place.is_last, sealed)
}

/// Seals a chunk that was sealed for one tenant and file again, for another tenant or file with the same data keys.
///
/// # Errors
/// [`Error::Internal`] if the chunk was changed, or is not the chunk of the place.
pub fn reseal(
    context: &Context,
    keys: &DataKeys,
    (from, place): (Uuid, ChunkPlace),
    (to, file): (Uuid, Uuid),
    sealed: &[u8],
) -> Result<Vec<u8>> {
    let plain = zeroize::Zeroizing::new(open(keys, from, place, sealed)?);
    let cipher = FileCipher::new(keys, place.key_number, to, file)?;
    cipher.seal(place.index, place.is_last, &plain, &*context.platform.random)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use futures::executor::block_on;
    use platform::testing::PreparedSql;

    use super::*;
    use crate::testing;

    // S23
    #[test]
    fn foreign_chunk_is_not_stored() {
        let context = testing::context(&Rc::new(PreparedSql::default()));
        let seal_keys = |tenant: Uuid, byte: u8| {
            let random = &*context.platform.random;
            context.master_key.seal(crate::crypto::Purpose::DataKey, tenant, &[byte; 32], random)
        };
        let record = |id: u128, byte: u8| {
            let id = Uuid::from_u128(id);
            TenantRecord {
                id,
                data_key: Some(seal_keys(id, byte).unwrap()),
                ..testing::tenant(&context).record().clone()
            }
        };
        let (own, other) = (record(1, 1), record(2, 2));
        let place = ChunkPlace { file: Uuid::from_u128(3), key_number: 1, index: 0, is_last: true };
        let keys = own.data_keys(&context).unwrap();
        let cipher = FileCipher::new(&keys, 1, own.id, place.file).unwrap();
        let sealed = cipher.seal(0, true, b"content", &*context.platform.random).unwrap();

        for (tenant, place) in [
            (&other, place),
            (&own, ChunkPlace { index: 1, ..place }),
            (&own, ChunkPlace { is_last: false, ..place }),
            (&own, ChunkPlace { file: Uuid::from_u128(4), ..place }),
            (&own, ChunkPlace { key_number: 2, ..place }),
        ] {
            let refused = block_on(write(&context, tenant, place, &sealed));
            assert!(matches!(refused, Err(Error::InvalidFields(_))), "{place:?}");
            let stored = block_on(read(&context, tenant.id, place.file, place.index)).unwrap();
            assert!(stored.is_none());
        }
        let deleted = TenantRecord { status: Status::Deleted, ..own.clone() };
        let refused = block_on(write(&context, &deleted, place, &sealed));
        assert!(matches!(refused, Err(Error::TenantDeleted)));

        block_on(write(&context, &own, place, &sealed)).unwrap();
        let stored = block_on(read(&context, own.id, place.file, 0)).unwrap();
        assert_eq!(stored.as_deref(), Some(&sealed[..]));
        let (tenant, file) = (Uuid::from_u128(5), Uuid::from_u128(6));
        let moved = reseal(&context, &keys, (own.id, place), (tenant, file), &sealed).unwrap();
        let plain = open(&keys, tenant, ChunkPlace { file, ..place }, &moved).unwrap();
        assert_eq!(plain, b"content");
        assert!(open(&keys, own.id, place, &moved).is_err());
    }
}
