//! The entry point of a component, which serves its routes for the life of the instance.

use std::{cell::OnceCell, collections::BTreeMap, rc::Rc};

use futures::future::join_all;
use http::Method;
use platform::{Http, NoHttp, Platform};
use spin_sdk::{
    variables::{self, Error as VariableError},
    wasip3::http::types::{self, ErrorCode},
};
use tenancy::{
    Context,
    error::InvalidSetting,
    settings::{Component, DECLARATIONS, Declaration, Settings},
};

use crate::{
    Endpoint, Router,
    serve::http::{read_request, write_response},
};

/// The state that an instance keeps between requests.
#[derive(Default)]
struct Instance {
    router: OnceCell<Router>,
    /// The service, once its settings are valid.
    context: OnceCell<Rc<Context>>,
}

thread_local! {
    static INSTANCE: Rc<Instance> = Rc::default();
}

/// The abilities of some components. The others do not contain their code.
pub struct Options {
    /// Returns the calls of other servers.
    http: fn() -> Rc<dyn Http>,
    /// Schedules work after each request.
    after: Work,
}

/// Schedules work after a request, which succeeded or failed.
type Work = fn(&Rc<Context>, bool);

impl Options {
    /// No other abilities.
    pub const NONE: Self = Self { http: || Rc::new(NoHttp), after: |_, _| {} };

    /// Calls the component `outbound`, and schedules work after each request. If an endpoint requires no credential, the
    /// work must limit itself.
    pub const fn calling_outbound(after: Work) -> Self {
        Self { http: spin_platform::http, after }
    }
}

/// Serves a request with the endpoints of this component.
pub async fn serve(
    component: Component,
    endpoints: &'static [Endpoint],
    options: &Options,
    request: types::Request,
) -> Result<types::Response, ErrorCode> {
    let instance = INSTANCE.with(Rc::clone);
    let context = match instance.context.get() {
        Some(context) => Ok(Rc::clone(context)),
        // A concurrent request of the instance may load the service as well. The first one to finish is kept.
        None => load(component, options)
            .await
            .map(|new| Rc::clone(instance.context.get_or_init(|| new))),
    };
    // Invalid settings prevent the service from running, but the component still responds.
    let bare;
    let platform = match &context {
        Ok(context) => &context.platform,
        Err(_) => {
            bare = spin_platform::platform(String::new());
            &bare
        }
    };
    let router = instance.router.get_or_init(|| Router::new(endpoints));
    let request = read_request(request);
    let is_preflight = request.method == Method::OPTIONS;
    let answer = router.answer(platform, context.clone(), request).await;
    // A preflight request has no credential.
    if let Ok(context) = &context
        && !is_preflight
    {
        (options.after)(context, answer.status.is_success());
    }
    write_response(answer).await
}

async fn load(
    component: Component,
    options: &Options,
) -> Result<Rc<Context>, Rc<Vec<InvalidSetting>>> {
    let mut values = BTreeMap::new();
    let mut invalid = Vec::new();
    let random = spin_platform::platform(String::new()).random;
    let (given, withheld): (Vec<&Declaration>, Vec<&Declaration>) =
        DECLARATIONS.iter().partition(|setting| setting.is_given_to(component));
    for setting in withheld {
        let random = base16ct::lower::encode_string(&random.bytes::<32>());
        if let Some(value) = setting.stand_in(&random) {
            values.insert(setting.name, value);
        }
    }
    // All settings are read concurrently, because sequential reads would take one turn of the host's event loop each.
    let asked = given.iter().map(|setting| variables::get(setting.name.to_ascii_lowercase()));
    for (name, value) in given.iter().map(|setting| setting.name).zip(join_all(asked).await) {
        match value {
            Ok(value) => {
                values.insert(name, value);
            }
            // `Settings::parse` decides whether the setting is required.
            Err(VariableError::Undefined(_)) => {}
            Err(_) => invalid.push(InvalidSetting {
                name,
                message: "cannot be read from its provider".to_owned(),
            }),
        }
    }
    if !invalid.is_empty() {
        return Err(Rc::new(invalid));
    }
    let settings = Settings::parse(&values).map_err(Rc::new)?;
    let platform = spin_platform::platform(settings.redis_url().expose().to_owned());
    let platform = Platform { http: (options.http)(), ..platform };
    Context::new(platform, settings).map(Rc::new).map_err(|error| {
        let message = format!("cannot be used: {error}");
        Rc::new(vec![InvalidSetting { name: "MASTER_ENCRYPTION_KEY", message }])
    })
}
