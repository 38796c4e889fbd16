//! The interfaces that a guest can call, one in each module.
//!
//! Each module has the same structure: `Shared` is the state that all instances of a component share, `State` is the
//! state of one instance, and `Interface` connects the state to the generated bindings.

pub(crate) mod http;
pub(crate) mod key_value;
pub(crate) mod postgres;
pub(crate) mod redis;
pub(crate) mod stdio;
mod stream;
mod table;
pub(crate) mod variables;

/// The maximum bytes of a response that the host buffers in memory.
const MAX_BUFFERED_BYTES: usize = 128 << 20;

fn too_large() -> String {
    format!("query result exceeds limit of {MAX_BUFFERED_BYTES} bytes")
}
