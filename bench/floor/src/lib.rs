//! The floor: the least that a component of the same runtime can do for a request. Each route is one
//! thing that the application's requests do, and nothing besides.

#![cfg(target_family = "wasm")]

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
        match routes::answer(path, query).await {
            Ok(body) => respond(200, body).await,
            Err(error) => respond(500, error.into_bytes()).await,
        }
    }
}

/// An answer in one segment: with `content-length`, its body under way before the header leaves.
async fn respond(status: u16, body: Vec<u8>) -> Result<Response, ErrorCode> {
    let length = body.len().to_string().into_bytes();
    let fields = Fields::from_list(&[("content-length".to_owned(), length)])
        .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
    let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (mut writer, reader) = wit_stream::new();
    let (response, _sent) = Response::new(fields, Some(reader), trailers_reader);
    response
        .set_status_code(status)
        .map_err(|()| ErrorCode::InternalError(Some("no such status".to_owned())))?;
    let mut writing = Box::pin(async move {
        writer.write_all(body).await;
        drop(writer);
        // Who reads no trailers is gone, which is no error.
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
