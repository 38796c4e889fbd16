//! The routes of the floor.

use aes_gcm::{Aes256Gcm, KeyInit as _, aead::Aead as _};
use sha2::Sha256;

use crate::{stores, yield_now};

/// The bytes of a sealed chunk, as in the application.
const CHUNK: usize = 256 * 1024;

/// Returns the response body of a route.
pub(crate) async fn answer(path: &str, query: &str) -> Result<Vec<u8>, String> {
    match path {
        "/hello" => Ok(b"{\"status\":\"healthy\"}".to_vec()),
        "/redis" => stores::redis().await,
        "/sql" => stores::sql().await,
        "/aes" => aes(number(query)?).await,
        "/pbkdf2" => Ok(pbkdf2(number(query)?)),
        _ => Err("the route does not exist".to_owned()),
    }
}

fn number(query: &str) -> Result<u32, String> {
    query.parse().map_err(|_| "the query is not a number".to_owned())
}

/// Seals a number of MiB, chunk by chunk.
async fn aes(mebibytes: u32) -> Result<Vec<u8>, String> {
    let cipher = Aes256Gcm::new(&[7; 32].into());
    let plain = vec![7; CHUNK];
    for number in 0..mebibytes * 4 {
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&number.to_be_bytes());
        cipher.encrypt(&nonce.into(), plain.as_slice()).map_err(|error| error.to_string())?;
        yield_now().await;
    }
    Ok(Vec::new())
}

/// Computes PBKDF2-HMAC-SHA-256 with the `pbkdf2` crate.
fn pbkdf2(rounds: u32) -> Vec<u8> {
    let key = ::pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(b"a password", b"0123456789abcdef", rounds);
    key.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}
