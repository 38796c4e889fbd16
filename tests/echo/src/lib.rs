//! The application behind the gate in tests. It returns the body of a request while it arrives, or a line for the method,
//! the host, the path and each header.

#![cfg(target_family = "wasm")]

use spin_sdk::wasip3::{
    self,
    http::types::{ErrorCode, Fields, Method, Request, Response},
    spawn, wit_future, wit_stream,
};

struct Component;

wasip3::http::service::export!(Component with_types_in wasip3);

impl wasip3::exports::http::handler::Guest for Component {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let (_, is_done) = wit_future::new(|| Ok(()));
        if matches!(request.get_method(), Method::Post | Method::Put) {
            let (body, trailers) = Request::consume_body(request, is_done);
            let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
            return Ok(response);
        }
        let first = format!(
            "{:?} {} {}\n",
            request.get_method(),
            request.get_authority().unwrap_or_default(),
            request.get_path_with_query().unwrap_or_default()
        );
        let headers = request.get_headers().copy_all();
        let others = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value)));
        let lines: Vec<_> = std::iter::once(first).chain(others).collect();
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (mut writer, body) = wit_stream::new();
        spawn(async move {
            writer.write_all(lines.concat().into_bytes()).await;
        });
        let headers = [("x-of-application".to_owned(), b"yes".to_vec())];
        let headers = Fields::from_list(&headers)
            .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
        let (response, _sent) = Response::new(headers, Some(body), trailers);
        Ok(response)
    }
}
