//! Requests and responses of the Spin host (wasi:http 0.3).

use std::{
    cell::{OnceCell, RefCell},
    future::poll_fn,
    pin::Pin,
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use http::Method;
use platform::pace::Pace;
use spin_platform::{
    deadline::{Waited, within, within_pace},
    handover::{self, Handover},
};
use spin_sdk::{
    wasip3::{
        http::types::{self, ErrorCode, Fields, HeaderError},
        spawn, wit_future, wit_stream,
    },
    wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult, StreamWriter},
};
use tenancy::{
    Error, Result,
    body::{Body, BodySource},
};

use crate::{Content, Headers, Request, Response, ResponseHeaders};

/// The number of bytes that a read of a body requests.
const PIECE: usize = 64 * 1024;
/// The maximum number of response bytes that a client must accept within one window.
const SLICE: usize = 32 * 1024;
/// The time limit for reporting to the host that a response was aborted.
const FAREWELL: Duration = Duration::from_secs(1);

/// Reads a request from the host. The body stays with the host until it is read.
pub fn read_request(request: types::Request) -> Request {
    let target = request.get_path_with_query().unwrap_or_default();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (target, None),
    };
    // The host has already parsed the headers and converted their names to lower case.
    let headers = Headers::from(request.get_headers().copy_all());
    let authority = request.get_authority().or_else(|| headers.text("host").map(str::to_owned));
    Request {
        method: method(request.get_method()),
        authority,
        path,
        path_slug: None,
        query,
        headers,
        body: Body::new(HostBody::Unread(Some(request))),
        peer: OnceCell::new(),
    }
}

fn method(method: types::Method) -> Method {
    match method {
        types::Method::Get => Method::GET,
        types::Method::Head => Method::HEAD,
        types::Method::Post => Method::POST,
        types::Method::Put => Method::PUT,
        types::Method::Delete => Method::DELETE,
        types::Method::Connect => Method::CONNECT,
        types::Method::Options => Method::OPTIONS,
        types::Method::Trace => Method::TRACE,
        types::Method::Patch => Method::PATCH,
        // An invalid method matches no route.
        types::Method::Other(name) => Method::from_bytes(name.as_bytes()).unwrap_or(Method::TRACE),
    }
}

type Trailers = Result<Option<types::Trailers>, ErrorCode>;

enum HostBody {
    Unread(Option<types::Request>),
    Reading {
        bytes: StreamReader<u8>,
        trailers: Option<FutureReader<Trailers>>,
        /// Reports to the host on drop that the body was read successfully.
        _done: FutureWriter<Result<(), ErrorCode>>,
    },
}

#[async_trait(?Send)]
impl BodySource for HostBody {
    async fn read(&mut self, pace: &mut Pace) -> Result<Option<Vec<u8>>> {
        if let Self::Unread(request) = self {
            let request = request.take().ok_or(Error::BodyIncomplete)?;
            let (done, is_done) = wit_future::new(|| Ok(()));
            let (bytes, trailers) = types::Request::consume_body(request, is_done);
            *self = Self::Reading { bytes, trailers: Some(trailers), _done: done };
        }
        let Self::Reading { bytes, trailers, .. } = self else {
            return Err(Error::BodyIncomplete);
        };
        handover::settled().await;
        let (read, waited) = within_pace(pace, bytes.read(Vec::with_capacity(PIECE))).await;
        let read = match read {
            Waited::Done(read) => read,
            Waited::TooSlow => return Err(Error::BodyTooSlow),
            Waited::Displaced => {
                return Err(Error::unavailable(
                    "too many requests of the instance are waiting for a body",
                ));
            }
        };
        match read {
            (StreamResult::Complete(_), piece) => {
                pace.record(waited, piece.len());
                Ok(Some(piece))
            }
            (StreamResult::Dropped | StreamResult::Cancelled, _) => match trailers.take() {
                // The end of the stream is the end of the body only if the trailers confirm it.
                Some(trailers) => match trailers.await {
                    Ok(_) => Ok(None),
                    Err(_) => Err(Error::BodyIncomplete),
                },
                None => Ok(None),
            },
        }
    }
}

/// Passes a response to the host. A complete response has `content-length`, and its body is already being written when
/// the host reads it. So the header and the body are sent in one segment.
pub async fn write_response(response: Response) -> Result<types::Response, ErrorCode> {
    let Response { status, headers, content } = response;
    let (length, is_empty) = match &content {
        Content::Whole(body) => (u64::try_from(body.len()).ok(), body.is_empty()),
        Content::Stream { length, .. } => (*length, false),
    };
    let has_body = !status.is_informational()
        && status != http::StatusCode::NO_CONTENT
        && status != http::StatusCode::NOT_MODIFIED;
    let fields = fields(&headers, length.filter(|_| has_body))
        .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
    let (trailers, trailers_reader) = wit_future::new(|| Err(ErrorCode::InternalError(None)));
    let contents = (has_body && !is_empty).then(wit_stream::new);
    let (writer, reader) = contents.unzip();
    let (answer, _sent) = types::Response::new(fields, reader, trailers_reader);
    // The status is 200 by default, so setting it would be an unnecessary host call.
    if status != http::StatusCode::OK {
        answer
            .set_status_code(status.as_u16())
            .map_err(|()| ErrorCode::InternalError(Some("invalid status".to_owned())))?;
    }
    let mut writing: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
        let written = match writer {
            Some(writer) => write_content(writer, content).await,
            None => Ok(()),
        };
        match written {
            Ok(()) => {
                let _ = trailers.write(Ok(None)).await;
            }
            // The host reads this only when the client continues to read, which may never happen.
            Err(_) => {
                let broken = ErrorCode::InternalError(Some("the body is incomplete".to_owned()));
                let _ = within(FAREWELL, trailers.write(Err(broken))).await;
            }
        }
    });
    let is_written =
        poll_fn(|context| Poll::Ready(writing.as_mut().poll(context).is_ready())).await;
    if !is_written {
        spawn(writing);
    }
    handover::ready().await;
    Ok(answer)
}

thread_local! {
    /// The headers of the last response. The next response reuses their memory.
    static LIST: RefCell<Vec<(String, Vec<u8>)>> = const { RefCell::new(Vec::new()) };
}

/// Passes the headers of a response and the content length to the host.
fn fields(headers: &ResponseHeaders, length: Option<u64>) -> Result<Fields, HeaderError> {
    let length = length.map(|length| length.to_string());
    let length = length.iter().map(|length| ("content-length", length.as_bytes()));
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    LIST.with_borrow_mut(|list| {
        let mut count = 0;
        for (name, value) in headers.chain(length) {
            if count == list.len() {
                list.push(Default::default());
            }
            let (own_name, own_value) = &mut list[count];
            own_name.clear();
            own_name.push_str(name);
            own_value.clear();
            own_value.extend_from_slice(value);
            count += 1;
        }
        Fields::from_list(&list[..count])
    })
}

/// Writes a body at the pace of its client. A disconnected client is not an error, but a client that is too slow is.
async fn write_content(mut writer: StreamWriter<u8>, content: Content) -> Result<()> {
    let mut pace = Pace::transfer();
    match content {
        Content::Whole(body) => {
            let _underway = Handover::begin();
            write_slices(&mut writer, body, &mut pace).await?;
        }
        Content::Stream { mut pieces, .. } => {
            while let Some(piece) = pieces.read().await? {
                if !write_slices(&mut writer, piece, &mut pace).await? {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Writes bytes in slices. Returns whether the client has accepted all of them.
async fn write_slices(
    writer: &mut StreamWriter<u8>,
    bytes: Vec<u8>,
    pace: &mut Pace,
) -> Result<bool> {
    if bytes.len() <= SLICE {
        return write_slice(writer, bytes, pace).await;
    }
    for slice in bytes.chunks(SLICE) {
        if !write_slice(writer, slice.to_vec(), pace).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn write_slice(
    writer: &mut StreamWriter<u8>,
    slice: Vec<u8>,
    pace: &mut Pace,
) -> Result<bool> {
    let length = slice.len();
    match within_pace(pace, writer.write_all(slice)).await {
        (Waited::Done(rest), waited) => {
            pace.record(waited, length);
            Ok(rest.is_empty())
        }
        (Waited::TooSlow | Waited::Displaced, _) => Err(Error::BodyTooSlow),
    }
}
