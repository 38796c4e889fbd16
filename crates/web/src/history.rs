//! The usage history as a response.

use tenancy::usage::history::History;

use crate::{Page, Response};

impl From<History> for Response {
    fn from(history: History) -> Self {
        match history {
            History::Page { items, total, offset, limit } => {
                Self::ok(&Page { items, total, offset, limit })
            }
            History::Csv(text) => Self::bytes("text/csv; charset=utf-8; header=present", text),
        }
    }
}
