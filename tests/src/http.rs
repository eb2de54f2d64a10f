//! A client of few words: one request over one connection.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its head, in lower case.
    pub head: String,
    /// Its body.
    pub body: String,
}

impl Answer {
    /// Its body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.into_iter().find_map(|(found, value)| (found == name).then_some(value))
    }
}

/// A request that is written piece by piece.
#[derive(Debug)]
pub struct Connection(TcpStream);

impl Connection {
    /// Connects to `HOST:PORT`; `None` when nothing listens there.
    pub fn open(address: &str) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
        Some(Self(stream))
    }

    /// Sends these bytes; `None` when the other side has closed.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Option<()> {
        self.0.write_all(bytes.as_ref()).ok()
    }

    /// Reads the answer to its end; `None` when there is none.
    pub fn answer(mut self) -> Option<Answer> {
        let mut bytes = Vec::new();
        // What came before an error is all there is.
        let _ = self.0.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, head, body: body.to_owned() })
    }
}

/// Sends a request, and reads the answer; `None` when there is none.
pub fn try_request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    let mut connection = Connection::open(address)?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    connection.send(head)?;
    // An answer may come before all of a body that is too long was sent.
    let _ = connection.send(body);
    connection.answer()
}

/// Sends a request, and reads the answer.
///
/// # Panics
/// When there is none.
#[track_caller]
pub fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    try_request(address, method, path, headers, body)
        .unwrap_or_else(|| panic!("{address} does not answer {method} {path}"))
}

/// Gets what is at a path.
///
/// # Panics
/// When nothing answers.
#[track_caller]
pub fn get(address: &str, path: &str) -> Answer {
    request(address, "GET", path, &[], "")
}
