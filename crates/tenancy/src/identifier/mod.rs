//! Names that callers choose: slugs, domains and e-mail addresses.

mod domain;
mod email;
mod slug;

pub use domain::{Domain, Domains};
pub use email::EmailAddress;
pub use slug::Slug;
