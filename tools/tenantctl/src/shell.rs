//! `tenantctl completions` and `tenantctl man`

use std::{
    io::{Write as _, stdout},
    path::PathBuf,
};

use anyhow::{Context as _, Result};

use crate::output;

/// The options of `completions`.
#[derive(clap::Args)]
pub struct Completions {
    /// The shell.
    shell: clap_complete::Shell,
}

/// The options of `man`.
#[derive(clap::Args)]
pub struct Man {
    /// Writes a page for each command into this folder. The default is the page of tenantctl, on standard output.
    folder: Option<PathBuf>,
}

/// Prints the completion script of a shell.
pub fn completions(arguments: &Completions, mut command: clap::Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "tenantctl", &mut script);
    print(&script)
}

/// Prints the manual page, or writes the pages of all commands.
pub fn man(arguments: &Man, command: clap::Command) -> Result<()> {
    let Some(folder) = &arguments.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        return print(&page);
    };
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    clap_mangen::generate_to(command, folder).with_context(|| folder.display().to_string())?;
    output::line(&format!("manual pages: {}", folder.display()));
    Ok(())
}

/// A closed output (`| head`) is not a failure.
fn print(text: &[u8]) -> Result<()> {
    match stdout().write_all(text) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
