//! `/api/v1/auth`

pub mod introspect;
pub mod login;
pub mod logout;
pub mod logout_all;
pub mod refresh;
pub mod revoke;
pub mod sessions;
pub mod setup;
pub mod verify;
