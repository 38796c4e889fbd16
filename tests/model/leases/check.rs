//! The checks of a model.

use std::{fmt::Debug, hash::Hash, time::Instant};

use stateright::{Checker, HasDiscoveries, Model};

/// The order of a search for a counterexample.
#[derive(Clone, Copy)]
pub enum Search {
    /// Finds a shortest counterexample.
    BreadthFirst,
    /// Finds a counterexample sooner in a large model.
    DepthFirst,
}

/// Checks all properties of the protocol.
pub fn verify<M>(model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let begin = Instant::now();
    let checker = model.checker().threads(2).spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("{states} states, {depth} steps deep, in {:?}", begin.elapsed());
    checker.assert_properties();
}

/// Checks that a broken variant breaks a promise.
pub fn refute<M>(flaw: &impl Debug, model: M, promise: &'static str, search: Search)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let checker = model.checker().finish_when(HasDiscoveries::AnyOf([promise].into()));
    let path = match search {
        Search::BreadthFirst => checker.spawn_bfs().join().discovery(promise),
        Search::DepthFirst => checker.spawn_dfs().join().discovery(promise),
    };
    let Some(path) = path else { panic!("{flaw:?} does not break the promise: {promise}") };
    println!("{flaw:?} breaks the promise: {promise}: {:?}", path.into_actions());
}

/// Declares a test for each broken variant: its name, the broken rule, the promise, and a model.
macro_rules! refutations {
    ($($test:ident: $flaw:ident breaks $promise:ident, $search:ident in $model:ident $bounds:expr;)*) => {
        $(#[test]
        fn $test() {
            let model = $model { flaw: Some(Flaw::$flaw), bounds: $bounds };
            $crate::check::refute(&Flaw::$flaw, model, $promise, $crate::check::Search::$search);
        })*
    };
}

pub(crate) use refutations;
