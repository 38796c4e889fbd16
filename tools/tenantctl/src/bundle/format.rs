//! The content of a bundle inside its encryption: a sequence of frames (docs/bundle.md).
//!
//! A frame has a kind (1 byte), the length of its body (4 bytes, big-endian) and the body. Rows and the dump are
//! compressed. The first frame is the header, and the last one has the SHA-256 of all frames before it.

use std::io::{Read, Write};

use anyhow::{Context as _, Result, bail};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use tenancy::audit::transfer::TrailSummary;
use uuid::Uuid;

use crate::postgres::Sum;

/// The version of the format that this program writes, and the newest one that it reads.
pub const FORMAT: u32 = 1;
/// The maximum length of the body of a frame, and of its uncompressed content.
const MOST_BYTES: usize = 16 << 20;

/// The header of a bundle. Debug output would show the keys, so there is none.
#[derive(Clone, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub format: u32,
    /// The id of the bundle.
    pub bundle: Uuid,
    /// The moment of the content.
    pub created_at: String,
    /// The version of the program.
    pub program: String,
    /// The tenant.
    pub tenant: Uuid,
    /// The slug of the tenant.
    pub slug: String,
    /// `active` or `suspended`.
    pub status: String,
    /// The version of the catalog's schema.
    pub catalog_schema: i32,
    /// The version of the schema `tenancy`.
    pub tenant_schema: i32,
    /// The major version of PostgreSQL.
    pub postgres: u32,
    /// The keys that seal the tenant's data, in hexadecimal digits.
    pub data_keys: String,
    /// The extensions of the database, which the bundle does not contain.
    #[serde(default)]
    pub extensions: Vec<Extension>,
    /// The audit trail.
    pub trail: Option<TrailSummary>,
    /// Whether the audit trail was valid.
    pub is_trail_valid: bool,
}

/// An extension of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// The name.
    pub name: String,
    /// The schema of its objects.
    pub schema: String,
}

/// A file of the tenant, which its chunks follow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileEntry {
    /// The id of the upload.
    pub id: Uuid,
    /// The path.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// The number of chunks.
    pub chunks: u64,
    /// The number of the data key that seals it.
    pub key_number: u32,
}

/// The end of a bundle.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct End {
    /// The number of frames before this one.
    pub frames: u64,
    /// The SHA-256 of these frames, in hexadecimal digits.
    pub sha256: String,
    /// The proof of the installation that made the bundle, in hexadecimal digits.
    pub origin: String,
}

/// A part of the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The schemas `tenancy` and `public`, which belong to the service.
    Service,
    /// The schema `app`, which belongs to the tenant's application.
    App,
}

/// A frame.
pub enum Frame {
    /// The beginning of the bundle.
    Header(Box<Header>),
    /// Rows of a table of the catalog.
    Rows(String, Vec<Json>),
    /// A piece of a part of the dump, in the custom format of `pg_dump`.
    Dump(Part, Vec<u8>),
    /// The counts and digests of the database.
    Sums(Vec<Sum>),
    /// The beginning of a file.
    File(FileEntry),
    /// The next chunk of the file, sealed as it was stored.
    Chunk(Vec<u8>),
    /// A file whose chunks were missing at the export, after its beginning. It is lost if the tenant still had it at the
    /// end of the export. Otherwise it was deleted meanwhile.
    Missing {
        /// Whether it is lost.
        is_lost: bool,
    },
    /// The end of the bundle.
    End(End),
}

impl Frame {
    /// Returns the kind and the body.
    fn encode(&self) -> Result<(u8, Vec<u8>)> {
        Ok(match self {
            Self::Header(header) => (1, serde_json::to_vec(header)?),
            Self::Rows(table, rows) => (2, compress(&serde_json::to_vec(&(table, rows))?)?),
            Self::Dump(Part::Service, piece) => (3, compress(piece)?),
            Self::Dump(Part::App, piece) => (4, compress(piece)?),
            Self::Sums(sums) => (5, compress(&serde_json::to_vec(sums)?)?),
            Self::File(file) => (6, serde_json::to_vec(file)?),
            Self::Chunk(sealed) => (7, sealed.clone()),
            Self::Missing { is_lost } => (8, if *is_lost { vec![1] } else { Vec::new() }),
            Self::End(end) => (9, serde_json::to_vec(end)?),
        })
    }

    fn decode(kind: u8, body: Vec<u8>) -> Result<Self> {
        Ok(match kind {
            1 => {
                // A newer header may have other members, so its version is read first.
                let header: Json =
                    serde_json::from_slice(&body).context("the header is invalid")?;
                let format = header["format"].as_u64().unwrap_or_default();
                if format != u64::from(FORMAT) {
                    bail!(
                        "the bundle has the format {format}, and this program reads the format {FORMAT}; \
                         use the tenantctl of the release that made it or a newer one"
                    );
                }
                Self::Header(serde_json::from_value(header).context("the header is invalid")?)
            }
            2 => {
                let (table, rows) = serde_json::from_slice(&decompress(&body)?)?;
                Self::Rows(table, rows)
            }
            3 => Self::Dump(Part::Service, decompress(&body)?),
            4 => Self::Dump(Part::App, decompress(&body)?),
            5 => Self::Sums(serde_json::from_slice(&decompress(&body)?)?),
            6 => Self::File(serde_json::from_slice(&body)?),
            7 => Self::Chunk(body),
            8 => Self::Missing { is_lost: body.first() == Some(&1) },
            9 => Self::End(serde_json::from_slice(&body)?),
            _ => bail!("the bundle has a frame of the unknown kind {kind}"),
        })
    }
}

fn compress(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

fn decompress(body: &[u8]) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    let most = u64::try_from(MOST_BYTES)?;
    let length = ZlibDecoder::new(body).take(most + 1).read_to_end(&mut content)?;
    if length > MOST_BYTES {
        bail!("a frame has more than {MOST_BYTES} bytes after its decompression");
    }
    Ok(content)
}

/// Writes frames.
pub struct FrameWriter<W> {
    output: W,
    digest: Sha256,
    frames: u64,
}

impl<W: Write> FrameWriter<W> {
    /// Begins a bundle.
    pub fn new(output: W) -> Self {
        Self { output, digest: Sha256::new(), frames: 0 }
    }

    /// Writes a frame.
    pub fn write(&mut self, frame: &Frame) -> Result<()> {
        let (kind, body) = frame.encode()?;
        if body.len() > MOST_BYTES {
            bail!("a part of the tenant has more than {MOST_BYTES} bytes in one piece");
        }
        let mut head = vec![kind];
        head.extend_from_slice(&u32::try_from(body.len())?.to_be_bytes());
        for bytes in [&head[..], &body] {
            self.digest.update(bytes);
            self.output.write_all(bytes).context("writing the bundle")?;
        }
        self.frames += 1;
        Ok(())
    }

    /// Writes the last frame, and returns the output. `prove` returns the proof of the origin for a SHA-256.
    pub fn finish(mut self, prove: impl FnOnce(&[u8; 32]) -> Result<[u8; 32]>) -> Result<W> {
        let sha256: [u8; 32] = self.digest.clone().finalize().into();
        let end = End {
            frames: self.frames,
            sha256: base16ct::lower::encode_string(&sha256),
            origin: base16ct::lower::encode_string(&prove(&sha256)?),
        };
        self.write(&Frame::End(end))?;
        Ok(self.output)
    }
}

/// Reads frames, and checks their number and digest at the end.
pub struct FrameReader<R> {
    input: R,
    digest: Sha256,
    frames: u64,
    is_over: bool,
    required: Option<String>,
}

impl<R: Read> FrameReader<R> {
    /// Begins to read a bundle.
    pub fn new(input: R) -> Self {
        Self { input, digest: Sha256::new(), frames: 0, is_over: false, required: None }
    }

    /// Requires the digest of frames that were checked before.
    pub fn require(&mut self, sha256: &str) {
        self.required = Some(sha256.to_owned());
    }

    /// Returns the header, which is the first frame.
    pub fn header(&mut self) -> Result<Box<Header>> {
        match self.next()? {
            Some(Frame::Header(header)) => Ok(header),
            _ => bail!("the file is not a bundle of tenantctl"),
        }
    }

    /// Returns the next frame; `None` after the end.
    ///
    /// # Errors
    /// The file was changed, is truncated, or was encrypted for another recipient.
    pub fn next(&mut self) -> Result<Option<Frame>> {
        if self.is_over {
            return Ok(None);
        }
        let mut head = [0; 5];
        self.input.read_exact(&mut head).context(DAMAGED)?;
        let [kind, length @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes(length))?;
        if length > MOST_BYTES {
            bail!("a frame has more than {MOST_BYTES} bytes");
        }
        let mut body = vec![0; length];
        self.input.read_exact(&mut body).context(DAMAGED)?;
        let before: [u8; 32] = self.digest.clone().finalize().into();
        self.digest.update(head);
        self.digest.update(&body);
        let frame = Frame::decode(kind, body)?;
        if let Frame::End(end) = &frame {
            let is_same =
                end.frames == self.frames && end.sha256 == base16ct::lower::encode_string(&before);
            // The encryption marks its last piece, so this read also detects a truncated file.
            let rest = self.input.read(&mut [0]).context(DAMAGED)?;
            if !is_same || rest > 0 {
                bail!(DAMAGED);
            }
            if self.required.as_ref().is_some_and(|required| *required != end.sha256) {
                bail!("the bundle was changed while it was read");
            }
            self.is_over = true;
        }
        self.frames += 1;
        Ok(Some(frame))
    }
}

/// The message for a file that was changed.
const DAMAGED: &str =
    "the bundle is damaged or truncated; nothing was changed with it from here on";

#[cfg(test)]
mod tests {
    use super::*;

    fn header(format: u32) -> Header {
        Header {
            format,
            bundle: Uuid::from_u128(1),
            created_at: String::new(),
            program: String::new(),
            tenant: Uuid::from_u128(2),
            slug: "acme".to_owned(),
            status: "active".to_owned(),
            catalog_schema: 1,
            tenant_schema: 1,
            postgres: 15,
            data_keys: String::new(),
            extensions: Vec::new(),
            trail: None,
            is_trail_valid: true,
        }
    }

    fn bundle(format: u32) -> Vec<u8> {
        let mut writer = FrameWriter::new(Vec::new());
        writer.write(&Frame::Header(Box::new(header(format)))).unwrap();
        writer.write(&Frame::Rows("plans".to_owned(), vec![serde_json::json!({"a": 1})])).unwrap();
        writer.write(&Frame::Dump(Part::App, vec![7; 100_000])).unwrap();
        writer.write(&Frame::Chunk(vec![1, 2, 3])).unwrap();
        writer.write(&Frame::Missing { is_lost: true }).unwrap();
        writer.write(&Frame::Missing { is_lost: false }).unwrap();
        writer.finish(|sha256| Ok(*sha256)).unwrap()
    }

    fn read(bytes: &[u8]) -> Result<usize> {
        let mut reader = FrameReader::new(bytes);
        let mut frames = 0;
        while reader.next()?.is_some() {
            frames += 1;
        }
        Ok(frames)
    }

    #[test]
    fn frames_survive_a_round_trip() {
        let bytes = bundle(FORMAT);
        assert_eq!(read(&bytes).unwrap(), 7);
        assert!(bytes.len() < 10_000, "the dump is compressed");
        let mut reader = FrameReader::new(&bytes[..]);
        assert_eq!(reader.header().unwrap().slug, "acme");
        assert!(matches!(reader.next().unwrap(), Some(Frame::Rows(table, rows))
            if table == "plans" && rows[0]["a"] == 1));
        assert!(matches!(reader.next().unwrap(), Some(Frame::Dump(Part::App, piece))
            if piece == vec![7; 100_000]));
        assert!(matches!(reader.next().unwrap(), Some(Frame::Chunk(_))));
        for expected in [true, false] {
            assert!(matches!(reader.next().unwrap(), Some(Frame::Missing { is_lost })
                if is_lost == expected));
        }
    }

    #[test]
    fn changed_or_truncated_content_is_refused() {
        let bytes = bundle(FORMAT);
        // The encryption covers the last frame, too, and its proof of the origin is compared separately.
        let frames = b"{\"frames\"";
        let end = bytes.windows(frames.len()).position(|window| window == frames).unwrap() - 5;
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert!(index >= end || read(&changed).is_err(), "byte {index}");
            assert!(read(&bytes[..index]).is_err(), "length {index}");
        }
        assert!(read(&[bytes, vec![0]].concat()).is_err());
    }

    #[test]
    fn newer_format_is_refused_by_name() {
        let error = read(&bundle(FORMAT + 1)).unwrap_err().to_string();
        assert!(error.contains("has the format 2"), "{error}");
    }

    #[test]
    fn decompressed_frame_has_a_bound() {
        let body = compress(&vec![0; MOST_BYTES + 1]).unwrap();
        assert!(decompress(&body).is_err());
        assert_eq!(decompress(&compress(&vec![0; 1_000]).unwrap()).unwrap().len(), 1_000);
    }
}
