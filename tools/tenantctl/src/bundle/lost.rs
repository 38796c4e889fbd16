//! Files that the key-value store has lost: a bundle cannot have them.

use anyhow::Result;

use crate::{exit::Exit, output::printable};

/// The number of paths that an error names. The result of the command has all of them.
const MOST: usize = 10;

/// The option that accepts lost files.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct LostFiles {
    /// Accepts files whose chunks the key-value store has lost: the bundle does not have them.
    #[arg(long)]
    allow_lost_files: bool,
}

impl LostFiles {
    /// Reports the lost files of a bundle that was written or verified.
    ///
    /// # Errors
    /// [`Exit::Partial`].
    pub fn report(self, lost: &[String]) -> Result<()> {
        self.check(Exit::Partial, lost, "The bundle has everything else")
    }

    /// Refuses a bundle without some files, before anything is changed with it.
    ///
    /// # Errors
    /// [`Exit::Refused`].
    pub fn refuse(self, lost: &[String]) -> Result<()> {
        self.check(Exit::Refused, lost, "Nothing was changed")
    }

    fn check(self, exit: Exit, lost: &[String], state: &str) -> Result<()> {
        if self.allow_lost_files || lost.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = lost.iter().take(MOST).map(|path| printable(path)).collect();
        let others = lost.len().saturating_sub(MOST);
        let more = if others > 0 { format!(" and {others} others") } else { String::new() };
        Err(exit.error(format!(
            "the key-value store has lost {} files: {}{more}. {state}. Restore these files from an earlier backup, or \
             add --allow-lost-files",
            lost.len(),
            named.join(", ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::describe;

    #[test]
    fn lost_files_are_named_up_to_a_bound() {
        let lost: Vec<_> = (0..12).map(|number| format!("file {number}\n")).collect();
        let option = LostFiles { allow_lost_files: false };
        let described = describe(&option.report(&lost).unwrap_err());
        assert_eq!(described.exit, Exit::Partial);
        assert!(
            described.text.contains("has lost 12 files: file 0 , file 1 ,"),
            "{}",
            described.text
        );
        assert!(described.text.contains("file 9  and 2 others. The bundle"), "{}", described.text);
        assert_eq!(describe(&option.refuse(&lost).unwrap_err()).exit, Exit::Refused);
        assert!(option.report(&[]).is_ok());
        assert!(LostFiles { allow_lost_files: true }.refuse(&lost).is_ok());
    }
}
