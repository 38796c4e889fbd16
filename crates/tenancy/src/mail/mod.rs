//! Mail to users. A message is written in the statement of its cause and sent later, by an HTTP API or by SMTP.

mod cipher;
pub mod attempt;
pub mod escape;
pub mod invitation;
pub mod link;
pub(crate) mod repo;

pub(crate) use cipher::VariablesCipher;
