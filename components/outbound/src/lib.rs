//! The calls of other servers. Other components of the application call this one, which has no route that strangers reach,
//! no database and no keys. It can reach the servers of its settings only, and no other component has their tokens.

#[cfg(target_family = "wasm")]
mod component;
