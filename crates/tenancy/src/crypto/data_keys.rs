//! A tenant's data keys.

use uuid::Uuid;
use zeroize::Zeroizing;

use super::{MasterKey, Purpose, Sealed};
use crate::{
    error::{Error, Result},
    platform::Random,
};

const LENGTH: usize = 32;
/// The most keys of a tenant: one a day for years.
const MOST: usize = 4_096;

/// The keys that seal a tenant's data, the oldest first. New data is sealed with the newest; the ones
/// before it open what was sealed with them.
pub struct DataKeys(Zeroizing<Vec<u8>>);

impl DataKeys {
    /// Opens the keys of a tenant.
    pub fn open(master: &MasterKey, tenant: Uuid, sealed: &Sealed) -> Result<Self> {
        Self::from_bytes(&master.open(Purpose::DataKey, tenant, sealed)?)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() || !bytes.len().is_multiple_of(LENGTH) {
            return Err(Error::internal("data keys are of an impossible length"));
        }
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    /// The key of a number, from 1.
    pub fn get(&self, number: u32) -> Result<&[u8]> {
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        index
            .and_then(|index| self.0.chunks_exact(LENGTH).nth(index))
            .ok_or_else(|| Error::internal(format!("there is no data key {number}")))
    }

    /// The number of the newest.
    pub fn newest(&self) -> u32 {
        u32::try_from(self.0.len() / LENGTH).unwrap_or(u32::MAX)
    }

    /// The same keys with a new one, sealed.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub fn with_new(
        &self,
        master: &MasterKey,
        tenant: Uuid,
        random: &dyn Random,
    ) -> Result<Sealed> {
        if self.0.len() / LENGTH >= MOST {
            return Err(Error::internal("the tenant has as many data keys as it may have"));
        }
        let mut keys = Zeroizing::new(self.0.to_vec());
        keys.extend_from_slice(&*Zeroizing::new(random.bytes::<LENGTH>()));
        master.seal(Purpose::DataKey, tenant, &keys, random)
    }
}
