//! Errors of variables.

/// The reason why a variable has no value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name is invalid.
    #[error("invalid variable name: {0}")]
    InvalidName(String),
    /// The text around variables is invalid.
    #[error("invalid variable template: {0}")]
    InvalidTemplate(String),
    /// The component has no variable of this name.
    #[error("undefined variable: {0}")]
    Undefined(String),
    /// A source failed, or no source has the value.
    #[error("provider error: {0:?}")]
    Provider(anyhow::Error),
}
