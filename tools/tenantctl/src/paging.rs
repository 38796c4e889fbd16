//! The part of a list to show.

/// The options of commands that list objects.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Paging {
    /// The maximum number of items.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// The number of items to skip.
    #[arg(long, default_value_t = 0)]
    pub offset: u32,
}
