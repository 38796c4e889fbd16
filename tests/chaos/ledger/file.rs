//! A file that one actor writes.

use std::sync::{Arc, Mutex};

use super::{Tenant, locked};
use crate::random;

/// The content that a file must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A write is under way.
    Changing,
    /// Bytes that this seed and length determine.
    Bytes(u64, usize),
    /// The file is deleted.
    Deleted,
}

/// A file.
pub struct FileFacts {
    pub tenant: Arc<Tenant>,
    /// The path of its route.
    pub path: String,
    content: Mutex<Content>,
}

impl FileFacts {
    /// Creates the record of a file before it is written.
    pub fn new(tenant: &Arc<Tenant>, path: String) -> Arc<Self> {
        Arc::new(Self { tenant: Arc::clone(tenant), path, content: Mutex::new(Content::Changing) })
    }

    /// Records its content.
    pub fn set(&self, content: Content) {
        *locked(&self.content) = content;
    }

    /// Its content.
    pub fn content(&self) -> Content {
        *locked(&self.content)
    }
}

impl Content {
    /// Returns the problem of a response to GET, or `None` if the response is correct or inconclusive.
    pub fn problem(self, status: u16, bytes: &[u8]) -> Option<String> {
        match (self, status) {
            (Self::Bytes(seed, length), 200) if random::bytes(seed, length) != bytes => {
                Some(format!("200 with {} other bytes than the {length} written", bytes.len()))
            }
            (Self::Bytes(_, length), 404) => Some(format!("404 for a file of {length} bytes")),
            (Self::Deleted, 200) => Some("200 for a deleted file".to_owned()),
            _ => None,
        }
    }
}
