//! The proof that this installation has made a bundle.
//!
//! Anyone who knows a public key can encrypt a file for it, so encryption does not show the origin. The end of a bundle
//! has a MAC of its content by the master key of the installation that made it. Statements of a bundle run with the
//! rights of the service's account, so a bundle of another origin needs the consent of the operator.

use uuid::Uuid;

use crate::{context::Context, error::Result};

const PURPOSE: &[u8] = b"bundle";

/// Returns the proof for a bundle with this id and SHA-256 of its content.
pub fn prove(context: &Context, bundle: Uuid, content: &[u8; 32]) -> Result<[u8; 32]> {
    context.master_key.voucher_seal(&[PURPOSE, bundle.as_bytes(), content])
}

/// Returns whether a configured master key has made the proof.
pub fn is_own(context: &Context, bundle: Uuid, content: &[u8; 32], proof: &[u8]) -> Result<bool> {
    context.master_key.audit_check().is_voucher(&[PURPOSE, bundle.as_bytes(), content], proof)
}
