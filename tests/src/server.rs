//! A policy server that does as a test tells it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

/// What a server does when it is asked for an action.
pub enum Reply {
    /// It sends these bytes.
    Bytes(Vec<u8>),
    /// It sends these bytes after so long, if anybody is still there.
    After(Duration, Vec<u8>),
    /// It sends these bytes, and then a gigabyte of spaces.
    Flood(Vec<u8>),
    /// It sends these bytes, and then a space a second.
    Drip(Vec<u8>),
    /// It closes the connection without a word.
    HangUp,
}

/// A server for policies of MetaWorld on loopback, with a thread for each connection. It is polite
/// but for its answers to `/act`, which are the test's.
pub struct PolicyServer {
    /// Its address.
    pub url: String,
    resets: Arc<Mutex<Vec<u64>>>,
}

/// Answers `/act`, given the seed of the episode.
type Script = dyn Fn(u64) -> Reply + Send + Sync;

impl PolicyServer {
    /// Starts a server that answers `/act` so, given the seed of the episode.
    ///
    /// # Panics
    /// When no port is available.
    pub fn start(script: impl Fn(u64) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let resets = Arc::new(Mutex::new(Vec::new()));
        let (noted, script): (_, Arc<Script>) = (Arc::clone(&resets), Arc::new(script));
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let (noted, script) = (Arc::clone(&noted), Arc::clone(&script));
                // A connection that breaks is the other side's to complain of.
                std::thread::spawn(move || serve(stream, &noted, &*script));
            }
        });
        Self { url: format!("http://{address}"), resets }
    }

    /// The seeds of the episodes that were begun since this was last asked, sorted.
    pub fn take_resets(&self) -> Vec<u64> {
        let mut resets = self.resets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seeds = std::mem::take(&mut *resets);
        seeds.sort_unstable();
        seeds
    }
}

fn serve(mut stream: TcpStream, resets: &Mutex<Vec<u64>>, script: &Script) -> Option<()> {
    let mut seed = None;
    loop {
        let (path, body) = request(&mut stream)?;
        let reply = match path.as_str() {
            "/health" => Reply::Bytes(ok(r#"{"status": "healthy", "model_loaded": true}"#)),
            "/reset" => {
                let begun = body["task_config"]["seed"].as_u64()?;
                resets.lock().unwrap_or_else(PoisonError::into_inner).push(begun);
                seed = Some(begun);
                Reply::Bytes(ok(r#"{"status": "ok"}"#))
            }
            _ => {
                // A question that got no answer comes again over another connection.
                let last = || resets.lock().unwrap_or_else(PoisonError::into_inner).last().copied();
                script(seed.or_else(last)?)
            }
        };
        match reply {
            Reply::Bytes(bytes) => stream.write_all(&bytes).ok()?,
            Reply::After(time, bytes) => {
                stream.set_read_timeout(Some(time)).ok()?;
                match stream.read(&mut [0]) {
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    _ => return None,
                }
                // The next question may take as long as it likes: on a busy machine it does.
                stream.set_read_timeout(None).ok()?;
                stream.write_all(&bytes).ok()?;
            }
            Reply::Flood(head) => {
                stream.write_all(&head).ok()?;
                let megabyte = vec![b' '; 1 << 20];
                for _ in 0..1024 {
                    stream.write_all(&megabyte).ok()?;
                }
            }
            Reply::Drip(head) => {
                stream.write_all(&head).ok()?;
                loop {
                    std::thread::sleep(Duration::from_secs(1));
                    stream.write_all(b" ").ok()?;
                }
            }
            Reply::HangUp => return None,
        }
    }
}

/// The path and the body of a request; `None` when the connection has ended.
pub(crate) fn request(stream: &mut TcpStream) -> Option<(String, Value)> {
    let Message { head, bytes } = Message::read(stream)?;
    let path = head.split(' ').nth(1)?.to_owned();
    Some((path, serde_json::from_slice(&bytes[head.len()..]).unwrap_or_default()))
}

/// A request or an answer.
pub(crate) struct Message {
    /// All up to the body, in lower case, and as long as it was.
    pub(crate) head: String,
    /// All of it.
    pub(crate) bytes: Vec<u8>,
}

impl Message {
    /// Reads a message; `None` when the connection ends before.
    pub(crate) fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let head_length = loop {
            let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None => read_more(stream, &mut bytes)?,
            }
        };
        let head = std::str::from_utf8(&bytes[..head_length]).ok()?.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.map_or(Some(0), |length| length.parse().ok())?;
        while bytes.len() < head_length + length {
            read_more(stream, &mut bytes)?;
        }
        Some(Self { head, bytes })
    }
}

fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 4096];
    match stream.read(&mut chunk) {
        Ok(0) | Err(_) => None,
        Ok(count) => {
            bytes.extend_from_slice(&chunk[..count]);
            Some(())
        }
    }
}

/// An answer of status 200 with that media type and body.
pub fn answer(content_type: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n");
    [head.as_bytes(), b"\r\n", body].concat()
}

/// An answer of status 200 with a JSON body.
pub fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    answer("application/json", body)
}

/// An answer to `/act` with the numbers of the two channels of MetaWorld, in JSON.
pub fn action(twist: &str, gripper: &str) -> Vec<u8> {
    let channels = format!(r#"{{"ee_twist": [{twist}], "gripper": [{gripper}]}}"#);
    ok(format!(r#"{{"action": {{"continuous": {channels}}}}}"#))
}

/// An answer to `/act` that does not move the robot, as the policy `zero` does not.
pub fn stand_still() -> Vec<u8> {
    action("0, 0, 0, 0, 0, 0", "0")
}

/// Something that can be waited for and is let happen by a test.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Waits until it is open.
    pub fn pass(&self) {
        let (is_open, news) = &*self.0;
        let guard = is_open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(news.wait_while(guard, |is_open| !*is_open));
    }

    /// Opens it for good.
    pub fn open(&self) {
        let (is_open, news) = &*self.0;
        *is_open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        news.notify_all();
    }
}
