//! A component: its routes, served for as long as the host keeps the instance.

use std::{cell::OnceCell, collections::BTreeMap, rc::Rc};

use futures::future::join_all;
use spin_sdk::{
    variables::{self, Error as VariableError},
    wasip3::http::types::{self, ErrorCode},
};

use super::http::{read_request, write_response};
use crate::{
    error::InvalidSetting,
    hex,
    http::Router,
    platform::Platform,
    settings::{self, Component, Settings},
    tenancy::Tenancy,
};

/// What an instance keeps from its first request on.
#[derive(Default)]
struct Instance {
    router: OnceCell<Router>,
    /// The service, once its settings were found good.
    tenancy: OnceCell<Rc<Tenancy>>,
}

thread_local! {
    static INSTANCE: Rc<Instance> = Rc::default();
}

/// Serves a request with the routes of this component.
pub async fn serve(
    component: Component,
    new_router: fn() -> Router,
    request: types::Request,
) -> Result<types::Response, ErrorCode> {
    let instance = INSTANCE.with(Rc::clone);
    let tenancy = match instance.tenancy.get() {
        Some(tenancy) => Ok(Rc::clone(tenancy)),
        // Another request of the instance may load it as well; the first one to end stays.
        None => load(component).await.map(|new| Rc::clone(instance.tenancy.get_or_init(|| new))),
    };
    // What keeps the service from running does not keep it from answering.
    let bare;
    let platform = match &tenancy {
        Ok(tenancy) => &tenancy.platform,
        Err(_) => {
            bare = Platform::on_spin(String::new());
            &bare
        }
    };
    let router = instance.router.get_or_init(new_router);
    let answer = router.answer(platform, tenancy.clone(), read_request(request)).await;
    write_response(answer).await
}

async fn load(component: Component) -> Result<Rc<Tenancy>, Rc<Vec<InvalidSetting>>> {
    let mut values = BTreeMap::new();
    let mut invalid = Vec::new();
    let random = Platform::on_spin(String::new()).random;
    for name in settings::NAMES.into_iter().filter(|name| !component.gets(name)) {
        if let Some(value) = Component::stand_in(name, &hex::encode(&random.bytes::<32>())) {
            values.insert(name, value);
        }
    }
    let names: Vec<_> = component.settings().collect();
    // All at once: one after the other would be a turn of the host's event loop for each.
    let asked = names.iter().map(|name| variables::get(name.to_ascii_lowercase()));
    for (name, value) in names.iter().copied().zip(join_all(asked).await) {
        match value {
            Ok(value) => {
                values.insert(name, value);
            }
            // Whether it is required, the settings know.
            Err(VariableError::Undefined(_)) => {}
            Err(_) => invalid.push(InvalidSetting {
                name,
                message: "has no value that its provider can give".to_owned(),
            }),
        }
    }
    if !invalid.is_empty() {
        return Err(Rc::new(invalid));
    }
    let settings = Settings::parse(&values).map_err(Rc::new)?;
    let platform = Platform::on_spin(settings.redis_url.expose().to_owned());
    Tenancy::new(platform, settings).map(Rc::new).map_err(|error| {
        let message = format!("cannot be used: {error}");
        Rc::new(vec![InvalidSetting { name: "MASTER_ENCRYPTION_KEY", message }])
    })
}
