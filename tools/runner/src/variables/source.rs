//! The `--variable` flag.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};

/// One `--variable`.
#[derive(Clone, Debug, PartialEq)]
pub enum VariableSource {
    /// `name=value`
    Value(String, String),
    /// `name=@file`
    ValueInFile(String, PathBuf),
    /// `@file.json`
    Json(PathBuf),
    /// `@file.toml`
    Toml(PathBuf),
}

impl FromStr for VariableSource {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(file) = text.strip_prefix('@') {
            let path = PathBuf::from(file);
            return match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => Ok(Self::Json(path)),
                Some("toml") => Ok(Self::Toml(path)),
                _ => bail!("the name of a variables file must end in .json or .toml"),
            };
        }
        match text.split_once('=') {
            Some((name, value)) => Ok(match value.strip_prefix('@') {
                Some(file) => Self::ValueInFile(name.to_owned(), file.into()),
                None => Self::Value(name.to_owned(), value.to_owned()),
            }),
            None => bail!("expected 'name=value', 'name=@file' or '@file'"),
        }
    }
}

/// Returns the values of all `sources`. Of two values for the same name, the later one wins.
pub fn read(sources: &[VariableSource]) -> Result<HashMap<String, String>> {
    let mut values = HashMap::new();
    for source in sources {
        match source {
            VariableSource::Value(name, value) => {
                values.insert(name.clone(), value.clone());
            }
            VariableSource::ValueInFile(name, path) => {
                values.insert(name.clone(), read_file(path)?);
            }
            VariableSource::Json(path) => {
                let read: HashMap<String, String> = serde_json::from_str(&read_file(path)?)
                    .with_context(|| format!("cannot parse {}", path.display()))?;
                values.extend(read);
            }
            VariableSource::Toml(path) => {
                let read: HashMap<String, String> = crate::toml_text::parse(&read_file(path)?)
                    .with_context(|| format!("cannot parse {}", path.display()))?;
                values.extend(read);
            }
        }
    }
    Ok(values)
}

fn read_file(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temp_folder::TempFolder;

    #[test]
    fn four_forms_are_parsed() {
        let folder = TempFolder::new();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let sources: Vec<VariableSource> = [
            "a=1".to_owned(),
            "b=x=y".to_owned(),
            format!("c=@{}", file("c", "3\n")),
            format!("@{}", file("d.json", r#"{"d": "4", "a": "one"}"#)),
            format!("@{}", file("e.toml", r#"e = "5""#)),
        ]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();

        let values = read(&sources).unwrap();
        for (name, value) in [("a", "one"), ("b", "x=y"), ("c", "3\n"), ("d", "4"), ("e", "5")] {
            assert_eq!(values[name], value);
        }
    }

    #[test]
    fn other_forms_are_refused() {
        assert!("name".parse::<VariableSource>().is_err());
        assert!("@file".parse::<VariableSource>().is_err());
        assert!("@file.yaml".parse::<VariableSource>().is_err());
        assert!(read(&["a=@/does/not/exist".parse().unwrap()]).is_err());
    }
}
