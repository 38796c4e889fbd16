//! Log levels.

/// The severity of a logged event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Useful for development.
    Debug,
    /// Normal operation.
    Info,
    /// A condition that deserves attention.
    Warning,
    /// A failure.
    Error,
}

impl Level {
    /// Returns the name of the level in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}
