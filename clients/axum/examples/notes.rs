//! A service whose callers are verified through Tenancy.

use std::{env, error::Error};

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{get, put},
};
use tenancy_axum::{Identity, Tenancy, verify};
use tokio::net::TcpListener;

async fn read(caller: Identity) -> String {
    format!("notes of {}", caller.tenant_id)
}

async fn write(caller: Identity) -> String {
    format!("stored for {}", caller.tenant_id)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let tenancy = Tenancy::new(&env::var("TENANCY_URL")?)?;
    let reading = from_fn_with_state(tenancy.require(&["tenant:read"]), verify);
    let writing = from_fn_with_state(tenancy.require(&["files:write"]), verify);
    let app = Router::new()
        .route("/notes", get(read).route_layer(reading))
        .route("/notes/new", put(write).route_layer(writing));
    let listener = TcpListener::bind(format!("127.0.0.1:{}", env::var("PORT")?)).await?;
    axum::serve(listener, app).await?;
    Ok(())
}
