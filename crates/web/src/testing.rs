//! Calls of handlers in unit tests, without a host and servers.
//!
//! ```text
//! let service = Service::new();
//! let answer = service.call(handler, Role::Admin, request(Method::POST, &json!({ "email": "" })));
//! assert_eq!(answer.status, 422);
//! ```

use std::{cell::OnceCell, rc::Rc};

use async_trait::async_trait;
use chrono::DateTime;
use futures::executor::block_on;
use http::Method;
use platform::{pace::Pace, testing::PreparedSql};
use serde_json::Value;
use tenancy::{
    Context, Result,
    access::Role,
    admission::Arrival,
    body::{Body, BodySource},
    testing,
};

use crate::{
    Call, Content, Headers, Member, Principal, Record, Request, Response, authority::Of,
    member::Holder, problem,
};

/// A service with prepared databases and without Redis.
pub struct Service {
    /// The databases.
    pub sql: Rc<PreparedSql>,
    context: Rc<Context>,
    parameters: Vec<(String, String)>,
}

impl Default for Service {
    fn default() -> Self {
        Self::new()
    }
}

/// The response of a handler. An error is a response, too.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The JSON of the body, or null.
    pub body: Value,
    response: Response,
}

impl Answer {
    /// Returns the value of a header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        let headers = self.response.headers.iter();
        let mut values = headers.filter(|(own, _)| own.as_str() == name);
        values.next().and_then(|(_, value)| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the names of the invalid fields.
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().into_iter().flatten();
        errors.filter_map(|error| error["field"].as_str()).collect()
    }
}

impl Service {
    /// Creates a service.
    pub fn new() -> Self {
        let sql = Rc::<PreparedSql>::default();
        Self { context: testing::context(&sql), sql, parameters: Vec::new() }
    }

    /// Sets a parameter of the path of the following calls.
    #[must_use]
    pub fn at(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Calls a handler as an authenticated user with this role. The access to the endpoint is not checked.
    pub fn call<F>(&self, handler: fn(Member) -> F, role: Role, request: Request) -> Answer
    where
        F: Future<Output = Result<Response>>,
    {
        answer(block_on(handler(self.member(role, request))))
    }

    /// Calls a handler like [`call`](Self::call), with the authority of the user.
    pub fn call_with<A, F>(
        &self,
        handler: fn(Member, A) -> F,
        role: Role,
        request: Request,
    ) -> Answer
    where
        A: Of<Member>,
        F: Future<Output = Result<Response>>,
    {
        let member = self.member(role, request);
        let authority = A::of(&member);
        answer(block_on(handler(member, authority)))
    }

    fn member(&self, role: Role, request: Request) -> Member {
        let call = Call {
            context: Ok(Rc::clone(&self.context)),
            request,
            parameters: self.parameters.clone(),
            request_id: "test".to_owned(),
            arrival: Arrival { at: DateTime::UNIX_EPOCH, micros: 0 },
            record: Rc::<Record>::default(),
        };
        let tenant = testing::tenant(&self.context);
        let principal = Principal::User(Holder::user(Rc::new(testing::claims(role)), &tenant));
        Member { context: Rc::clone(&self.context), tenant, principal, second: None, call }
    }
}

fn answer(outcome: Result<Response>) -> Answer {
    let response = outcome.unwrap_or_else(|error| problem::answer(&error, "test"));
    let body = match &response.content {
        Content::Whole(bytes) => serde_json::from_slice(bytes).unwrap_or_default(),
        Content::Stream { .. } => Value::Null,
    };
    Answer { status: response.status.as_u16(), body, response }
}

/// Creates a request with a JSON body.
pub fn request(method: Method, body: &Value) -> Request {
    let headers = [("content-type", "application/json")];
    with_headers(method, &headers, body.to_string().into_bytes())
}

/// Creates a request with these headers and this body.
pub fn with_headers(method: Method, headers: &[(&str, &str)], body: Vec<u8>) -> Request {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    Request {
        method,
        authority: None,
        path: String::new(),
        path_slug: None,
        query: None,
        headers: Headers::from(headers),
        body: Body::new(WholeBody(Some(body))),
        peer: OnceCell::new(),
    }
}

/// A body that is there at once.
struct WholeBody(Option<Vec<u8>>);

#[async_trait(?Send)]
impl BodySource for WholeBody {
    async fn read(&mut self, _: &mut Pace) -> Result<Option<Vec<u8>>> {
        Ok(self.0.take())
    }
}
