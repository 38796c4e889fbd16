//! `/api/v1/users`

pub mod create;
pub mod delete;
pub mod erase;
pub mod export;
pub mod get;
pub mod list;
pub mod reset_password;
pub mod second_factors;
pub mod update;

use tenancy::mail::{Posting, template::Language};

/// Returns how a setup token reaches its user.
fn posting(send_mail: bool, language: Option<Language>) -> Posting {
    if send_mail { Posting::ByMail { language } } else { Posting::ByCaller }
}
