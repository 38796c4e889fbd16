//! `spin:variables`

use std::sync::Arc;

use wasmtime::component::{Accessor, HasData};

use crate::bindings::variables as wit;
use crate::variables::{Error, Variables};

/// The variables of the application, and the component that reads them.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) component: Arc<str>,
    pub(crate) variables: Arc<Variables>,
}

pub(crate) type State = Shared;

pub(crate) struct Interface;

impl HasData for Interface {
    type Data<'a> = &'a mut State;
}

impl wit::Host for State {}

impl<T: Send> wit::HostWithStore<T> for Interface {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<String, wit::Error> {
        let state = accessor.with(|mut access| access.get().clone());
        // A source may read a file.
        let value = tokio::task::block_in_place(|| state.variables.get(&state.component, &name));
        value.map_err(to_wit)
    }
}

fn to_wit(error: Error) -> wit::Error {
    match error {
        Error::InvalidName(text) => wit::Error::InvalidName(text),
        Error::Undefined(text) => wit::Error::Undefined(text),
        Error::Provider(error) => wit::Error::Provider(error.to_string()),
        Error::InvalidTemplate(_) => wit::Error::Other(error.to_string()),
    }
}
