//! HTTP/1.1 on one connection that is kept alive: no more than the driver needs, so that what it
//! takes of the machine is little.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// How long an answer may take: nothing hangs.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// What a head ends with.
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

    /// With a token, an API key or the platform's key.
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

    /// Sends it on a connection of its own.
    pub(crate) fn send(&self) -> Result<Answer> {
        Client::connect(&self.address)?.send(&self.bytes())
    }

    /// As it goes over the wire.
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

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The answer that these bytes are, if all of it is there.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(END.len()).position(|window| window == END) else {
            return Ok(None);
        };
        let (head, body) = bytes.split_at(end + END.len());
        let (mut answer, length) = Self::begun(String::from_utf8(head.to_vec())?)?;
        ensure!(body.len() <= length, "there is more than an answer: {:?}", answer.head);
        answer.body.extend_from_slice(body);
        Ok((body.len() == length).then_some(answer))
    }

    /// An answer that begins so, without its body, and how long that is.
    fn begun(head: String) -> Result<(Self, usize)> {
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("this is no answer: {head:?}"))?;
        let answer = Self { status, head, body: Vec::new() };
        match answer.header("content-length").parse() {
            Ok(length) => Ok((answer, length)),
            Err(_) if status == 204 => Ok((answer, 0)),
            Err(_) => bail!("the answer has no content-length: {:?}", answer.head),
        }
    }

    /// The answer, where its status is one of success.
    pub(crate) fn checked(self) -> Result<Self> {
        let text = String::from_utf8_lossy(&self.body);
        ensure!((200..300).contains(&self.status), "the answer is {} {text}", self.status);
        Ok(self)
    }

    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).context("the answer is no JSON")
    }

    /// A header; empty where there is none.
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

    /// Sends the bytes of a request, and reads the answer.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Answer> {
        self.0.get_mut().write_all(request)?;
        let mut head = String::new();
        loop {
            let length = self.0.read_line(&mut head)?;
            ensure!(length > 0, "the connection was closed before the answer: {head:?}");
            if head.as_bytes().ends_with(END) {
                break;
            }
        }
        let (mut answer, length) = Answer::begun(head)?;
        answer.body.resize(length, 0);
        self.0.read_exact(&mut answer.body)?;
        Ok(answer)
    }

    /// The connection, without what waits for an answer.
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
    fn an_answer_is_read_when_all_of_it_is_there() {
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
