//! The sources of variable values.

use std::collections::HashMap;
use std::env::VarError;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, Result};

/// The default prefix of environment variables.
const DEFAULT_PREFIX: &str = "SPIN_VARIABLE";

/// One source of values.
#[derive(Debug)]
pub enum Provider {
    /// Static values.
    Static(HashMap<String, String>),
    /// Environment variables.
    Env(EnvProvider),
}

/// Environment variables, and a file with additional values.
#[derive(Debug)]
pub struct EnvProvider {
    prefix: String,
    dotenv_path: Option<PathBuf>,
    dotenv: OnceLock<HashMap<String, String>>,
}

impl Provider {
    /// Returns the value of the variable `name`, if this source has it.
    pub fn get(&self, name: &str) -> Result<Option<String>> {
        match self {
            Self::Static(values) => Ok(values.get(name).cloned()),
            Self::Env(provider) => provider.get(name),
        }
    }

    /// Returns whether this source has a readable value for `name`.
    pub fn may_resolve(&self, name: &str) -> bool {
        matches!(self.get(name), Ok(Some(_)))
    }
}

impl EnvProvider {
    /// Reads `<PREFIX>_<NAME>`, first from the environment, then from the file at `dotenv_path`. The default prefix is
    /// `SPIN_VARIABLE`.
    pub fn new(prefix: Option<String>, dotenv_path: Option<PathBuf>) -> Self {
        Self {
            prefix: prefix.unwrap_or_else(|| DEFAULT_PREFIX.to_owned()),
            dotenv_path,
            dotenv: OnceLock::new(),
        }
    }

    /// Returns the source with the lowest precedence in Spin: `SPIN_VARIABLE_<NAME>`, also from `.env` in the current
    /// folder.
    pub fn default_source() -> Self {
        Self::new(None, Some(PathBuf::from(".env")))
    }

    fn get(&self, name: &str) -> Result<Option<String>> {
        let key = format!("{}_{}", self.prefix, name.to_ascii_uppercase());
        match std::env::var(&key) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => self.get_from_file(&key),
            Err(error) => Err(error).with_context(|| format!("environment variable {key}")),
        }
    }

    fn get_from_file(&self, key: &str) -> Result<Option<String>> {
        let Some(path) = &self.dotenv_path else {
            return Ok(None);
        };
        let values = match self.dotenv.get() {
            Some(values) => values,
            None => {
                let values = read_dotenv(path)?;
                self.dotenv.get_or_init(|| values)
            }
        };
        Ok(values.get(key).cloned())
    }
}

/// Returns the pairs of the file at `path`, or none if it cannot be opened.
fn read_dotenv(path: &Path) -> Result<HashMap<String, String>> {
    let Ok(pairs) = dotenvy::from_path_iter(path) else {
        return Ok(HashMap::new());
    };
    pairs.collect::<Result<_, _>>().with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temp_folder::TempFolder;

    #[test]
    fn dotenv_file_extends_environment() {
        let folder = TempFolder::new();
        let path = folder.path().join(".env");
        std::fs::write(&path, "RUNNER_TEST_A_B=from-file\nPATH=x\n").unwrap();

        let provider = EnvProvider::new(Some("RUNNER_TEST".to_owned()), Some(path.clone()));
        assert_eq!(provider.get("a_b").unwrap().as_deref(), Some("from-file"));
        assert_eq!(provider.get("c").unwrap(), None);

        let without = EnvProvider::new(Some("RUNNER_TEST".to_owned()), None);
        assert_eq!(without.get("a_b").unwrap(), None);

        std::fs::write(&path, "not a pair").unwrap();
        let broken = Provider::Env(EnvProvider::new(None, Some(path)));
        assert!(broken.get("runner_test").is_err());
        assert!(!broken.may_resolve("runner_test"));

        let missing = EnvProvider::new(None, Some(folder.path().join("none")));
        assert_eq!(missing.get("runner_test").unwrap(), None);
    }

    #[test]
    fn environment_precedes_file() {
        let folder = TempFolder::new();
        let path = folder.path().join(".env");
        std::fs::write(&path, "CARGO_MANIFEST_DIR=x\n").unwrap();
        let provider = EnvProvider::new(Some("CARGO_MANIFEST".to_owned()), Some(path));
        assert_eq!(provider.get("dir").unwrap().unwrap(), env!("CARGO_MANIFEST_DIR"));
    }
}
