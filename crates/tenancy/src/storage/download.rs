//! Reads a file chunk by chunk.

use std::rc::Rc;

use async_trait::async_trait;
use uuid::Uuid;

use super::{ByteRange, CHUNK, File, STORE, chunk_key, cipher::FileCipher};
use crate::{
    body::BodyReader,
    context::Context,
    error::{Error, Result},
    log,
    tenant::Tenant,
};

/// The bytes of a file or of a part of it, read on demand.
pub struct Download {
    context: Rc<Context>,
    cipher: FileCipher,
    tenant: Uuid,
    file: Uuid,
    chunks: u64,
    range: ByteRange,
    /// The position of the next byte.
    position: u64,
    /// The first piece, which was unsealed before the response began.
    first: Option<Vec<u8>>,
}

/// Begins to read a file. The first chunk is unsealed here, so that tampering with it is reported before the response
/// begins.
pub async fn download(
    context: &Rc<Context>,
    tenant: &Tenant,
    file: &File,
    range: ByteRange,
) -> Result<Download> {
    let keys = tenant.data_keys(context)?;
    let mut download = Download {
        cipher: FileCipher::new(&keys, file.key_number, tenant.id, file.id)?,
        context: Rc::clone(context),
        tenant: tenant.id,
        file: file.id,
        chunks: file.size.div_ceil(CHUNK as u64),
        range,
        position: range.first,
        first: None,
    };
    download.first = download.next().await?;
    Ok(download)
}

impl Download {
    /// Returns the content if it is a single piece. Nothing is left to read then.
    pub fn only_piece(&mut self) -> Option<Vec<u8>> {
        let is_all = self.position > self.range.last;
        self.first.take_if(|_| is_all)
    }

    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.position > self.range.last {
            return Ok(None);
        }
        let (chunk, offset) = (self.position / CHUNK as u64, self.position % CHUNK as u64);
        let key = chunk_key(self.tenant, self.file, chunk);
        let sealed = self.context.platform.key_value.get(STORE, &key).await?;
        let missing = || Error::internal(format!("chunk {chunk} of file {} is missing", self.file));
        let is_last = chunk + 1 == self.chunks;
        let mut plain = self.cipher.open(chunk, is_last, &sealed.ok_or_else(missing)?)?;
        let short = || Error::internal(format!("chunk {chunk} of file {} is too short", self.file));
        let (begin, end) =
            wanted_part(plain.len(), offset, self.range.last - self.position).ok_or_else(short)?;
        plain.truncate(end);
        plain.drain(..begin);
        self.position += plain.len() as u64;
        Ok(Some(plain))
    }
}

/// Returns the beginning and the end of the wanted bytes within a chunk; `None` if the chunk has none of them. `more`
/// is the number of wanted bytes after the one at `offset`. On wasm32 it may exceed `usize`.
fn wanted_part(length: usize, offset: u64, more: u64) -> Option<(usize, usize)> {
    let begin = usize::try_from(offset).ok().filter(|begin| *begin < length)?;
    let more = usize::try_from(more).unwrap_or(usize::MAX).min(length - begin - 1);
    Some((begin, begin + more + 1))
}

#[async_trait(?Send)]
impl BodyReader for Download {
    async fn read(&mut self) -> Result<Option<Vec<u8>>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let next = self.next().await;
        if let Err(error) = &next {
            log::warning(&self.context, "a download was interrupted", error);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wanted_part_stays_within_its_chunk() {
        for (length, offset, more, expected) in [
            (10, 0, 0, Some((0, 1))),
            (10, 3, 4, Some((3, 8))),
            (10, 9, 0, Some((9, 10))),
            (10, 1, u64::from(u32::MAX) - 1, Some((1, 10))),
            (10, 1, u64::MAX, Some((1, 10))),
            (10, 10, 0, None),
            (10, u64::MAX, 0, None),
            (0, 0, 0, None),
        ] {
            assert_eq!(wanted_part(length, offset, more), expected, "{length} {offset} {more}");
        }
    }
}
