//! The component that the runner's integration tests run. Each path calls the host in one way and responds with the
//! result.

mod databases;
mod system;

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use spin_sdk::http::body::IncomingBodyExt as _;
use spin_sdk::http::{BoxBody, FullBody, Request, Response, box_body};
use spin_sdk::http_service;

/// The arguments of a call: a JSON object.
pub(crate) struct Arguments(Value);

impl Arguments {
    pub(crate) fn text(&self, name: &str) -> Result<&str> {
        self.0[name].as_str().with_context(|| format!("{name:?} is not a string"))
    }

    pub(crate) fn number(&self, name: &str) -> Result<u64> {
        self.0[name].as_u64().with_context(|| format!("{name:?} is not a number"))
    }

    pub(crate) fn list(&self, name: &str) -> &[Value] {
        self.0[name].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

#[http_service]
async fn handle(request: Request) -> Result<Response<BoxBody>> {
    let running = system::Running::start();
    let (parts, body) = request.into_parts();
    let query: HashMap<&str, &str> = parts
        .uri
        .query()
        .into_iter()
        .flat_map(|q| q.split('&'))
        .filter_map(|p| p.split_once('='))
        .collect();
    let operation = query.get("do").copied().unwrap_or_default();
    let body = body.bytes().await?;

    let text = match operation {
        "request" => describe(&parts, &body),
        "stream" => return Ok(Response::new(system::streamed_body())),
        _ => {
            let arguments = serde_json::from_slice(&body).unwrap_or(Value::Null);
            answer(operation, &Arguments(arguments), &running)
                .await
                .unwrap_or_else(|error| format!("{error:#}"))
        }
    };
    let status = if text.is_empty() { StatusCode::NO_CONTENT } else { StatusCode::OK };
    Ok(Response::builder().status(status).body(box_body(FullBody::new(Bytes::from(text))))?)
}

async fn answer(
    operation: &str,
    arguments: &Arguments,
    running: &system::Running,
) -> Result<String> {
    Ok(match operation {
        "instance" => running.describe(),
        "sleep" => {
            system::sleep(arguments.number("ms")?).await;
            running.describe()
        }
        "spin" => system::busy(),
        "trap" => panic!("the test requested a trap"),
        "exit" => std::process::exit(3),
        "print" => system::print(arguments.text("text")?),
        "environment" => format!("{:?}", std::env::vars().collect::<Vec<_>>()),
        "files" => format!("{:?}", std::fs::read_dir("/").map(Iterator::count)),
        "tcp" => system::tcp(u16::try_from(arguments.number("port")?)?).await,
        "grow" => system::grow(usize::try_from(arguments.number("bytes")?)?),
        "http" => system::http(arguments.text("url")?).await,
        "variable" => format!("{:?}", spin_sdk::variables::get(arguments.text("name")?).await),
        "key-value" => databases::key_value(arguments).await?,
        "redis" => databases::redis(arguments).await?,
        "redis-command" => databases::redis_command(arguments).await?,
        "postgres" => databases::postgres(arguments).await?,
        "postgres-hold" => databases::postgres_hold(arguments).await?,
        other => anyhow::bail!("unknown operation {other:?}"),
    })
}

/// The request as a JSON object.
fn describe(parts: &http::request::Parts, body: &Bytes) -> String {
    let headers: Vec<Value> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            serde_json::json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())])
        })
        .collect();
    serde_json::json!({
        "method": parts.method.as_str(),
        "uri": parts.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(body),
    })
    .to_string()
}
