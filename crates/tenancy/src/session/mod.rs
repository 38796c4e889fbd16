//! Sessions of users: sign-in, refresh, sign-out, second factors, passkeys, and changes of passwords, which end
//! sessions.

mod challenge;
mod code;
mod enrollment;
mod mailed;
mod mailed_sign_in;
pub mod passkey;
mod password;
mod proof;
mod recent;
mod recovery;
mod repo;
mod second_step;
mod sign_in;
mod switch;
pub mod tenant_list;

pub use enrollment::{
    Begun as SecondFactorEnrollment, Confirmed as ConfirmedSecondFactor, begin_enrollment,
    confirm_enrollment, remove_factor, remove_factors, replace_recovery_codes,
};
pub use mailed_sign_in::{
    MailedProof, Requested as RequestedSignIn, confirm as confirm_mailed_sign_in,
    request as request_mailed_sign_in,
};
pub use password::{PasswordReset, change_password, reset_password};
pub use proof::{Proven, TWO_FACTORS, find_proof};
pub use recent::{Age, prove_again, require_recent};
pub use recovery::{confirm as confirm_recovery, request as request_recovery};
pub(crate) use repo::find_states;
pub use repo::{
    End, Ended, NewSession, Proof, Session, State, Use, Used, begin, end, end_all, find_by_token,
    list, rotate,
};
pub use second_step::{answer, enroll};
pub use sign_in::{SignedIn, log_out, log_out_everywhere, refresh, set_up, sign_in};
pub use switch::{list_targets as list_switch_targets, switch};
