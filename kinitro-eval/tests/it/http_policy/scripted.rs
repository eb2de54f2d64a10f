//! A server over plain TCP that a test tells, byte by byte, what to do.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that runs a script for every connection.
pub(crate) struct Scripted {
    pub(crate) url: String,
    accepted: Arc<AtomicUsize>,
}

impl Scripted {
    /// How many connections there were.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// Runs `script` for every connection, with the number of the connection from 1 on.
pub(crate) async fn scripted<F, Fut>(script: F) -> Scripted
where
    F: Fn(TcpStream, usize) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::spawn(script(stream, number));
        }
    });
    Scripted { url, accepted }
}

/// Reads one request and gives its path; `None` when the connection has closed.
pub(crate) async fn request(stream: &mut TcpStream) -> Option<String> {
    let head = request_head(stream).await?;
    head.split(' ').nth(1).map(str::to_owned)
}

/// Reads one request and gives its head in lower case; `None` when the connection has closed.
pub(crate) async fn request_head(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.ok()?;
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.split("content-length: ").nth(1);
        let length = length.map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
        if bytes.len() >= head.len() + 4 + length {
            return Some(head.to_owned());
        }
    }
}

/// Sends bytes, and says whether the connection still took them.
pub(crate) async fn send(stream: &mut TcpStream, bytes: impl AsRef<[u8]>) -> bool {
    stream.write_all(bytes.as_ref()).await.is_ok()
}

/// An answer: its head, with more headers where they are given, and its body.
pub(crate) fn http(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

pub(crate) fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    http("200 OK", "Content-Type: application/json\r\n", body)
}

pub(crate) fn reset_ok() -> Vec<u8> {
    ok(r#"{"status": "ok", "episode_id": "1"}"#)
}

pub(crate) fn act_ok() -> Vec<u8> {
    ok(r#"{"action": {"continuous": {"gripper": [0.5]}}, "took_ms": 3}"#)
}

/// Answers as a simple server does, up to the first `/act`.
pub(crate) async fn play_until_act(stream: &mut TcpStream) -> bool {
    loop {
        match request(stream).await.as_deref() {
            Some("/health") => send(stream, http("404 Not Found", "", "")).await,
            Some("/reset") => send(stream, reset_ok()).await,
            Some("/act") => return true,
            _ => return false,
        };
    }
}
