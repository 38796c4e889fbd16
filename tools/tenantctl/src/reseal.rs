//! `tenantctl reseal`

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tenancy::reseal::{self, Item};

use crate::{environment, output};

/// Seals what the catalog keeps anew with `MASTER_ENCRYPTION_KEY`. Each thing done is a line of JSON;
/// one that does not open is told, and does not keep the others from it.
pub async fn run() -> Result<()> {
    let tenancy = environment::tenancy()?;
    let (mut resealed, mut failed) = (0, 0);
    for item in reseal::list(&tenancy).await? {
        match reseal::reseal(&tenancy, &item).await {
            Ok(true) => {
                resealed += 1;
                output::line(&describe(&item).to_string());
            }
            Ok(false) => {}
            Err(error) => {
                failed += 1;
                output::failure(&error.into());
            }
        }
    }
    output::line(&json!({ "resealed": resealed }).to_string());
    if failed > 0 {
        bail!("{failed} could not be sealed anew");
    }
    Ok(())
}

fn describe(item: &Item) -> Value {
    match item {
        Item::Tenant(id) => json!({ "resealed_tenant": id }),
        Item::Answer(answer) => json!({ "resealed_answer_of_tenant": answer.tenant }),
        Item::Anchor(chain) => json!({ "resealed_audit_anchor": chain }),
    }
}
