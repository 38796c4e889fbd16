//! Free ports for servers.

use std::{
    net::TcpListener,
    ops::Range,
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Ports below the ephemeral range of the kernel, and below those of `free_port` in `scripts/lib.sh`. The kernel gives
/// an ephemeral port to any other socket while a server starts or restarts.
const PORTS: Range<u16> = 14_000..20_000;

static TAKEN: AtomicU16 = AtomicU16::new(0);

/// Returns a free loopback port, a different one for each call. The process id keeps parallel runs apart.
pub fn free_port() -> u16 {
    let count = PORTS.end - PORTS.start;
    let first = u16::try_from(process::id() % u32::from(count)).unwrap();
    (0..count)
        .map(|_| PORTS.start + (first + TAKEN.fetch_add(1, Ordering::Relaxed) % count) % count)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a port is free")
}
