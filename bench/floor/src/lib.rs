//! The floor: a minimal component on the same runtime. Each route performs one operation of the application's requests.
//! `/least` and `/least-verified` combine the operations that no request can omit.

#![cfg(target_family = "wasm")]

mod least;
mod routes;
mod stores;

use std::{future::poll_fn, task::Poll};

use spin_sdk::{
    wasip3::{
        self,
        http::types::{ErrorCode, Fields, Request, Response},
        spawn, wit_future, wit_stream,
    },
    wit_bindgen,
};

struct Component;

wasip3::http::service::export!(Component with_types_in wasip3);

impl wasip3::exports::http::handler::Guest for Component {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let answer = match path {
            "/least" => Ok(least::public(&request)),
            "/least-verified" => least::verified(&request).await,
            _ => routes::answer(path, query).await.map(|body| Answer { headers: vec![], body }),
        };
        match answer {
            Ok(answer) => respond(200, answer).await,
            Err(error) => respond(500, Answer { headers: vec![], body: error.into_bytes() }).await,
        }
    }
}

/// The response of a route.
struct Answer {
    /// The headers other than `content-length`.
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// Sends a response in one segment: with `content-length`, and with the body being written before the header leaves.
async fn respond(status: u16, Answer { mut headers, body }: Answer) -> Result<Response, ErrorCode> {
    headers.push(("content-length".to_owned(), body.len().to_string().into_bytes()));
    let fields = Fields::from_list(&headers)
        .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
    let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (mut writer, reader) = wit_stream::new();
    let (response, _sent) = Response::new(fields, Some(reader), trailers_reader);
    response
        .set_status_code(status)
        .map_err(|()| ErrorCode::InternalError(Some("invalid status".to_owned())))?;
    let mut writing = Box::pin(async move {
        writer.write_all(body).await;
        drop(writer);
        // The client may have disconnected, which is not an error.
        let _ = trailers.write(Ok(None)).await;
    });
    let is_written =
        poll_fn(|context| Poll::Ready(writing.as_mut().poll(context).is_ready())).await;
    if !is_written {
        spawn(writing);
    }
    Ok(response)
}

/// Lets the other requests of the instance run.
async fn yield_now() {
    wit_bindgen::yield_async().await;
}
