//! The confirmation of changes that cannot be undone.

use std::io::{BufRead as _, Write as _};

use anyhow::Result;

use crate::{
    exit::Exit,
    output::{is_interactive, printable},
};

/// The options of commands that ask first.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Yes {
    /// Does not ask for a confirmation.
    #[arg(long)]
    pub yes: bool,
}

impl Yes {
    /// Asks the person at the terminal to type `word`, unless `--yes` was given.
    ///
    /// # Errors
    /// [`Exit::Refused`] if another text was typed, and [`Exit::Usage`] without a terminal and `--yes`.
    pub fn confirm(self, effect: &str, word: &str) -> Result<()> {
        if self.yes {
            return Ok(());
        }
        if !is_interactive() {
            return Err(Exit::Usage.error(
                "this command asks for a confirmation, and there is no terminal. Add --yes, or --dry-run to see its effect",
            ));
        }
        let mut terminal = std::io::stderr();
        write!(terminal, "{}\nType {word} to confirm: ", printable(effect))?;
        terminal.flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        if answer.trim() == word {
            return Ok(());
        }
        Err(Exit::Refused.error("not confirmed. Nothing was changed"))
    }
}
