//! The record of a cluster in the catalog.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use crate::{crypto::Sealed, database_location::PublicHost, input::Text};

/// A row of `database_clusters`.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The id.
    pub id: Uuid,
    /// The name.
    pub name: ClusterName,
    /// The host and port; `None` for the cluster of `TENANT_DATABASE_TEMPLATE`.
    pub address: Option<(String, u16)>,
    /// The template, sealed with the master key; `None` for the cluster of `TENANT_DATABASE_TEMPLATE`.
    pub sealed_template: Option<Sealed>,
    /// The address for applications, if it differs from that of the cluster.
    pub public_host: Option<PublicHost>,
    /// The share of new tenants, from 0 to 1000, relative to the other clusters.
    pub weight: u32,
    /// Whether the cluster gets no new tenants.
    pub is_draining: bool,
}

/// The name of a cluster: 1 to 40 lowercase letters, digits and hyphens, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ClusterName(String);

impl ClusterName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Text for ClusterName {
    fn parse(text: &str) -> Result<Self, String> {
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if starts_well && text.len() <= 40 && text.bytes().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must have 1 to 40 lowercase letters, digits and hyphens, and start with a letter"
                .to_owned())
        }
    }
}
