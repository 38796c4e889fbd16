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
    /// Parses the name of a level in upper or lower case.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "DEBUG" => Ok(Self::Debug),
            "INFO" => Ok(Self::Info),
            "WARNING" | "WARN" => Ok(Self::Warning),
            "ERROR" => Ok(Self::Error),
            _ => Err("must be DEBUG, INFO, WARNING or ERROR".to_owned()),
        }
    }

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
