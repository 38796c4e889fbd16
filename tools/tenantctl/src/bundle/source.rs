//! A bundle that is read: it is checked completely before anything is changed with it.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufReader, Read, Seek as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value as Json;
use tenancy::{
    Context,
    bundle::{completion::collect_months, origin, rows},
    migrate,
};

use super::{
    envelope::{self, Opening},
    format::{Frame, FrameReader, Header},
};

/// A checked bundle.
pub struct Source {
    /// The file that was checked. Another file with the same name is not read.
    file: File,
    path: PathBuf,
    /// The digest of the frames that were checked.
    sha256: String,
    opening: Opening,
    /// The header.
    pub header: Header,
    /// The row of the tenant.
    pub tenant: Json,
    /// The row of the plan.
    pub plan: Json,
    /// The number of files.
    pub files: u64,
    /// The number of chunks.
    pub chunks: u64,
    /// The paths of the files that the key-value store had lost at the export.
    pub lost: Vec<String>,
    /// The months of the audit trail.
    pub months: BTreeSet<String>,
    /// Whether a master key of this installation has made it.
    pub is_own: bool,
}

/// Returns the header of a bundle without checking the rest.
pub fn read_header(path: &Path, opening: &Opening) -> Result<Header> {
    let mut reader = FrameReader::new(BufReader::new(envelope::open(path, opening)?));
    Ok(*reader.header().with_context(|| path.display().to_string())?)
}

impl Source {
    /// Reads a bundle to its end and checks it.
    ///
    /// # Errors
    /// It was changed, is truncated, has a newer format, or is from a newer release.
    pub fn open(context: &Context, path: &Path, opening: Opening) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("the bundle {}", path.display()))?;
        let stream = envelope::open_file(file.try_clone()?, path, &opening)?;
        let mut reader = FrameReader::new(BufReader::new(stream));
        let name = || path.display().to_string();
        let header = *reader.header().with_context(name)?;
        let newest = (migrate::newest(migrate::CATALOG), migrate::newest(migrate::TENANT));
        if (header.catalog_schema, header.tenant_schema) > newest || header.tenant_schema > newest.1
        {
            bail!(
                "{} is from a newer release of the service ({}); upgrade this installation first",
                name(),
                header.program
            );
        }
        let (mut tenant, mut plan, mut is_own) = (Json::Null, Json::Null, None);
        let mut digest = String::new();
        let (mut files, mut chunks) = (0, 0);
        let (mut months, mut lost, mut last) = (BTreeSet::new(), Vec::new(), String::new());
        while let Some(frame) = reader.next().with_context(name)? {
            match frame {
                Frame::Rows(table, rows) if table == "tenants" => {
                    tenant = rows.into_iter().next().unwrap_or_default();
                }
                Frame::Rows(table, rows) if table == "plans" => {
                    plan = rows.into_iter().next().unwrap_or_default();
                }
                Frame::Rows(table, rows) if table == rows::TRAIL => {
                    collect_months(&rows, &mut months);
                }
                Frame::File(file) => {
                    files += 1;
                    last = file.path;
                }
                Frame::Missing { is_lost: true } => lost.push(std::mem::take(&mut last)),
                Frame::Chunk(_) => chunks += 1,
                Frame::End(end) => {
                    let decode = base16ct::mixed::decode_vec;
                    let sha256: Option<[u8; 32]> =
                        decode(&end.sha256).ok().and_then(|bytes| bytes.try_into().ok());
                    let sha256 = sha256.context("the end of the bundle is invalid")?;
                    let proof = decode(&end.origin).unwrap_or_default();
                    is_own = Some(origin::is_own(context, header.bundle, &sha256, &proof)?);
                    digest = end.sha256;
                }
                _ => {}
            }
        }
        let is_own = is_own.context("the bundle has no end")?;
        if !tenant.is_object() || !plan.is_object() {
            bail!("{} has no tenant", name());
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            sha256: digest,
            opening,
            header,
            tenant,
            plan,
            files,
            chunks,
            lost,
            months,
            is_own,
        })
    }

    /// Reads the bundle again from the frame after its header. The reader refuses other frames than those that were
    /// checked, at the latest at the end.
    pub fn frames(&self) -> Result<FrameReader<impl Read + use<>>> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        let stream = envelope::open_file(file, &self.path, &self.opening)?;
        let mut reader = FrameReader::new(BufReader::new(stream));
        reader.require(&self.sha256);
        let header = reader.header()?;
        if header.bundle != self.header.bundle {
            bail!("{} was changed while it was read", self.path.display());
        }
        Ok(reader)
    }
}
