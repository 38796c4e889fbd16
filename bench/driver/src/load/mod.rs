//! Load: as fast as it goes (`wrk`), at a pace, by a few clients that never pause, or one request after the other.

mod busy;
mod client;
mod paced;
mod wrk;

pub(crate) use busy::busy;
pub(crate) use client::{Client, Request};
pub(crate) use paced::{Pace, paced};
pub(crate) use wrk::{rotating, saturate, wrk_version};
