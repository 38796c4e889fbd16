//! A minimal HTTP/1.1 client on one keep-alive connection, which uses few resources of the machine.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// The timeout of a response, so that the driver does not hang.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// The end of a head.
const END: &[u8] = b"\r\n\r\n";

/// A request.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) address: String,
    pub(crate) path: String,
    method: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &'static str, address: &str, path: &str) -> Self {
        let (address, path) = (address.to_owned(), path.to_owned());
        Self { address, path, method, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(address: &str, path: &str) -> Self {
        Self::new("GET", address, path)
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Sends the request to another address.
    pub(crate) fn to(self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self }
    }

    /// Adds a token, an API key or the platform's key.
    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string().into_bytes())
    }

    pub(crate) fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// Sends the request on a new connection.
    pub(crate) fn send(&self) -> Result<Answer> {
        Client::connect(&self.address)?.send(&self.bytes())
    }

    /// Returns the bytes of the request on the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self { address, path, method, headers, body } = self;
        let mut head = vec![format!("{method} {path} HTTP/1.1"), format!("host: {address}")];
        head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
        if !body.is_empty() {
            head.push(format!("content-length: {}", body.len()));
        }
        [head.join("\r\n").as_bytes(), b"\r\n\r\n", body].concat()
    }
}

/// A response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Parses a response. Returns `None` if it is incomplete.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(END.len()).position(|window| window == END) else {
            return Ok(None);
        };
        let (head, body) = bytes.split_at(end + END.len());
        let (mut answer, length) = Self::begun(String::from_utf8(head.to_vec())?)?;
        ensure!(body.len() <= length, "there are bytes after the response: {:?}", answer.head);
        answer.body.extend_from_slice(body);
        Ok((body.len() == length).then_some(answer))
    }

    /// Parses the head of a response. Returns the response without its body, and the length of the body.
    fn begun(head: String) -> Result<(Self, usize)> {
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("not an HTTP response: {head:?}"))?;
        let answer = Self { status, head, body: Vec::new() };
        match answer.header("content-length").parse() {
            Ok(length) => Ok((answer, length)),
            Err(_) if status == 204 => Ok((answer, 0)),
            Err(_) => bail!("the response has no content-length: {:?}", answer.head),
        }
    }

    /// Returns the response if its status is 2xx.
    pub(crate) fn checked(self) -> Result<Self> {
        let text = String::from_utf8_lossy(&self.body);
        ensure!((200..300).contains(&self.status), "the response is {} {text}", self.status);
        Ok(self)
    }

    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).context("the response is not JSON")
    }

    /// Returns a header, or an empty string.
    pub(crate) fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut values = fields.filter(|(other, _)| other.eq_ignore_ascii_case(name));
        values.next().map_or("", |(_, value)| value.trim())
    }
}

/// A connection.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| address.to_owned())?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::with_capacity(64 * 1024, stream)))
    }

    /// Sends the bytes of a request, and reads the response.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Answer> {
        self.0.get_mut().write_all(request)?;
        let mut head = String::new();
        loop {
            let length = self.0.read_line(&mut head)?;
            ensure!(length > 0, "the connection was closed before the response: {head:?}");
            if head.as_bytes().ends_with(END) {
                break;
            }
        }
        let (mut answer, length) = Answer::begun(head)?;
        answer.body.resize(length, 0);
        self.0.read_exact(&mut answer.body)?;
        Ok(answer)
    }

    /// Returns the connection in non-blocking mode.
    pub(super) fn into_nonblocking(self) -> Result<mio::net::TcpStream> {
        let stream = self.0.into_inner();
        stream.set_nonblocking(true)?;
        Ok(mio::net::TcpStream::from_std(stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_response_is_parsed() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        for end in 0..bytes.len() {
            assert!(Answer::parse(&bytes[..end]).unwrap().is_none());
        }
        let answer = Answer::parse(bytes).unwrap().unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"hi".as_slice()));
        assert!(Answer::parse(&[bytes.as_slice(), b"!"].concat()).is_err());
        assert!(Answer::parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(Answer::parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().is_some());
    }
}
