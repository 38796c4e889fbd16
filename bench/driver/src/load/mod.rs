//! Load: at full speed (`wrk`), at a fixed pace, or one request after the other.

mod client;
mod paced;
mod wrk;

pub(crate) use client::{Client, Request};
pub(crate) use paced::{Pace, paced};
pub(crate) use wrk::{few, rotating, saturate, wrk_version};
