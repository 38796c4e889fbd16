//! Sessions of users: sign-in, refresh, sign-out, and changes of passwords, which end sessions.

mod password;
mod repo;
mod sign_in;

pub use password::{change_password, reset_password};
pub(crate) use repo::find_states;
pub use repo::{
    End, Ended, NewSession, Session, State, Use, Used, begin, end, end_all, find_by_token, list,
    rotate,
};
pub use sign_in::{SignedIn, log_out, log_out_everywhere, refresh, set_up, sign_in};
