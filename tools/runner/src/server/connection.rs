//! One connection and its timeouts.
//!
//! Spin leaves these timeouts to the proxy in front of it. The runner has no proxy.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};

/// The first bytes of a connection of HTTP/2 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The interval between two checks of the first bytes of a connection.
const PREFACE_POLL: Duration = Duration::from_millis(20);
/// The maximum time for which a client may not read available bytes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum number of concurrent requests on a connection of HTTP/2. hyper allows 200.
const MOST_STREAMS: u32 = 64;
/// The interval and the timeout of pings on a connection of HTTP/2.
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// Returns a server for connections whose clients must send each header within `header_timeout`.
pub(super) fn builder(header_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(header_timeout);
    let (interval, patience) = PING;
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .keep_alive_interval(interval)
        .keep_alive_timeout(patience);
    builder
}

/// Waits until the version of HTTP is known. hyper would wait without a timeout.
///
/// # Errors
/// If it takes longer than `header_timeout`, or the client has disconnected.
pub(super) async fn wait_for_version(
    stream: &TcpStream,
    header_timeout: Duration,
) -> io::Result<()> {
    let is_clear = async {
        let mut first = [0; PREFACE.len()];
        loop {
            let length = stream.peek(&mut first).await?;
            if length == 0 || length == PREFACE.len() || !PREFACE.starts_with(&first[..length]) {
                return Ok(());
            }
            sleep(PREFACE_POLL).await;
        }
    };
    timeout(header_timeout, is_clear)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(ErrorKind::TimedOut, "the client sends no request")))
}

/// A stream that fails if its other end reads nothing for [`WRITE_TIMEOUT`].
pub(super) struct Patient {
    stream: TcpStream,
    /// Runs while bytes wait.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, waiting: None }
    }

    /// Returns the result of a write, or the timeout.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let until = Instant::now() + WRITE_TIMEOUT;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(
            ErrorKind::TimedOut,
            "the client does not read the response",
        )))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
