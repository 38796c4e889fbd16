//! The files of an application's migrations.

use sha2::{Digest, Sha256};

/// The first line of a file whose statements cannot run in a transaction.
const NO_TRANSACTION: &str = "-- tenancy: no-transaction";

/// A file.
#[derive(Debug, Clone)]
pub struct MigrationFile {
    /// The number, from 1.
    pub version: i32,
    /// The name without its ending: `0001_notes`.
    pub name: String,
    /// The text.
    pub sql: String,
}

impl MigrationFile {
    /// Reads files from their names and texts.
    ///
    /// # Errors
    /// A phrase that names the file: its name does not have the form `0001_name.sql`, or a number is missing or used
    /// twice.
    pub fn read_all(files: Vec<(String, String)>) -> Result<Vec<Self>, String> {
        let mut files = files
            .into_iter()
            .map(|(name, sql)| Self::read(&name, sql))
            .collect::<Result<Vec<_>, String>>()?;
        files.sort_by_key(|file| file.version);
        for (expected, file) in (1..).zip(&files) {
            if file.version != expected {
                return Err(format!("{}: the number {expected:04} is expected", file.name));
            }
        }
        Ok(files)
    }

    fn read(name: &str, sql: String) -> Result<Self, String> {
        let problem = || format!("{name}: the name must have the form 0001_name.sql");
        let stem = name.strip_suffix(".sql").ok_or_else(problem)?;
        let (number, title) = stem.split_once('_').ok_or_else(problem)?;
        let is_number = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
        let is_title = !title.is_empty()
            && title.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let version = number.parse().ok().filter(|version| is_number && *version > 0);
        let version = version.filter(|_| is_title).ok_or_else(problem)?;
        if sql.trim().is_empty() {
            return Err(format!("{name}: the file is empty"));
        }
        Ok(Self { version, name: stem.to_owned(), sql })
    }

    /// Returns the SHA-256 of the text.
    pub fn checksum(&self) -> String {
        base16ct::lower::encode_string(&Sha256::digest(self.sql.as_bytes()))
    }

    /// Returns whether the statements run in a transaction. Otherwise the file may run again after an interruption.
    pub fn runs_in_transaction(&self) -> bool {
        self.sql.lines().next().is_none_or(|line| line.trim_end() != NO_TRANSACTION)
    }
}

/// Returns the checksum of all files up to a version.
pub fn checksum_of_all(files: &[MigrationFile], version: i32) -> String {
    let mut digest = Sha256::new();
    for file in files.iter().filter(|file| file.version <= version) {
        digest.update(file.checksum());
        digest.update(b"\n");
    }
    base16ct::lower::encode_string(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(names: &[&str]) -> Result<Vec<MigrationFile>, String> {
        let files = names.iter().map(|name| ((*name).to_owned(), format!("SELECT '{name}'")));
        MigrationFile::read_all(files.collect())
    }

    #[test]
    fn files_are_numbered_without_gaps() {
        let files = read(&["0002_more.sql", "0001_notes.sql"]).unwrap();
        assert_eq!(files[0].name, "0001_notes");
        for names in [
            &["0002_notes.sql"][..],
            &["0001_notes.sql", "0003_more.sql"],
            &["0001_notes.sql", "0001_more.sql"],
            &["1_notes.sql"],
            &["0001.sql"],
            &["0001_notes.txt"],
            &["0000_notes.sql"],
            &["0001_no tes.sql"],
        ] {
            assert!(read(names).is_err(), "{names:?}");
        }
        assert!(
            MigrationFile::read_all(vec![("0001_a.sql".to_owned(), " \n".to_owned())]).is_err()
        );
    }

    #[test]
    fn checksum_covers_each_earlier_file() {
        let files = read(&["0001_a.sql", "0002_b.sql"]).unwrap();
        assert_ne!(checksum_of_all(&files, 1), checksum_of_all(&files, 2));
        let other = read(&["0001_a.sql", "0002_c.sql"]).unwrap();
        assert_eq!(checksum_of_all(&files, 1), checksum_of_all(&other, 1));
        assert_ne!(checksum_of_all(&files, 2), checksum_of_all(&other, 2));
    }

    #[test]
    fn first_line_excludes_a_transaction() {
        let file = |sql: &str| MigrationFile {
            version: 1,
            name: "0001_a".to_owned(),
            sql: sql.to_owned(),
        };
        assert!(file("CREATE TABLE a ()").runs_in_transaction());
        assert!(
            !file("-- tenancy: no-transaction\nCREATE INDEX CONCURRENTLY").runs_in_transaction()
        );
    }
}
