//! Tokens that an instance has verified: who calls often is not read anew each time.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use super::Claims;

/// The most tokens that an instance remembers.
const MOST: usize = 128;
/// The longest token that it remembers, in bytes.
const LONGEST: usize = 2 * 1024;

/// Claims by the whole text of their token, signature and all. What they say of time and of versions is
/// asked on each use.
#[derive(Default)]
pub(super) struct VerifiedTokens(RefCell<HashMap<Box<str>, Rc<Claims>>>);

impl VerifiedTokens {
    /// The claims of a token that was verified before.
    pub(super) fn get(&self, token: &str) -> Option<Rc<Claims>> {
        self.0.borrow().get(token).cloned()
    }

    /// Remembers a token that was verified.
    pub(super) fn put(&self, token: &str, claims: &Rc<Claims>) {
        if token.len() > LONGEST {
            return;
        }
        let mut tokens = self.0.borrow_mut();
        // An instance lives for 128 requests: it is hardly ever full.
        if tokens.len() >= MOST {
            tokens.clear();
        }
        tokens.insert(token.into(), Rc::clone(claims));
    }
}
