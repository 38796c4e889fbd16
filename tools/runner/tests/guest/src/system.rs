//! The operations of a guest without a database.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::SinkExt as _;
use spin_sdk::http::{BoxBody, body, box_body};
use spin_sdk::wasip3::clocks::monotonic_clock;
use spin_sdk::wasip3::sockets::types::{
    IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket,
};

static INSTANCE: OnceLock<u64> = OnceLock::new();
static TOTAL: AtomicUsize = AtomicUsize::new(0);
static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// Counts a request while it runs.
pub(crate) struct Running;

impl Running {
    pub(crate) fn start() -> Self {
        TOTAL.fetch_add(1, Ordering::Relaxed);
        let now = NOW.fetch_add(1, Ordering::Relaxed) + 1;
        MOST.fetch_max(now, Ordering::Relaxed);
        Self
    }

    /// Returns the instance, its number of requests, and its maximum number of concurrent requests.
    pub(crate) fn describe(&self) -> String {
        let id = INSTANCE.get_or_init(|| RandomState::new().hash_one(0));
        format!("{id} {} {}", TOTAL.load(Ordering::Relaxed), MOST.load(Ordering::Relaxed))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        NOW.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) async fn sleep(millis: u64) {
    monotonic_clock::wait_for(millis * 1_000_000).await;
}

/// Runs forever.
pub(crate) fn busy() -> String {
    loop {
        std::hint::spin_loop();
    }
}

pub(crate) fn print(text: &str) -> String {
    print!("out: ");
    println!("{text}");
    eprint!("err: ");
    eprintln!("{text}");
    "printed".to_owned()
}

pub(crate) fn grow(bytes: usize) -> String {
    let mut memory: Vec<u8> = Vec::new();
    let result = memory.try_reserve_exact(bytes);
    // Without a use, the memory is never requested.
    std::hint::black_box(&mut memory);
    if result.is_ok() { "grown".to_owned() } else { "refused".to_owned() }
}

/// Connects to a port of this machine. The std of this target has no sockets.
pub(crate) async fn tcp(port: u16) -> String {
    let socket = match TcpSocket::create(IpAddressFamily::Ipv4) {
        Ok(socket) => socket,
        Err(error) => return format!("Err({error:?})"),
    };
    let address = Ipv4SocketAddress { port, address: (127, 0, 0, 1) };
    format!("{:?}", socket.connect(IpSocketAddress::Ipv4(address)).await)
}

pub(crate) async fn http(url: &str) -> String {
    match spin_sdk::http::get(url).await {
        Ok(response) => format!("Ok({})", response.status().as_u16()),
        Err(error) => format!("Err({error:?})"),
    }
}

/// Sends a part of a body, and then traps.
pub(crate) fn streamed_body() -> BoxBody {
    let (mut parts, body) = body::stream::<Bytes>();
    spin_sdk::wasip3::spawn(async move {
        _ = parts.send(Bytes::from_static(b"first part")).await;
        sleep(50).await;
        panic!("the test requested a trap in the middle of a body");
    });
    box_body(body)
}
