//! `/api/v1/auth`

pub mod introspect;
pub mod login;
pub mod logout;
pub mod logout_all;
pub mod recent_sign_in;
pub mod refresh;
pub mod revoke;
pub mod second_factor;
pub mod sessions;
pub mod setup;
pub mod verify;
