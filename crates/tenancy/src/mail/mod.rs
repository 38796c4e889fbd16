//! Mail to users. A message is written in the statement of its cause and sent later, by an HTTP API or by SMTP.

pub mod attempt;
mod cipher;
pub mod escape;
pub(crate) mod insertion;
pub mod invitation;
pub mod link;
pub(crate) mod repo;

pub(crate) use cipher::VariablesCipher;
