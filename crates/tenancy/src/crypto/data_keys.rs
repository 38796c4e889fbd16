//! A tenant's data keys.

use hkdf::Hkdf;
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{MasterKey, Purpose, Sealed, derived::mac};
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

    /// The secret of the setup token of the tenant's first administrator.
    ///
    /// It follows from the address and the first key, which a tenant has from its reservation on, so
    /// that a provisioning that is repeated, or runs twice at once, gives the same token each time
    /// and none that another has replaced, whatever the master key is.
    pub(crate) fn first_setup_secret(&self, email: &str) -> Result<[u8; 32]> {
        self.mac_of_first(b"tenancy/v1/setup tokens", &[email.as_bytes()])
    }

    /// The secret of the refresh token after one of this secret.
    pub(crate) fn next_refresh_secret(&self, session: Uuid, secret: &[u8; 32]) -> Result<[u8; 32]> {
        self.mac_of_first(b"tenancy/v1/refresh tokens", &[session.as_bytes(), secret])
    }

    /// A MAC by what is derived from the first key: the one that stays when there is another.
    fn mac_of_first(&self, use_of_key: &[u8], parts: &[&[u8]]) -> Result<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, self.get(1)?)
            .expand(use_of_key, &mut *key)
            .map_err(Error::internal)?;
        mac(&*key, parts)
    }
}
