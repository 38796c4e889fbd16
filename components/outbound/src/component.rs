//! The connection of the component with the Spin host.

use std::{cell::OnceCell, io::Write as _, rc::Rc, time::Duration};

use futures::future::join3;
use platform::{HttpError, HttpMethod, HttpRequest};
use serde_json::json;
use spin_sdk::{
    variables::{self, Error as VariableError},
    wasip3::{
        self,
        http::types::{ErrorCode, Fields, Method, Request, Response},
        spawn, wit_future, wit_stream,
    },
};
use tenancy::{
    breached_passwords::{self, LONGEST_RANGE, LONGEST_REASON, Prefix},
    mail::api::{self, LONGEST, Message, Reply},
    settings::{MailApi, breached_passwords_origin},
};

/// The deadline of a call of the mail service.
const DEADLINE: Duration = Duration::from_secs(8);
/// The maximum length of a header that is passed on.
const LONGEST_HEADER: usize = 100;
/// The maximum length of a prefix in a request, in bytes.
const LONGEST_PREFIX: usize = 64;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

struct Component;

wasip3::http::service::export!(Component with_types_in wasip3);

thread_local! {
    /// The settings of the instance, once they are valid. They cannot change while Spin runs the application.
    static MAIL_API: OnceCell<Rc<MailApi>> = const { OnceCell::new() };
    static BREACHED_PASSWORDS: OnceCell<String> = const { OnceCell::new() };
}

impl wasip3::exports::http::handler::Guest for Component {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        if !matches!(request.get_method(), Method::Post) {
            return respond(404, JSON, Vec::new());
        }
        let longest = match path.as_str() {
            api::PATH => LONGEST,
            breached_passwords::PATH => LONGEST_PREFIX,
            _ => return respond(404, JSON, Vec::new()),
        };
        let (_done, is_done) = wit_future::new(|| Ok(()));
        let body = Request::consume_body(request, is_done);
        let Some(body) = spin_platform::read_body(body, longest).await else {
            return respond(413, JSON, Vec::new());
        };
        if path == breached_passwords::PATH { list_range(&body).await } else { mail(&body).await }
    }
}

/// Sends a message, and responds with the reply of the mail service.
async fn mail(body: &[u8]) -> Result<Response, ErrorCode> {
    let message = match Message::parse(body) {
        Ok(message) => message,
        Err(problem) => {
            report(&format!("A message is refused: {problem}."));
            return respond(422, JSON, Vec::new());
        }
    };
    let reply = match mail_api().await {
        Ok(api) => send(&api, &message).await,
        Err(problem) => Reply::NotSent(problem),
    };
    let body = serde_json::to_vec(&reply).map_err(|error| internal(&error.to_string()))?;
    respond(200, JSON, body)
}

/// Responds with the range of a prefix, or with 502 and a reason. The caller logs the reason.
async fn list_range(body: &[u8]) -> Result<Response, ErrorCode> {
    let Some(prefix) = Prefix::parse(body) else { return respond(422, TEXT, Vec::new()) };
    match fetch_range(&prefix).await {
        Ok(range) => respond(200, TEXT, range),
        Err(reason) => {
            let mut reason = reason.into_bytes();
            reason.truncate(LONGEST_REASON);
            respond(502, TEXT, reason)
        }
    }
}

async fn fetch_range(prefix: &Prefix) -> Result<Vec<u8>, String> {
    let request = HttpRequest {
        method: HttpMethod::Get,
        origin: breached_passwords().await?,
        target: prefix.target(),
        headers: vec![
            ("accept", "text/plain".to_owned()),
            // The length of the response would reveal the prefix to somebody who sees the encrypted connection.
            ("add-padding", "true".to_owned()),
            ("user-agent", "tenancy".to_owned()),
        ],
        body: Vec::new(),
        deadline: breached_passwords::DEADLINE,
        most: LONGEST_RANGE,
    };
    let response = spin_platform::http().send(request).await.map_err(|error| error.to_string())?;
    if response.status != 200 {
        return Err(format!("the service responds {}", response.status));
    }
    response.body.ok_or_else(|| "the response is incomplete or too long".to_owned())
}

/// Returns the origin of the service that lists breached passwords. The first request of an instance reads it.
async fn breached_passwords() -> Result<String, String> {
    if let Some(known) = BREACHED_PASSWORDS.with(|origin| origin.get().cloned()) {
        return Ok(known);
    }
    let text = variable("breached_passwords_url").await?;
    let origin = breached_passwords_origin(&text)
        .map_err(|invalid| format!("{} {}", invalid.name, invalid.message))?;
    Ok(BREACHED_PASSWORDS.with(|known| known.get_or_init(|| origin).clone()))
}

/// Sends a message to the mail service.
async fn send(api: &MailApi, message: &Message) -> Reply {
    let request = message.request(api);
    let request = HttpRequest {
        method: HttpMethod::Post,
        origin: api.origin.clone(),
        target: request.target.to_owned(),
        headers: request.headers,
        body: request.body,
        deadline: DEADLINE,
        // The status has the outcome.
        most: 0,
    };
    match spin_platform::http().send(request).await {
        Ok(response) => {
            let retry_after = response.header("retry-after");
            let retry_after = retry_after.filter(|text| text.len() <= LONGEST_HEADER);
            Reply::Answered { status: response.status, retry_after: retry_after.map(str::to_owned) }
        }
        Err(HttpError::NotSent(reason)) => Reply::NotSent(reason),
        Err(HttpError::NoAnswer(reason)) => Reply::NoAnswer(reason),
    }
}

/// Returns the settings of the mail service. The first request of an instance reads them.
async fn mail_api() -> Result<Rc<MailApi>, String> {
    if let Some(known) = MAIL_API.with(|api| api.get().map(Rc::clone)) {
        return Ok(known);
    }
    let (url, format, token) =
        join3(variable("mail_api_url"), variable("mail_api_format"), variable("mail_api_token"))
            .await;
    let api = MailApi::parse(&url?, &format?, &token?)
        .map_err(|invalid| format!("{} {}", invalid.name, invalid.message))?;
    Ok(MAIL_API.with(|known| Rc::clone(known.get_or_init(|| Rc::new(api)))))
}

async fn variable(name: &'static str) -> Result<String, String> {
    match variables::get(name.to_owned()).await {
        Ok(value) => Ok(value),
        Err(VariableError::Undefined(_)) => Ok(String::new()),
        Err(_) => Err(format!("{name} cannot be read from its provider")),
    }
}

fn respond(status: u16, content_type: &str, body: Vec<u8>) -> Result<Response, ErrorCode> {
    let headers = [
        ("content-type".to_owned(), content_type.as_bytes().to_vec()),
        ("content-length".to_owned(), body.len().to_string().into_bytes()),
    ];
    let fields = Fields::from_list(&headers).map_err(|error| internal(&error.to_string()))?;
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (mut writer, reader) = wit_stream::new();
    let (response, _sent) = Response::new(fields, Some(reader), trailers);
    response.set_status_code(status).map_err(|()| internal("invalid status"))?;
    spawn(async move {
        // The caller may have given up, which is not an error.
        writer.write_all(body).await;
    });
    Ok(response)
}

fn internal(reason: &str) -> ErrorCode {
    ErrorCode::InternalError(Some(reason.to_owned()))
}

/// Writes a line to the log of the application.
fn report(reason: &str) {
    let line = json!({ "level": "ERROR", "component": "outbound", "message": reason });
    // A log that cannot be written must not stop the service.
    let _ = writeln!(std::io::stderr(), "{line}");
}
