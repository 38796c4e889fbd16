//! The calls of other servers. Other components of the application call this one, which has no route that strangers
//! reach, no database and no keys. It can reach the servers of its settings only, and it alone has their tokens.

#[cfg(target_family = "wasm")]
mod component;
