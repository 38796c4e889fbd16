//! What a guest can call, one interface a module.
//!
//! Each has the same shape: `Shared`, what all instances of a component use;
//! `State`, what one instance holds; and `Interface`, which names the state to
//! the generated bindings.

pub(crate) mod http;
pub(crate) mod key_value;
pub(crate) mod postgres;
pub(crate) mod redis;
pub(crate) mod stdio;
mod stream;
mod table;
pub(crate) mod variables;

/// The most bytes of one answer that the host keeps in memory.
const MAX_BUFFERED_BYTES: usize = 128 << 20;

fn too_large() -> String {
    format!("query result exceeds limit of {MAX_BUFFERED_BYTES} bytes")
}
