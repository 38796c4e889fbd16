//! A tenant's data keys.

use hkdf::Hkdf;
use platform::Random;
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{MasterKey, Purpose, Sealed, derived::mac};
use crate::error::{Error, Result};

const LENGTH: usize = 32;
/// The maximum number of keys of a tenant: one a day for years.
const MOST: usize = 4_096;

/// The keys that seal a tenant's data, the oldest first. The newest key seals new data. Earlier keys only unseal
/// existing data.
pub struct DataKeys(Zeroizing<Vec<u8>>);

impl DataKeys {
    /// Unseals the keys of a tenant.
    pub fn open(master: &MasterKey, tenant: Uuid, sealed: &Sealed) -> Result<Self> {
        Self::from_bytes(&master.open(Purpose::DataKey, tenant, sealed)?)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() || !bytes.len().is_multiple_of(LENGTH) {
            return Err(Error::internal("data keys have an invalid length"));
        }
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    /// Returns the keys in one piece, for a bundle, which is encrypted.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the key with a number. The first number is 1.
    pub fn get(&self, number: u32) -> Result<&[u8]> {
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        index
            .and_then(|index| self.0.chunks_exact(LENGTH).nth(index))
            .ok_or_else(|| Error::internal(format!("the data key {number} does not exist")))
    }

    /// Returns the number of the newest key.
    pub fn newest(&self) -> u32 {
        u32::try_from(self.0.len() / LENGTH).unwrap_or(u32::MAX)
    }

    /// Returns the same keys and a new one, sealed.
    ///
    /// # Errors
    /// [`Error::Internal`] if the maximum number of keys is reached.
    pub fn with_new(
        &self,
        master: &MasterKey,
        tenant: Uuid,
        random: &dyn Random,
    ) -> Result<Sealed> {
        if self.0.len() / LENGTH >= MOST {
            return Err(Error::internal("the tenant has reached the maximum number of data keys"));
        }
        let mut keys = Zeroizing::new(self.0.to_vec());
        keys.extend_from_slice(&*Zeroizing::new(random.bytes::<LENGTH>()));
        master.seal(Purpose::DataKey, tenant, &keys, random)
    }

    /// Returns the secret of the setup token of the tenant's first administrator.
    ///
    /// The secret is derived from the e-mail address and the first data key, which exists from the reservation on. So
    /// repeated and concurrent provisionings result in the same token with any master key, and no provisioning replaces
    /// the token of another.
    pub(crate) fn first_setup_secret(&self, email: &str) -> Result<[u8; 32]> {
        self.mac_of_first(b"tenancy/v1/setup tokens", &[email.as_bytes()])
    }

    /// Returns the sign of a device of a user. It stays the same when the tenant gets another data key.
    pub(crate) fn device_sign(&self, user: Uuid, program: &str, network: &str) -> Result<[u8; 32]> {
        // The text of a network has no zero byte, so different parts never result in the same bytes.
        let parts: [&[u8]; 4] = [user.as_bytes(), network.as_bytes(), b"\0", program.as_bytes()];
        self.mac_of_first(b"tenancy/v1/devices", &parts)
    }

    /// Returns the secret of the refresh token that follows the token with this secret.
    pub(crate) fn next_refresh_secret(&self, session: Uuid, secret: &[u8; 32]) -> Result<[u8; 32]> {
        self.mac_of_first(b"tenancy/v1/refresh tokens", &[session.as_bytes(), secret])
    }

    /// Returns the MAC of a challenge that an authenticator signs. `of` and `head` have fixed lengths.
    pub(crate) fn passkey_challenge_mac(
        &self,
        tenant: Uuid,
        of: &[u8; 33],
        head: &[u8; 24],
    ) -> Result<[u8; 32]> {
        self.mac_of_first(b"tenancy/v1/passkey challenges", &[tenant.as_bytes(), of, head])
    }

    /// Returns the opaque value that identifies a user to authenticators. It is the same for all passkeys of the user,
    /// and differs in a copy of the tenant.
    pub(crate) fn passkey_user_handle(&self, tenant: Uuid, user: Uuid) -> Result<[u8; 32]> {
        self.mac_of_first(b"tenancy/v1/passkey users", &[tenant.as_bytes(), user.as_bytes()])
    }

    /// Returns a MAC with a key derived from the first data key, which remains when others are added.
    fn mac_of_first(&self, use_of_key: &[u8], parts: &[&[u8]]) -> Result<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, self.get(1)?)
            .expand(use_of_key, &mut *key)
            .map_err(Error::internal)?;
        mac(&*key, parts)
    }
}
