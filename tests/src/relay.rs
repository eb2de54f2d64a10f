//! Something between an executor and its API, to which things happen.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use crate::server::Message;

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The API has not seen it.
    Asked,
    /// The API has it, and works on it.
    Sent,
    /// The API has answered, and who has asked does not know.
    Answered,
}

/// How a request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// As it should.
    Goes,
    /// The connection ends there.
    Breaks,
    /// It is made once more, and the second answer is the one that counts.
    Repeats,
}

type Script = dyn Fn(&str, Moment) -> Fate + Send + Sync;

/// The relay.
pub struct Relay {
    /// Its address, as an URL.
    pub url: String,
}

impl Relay {
    /// Starts a relay in front of `HOST:PORT`, given what becomes of a request to a path at each
    /// moment.
    ///
    /// # Panics
    /// When no port is available.
    pub fn start(api: &str, script: impl Fn(&str, Moment) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let (api, script): (String, Arc<Script>) = (api.to_owned(), Arc::new(script));
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let (api, script) = (api.clone(), Arc::clone(&script));
                // A connection that breaks is what this is for.
                std::thread::spawn(move || pass_on(stream, &api, &*script));
            }
        });
        Self { url }
    }
}

fn pass_on(mut stream: TcpStream, api: &str, script: &Script) -> Option<()> {
    loop {
        let request = Message::read(&mut stream)?;
        let path = request.head.split(' ').nth(1)?.to_owned();
        let mut again = true;
        let answer = loop {
            if script(&path, Moment::Asked) == Fate::Breaks {
                return None;
            }
            let mut there = TcpStream::connect(api).ok()?;
            there.write_all(&request.bytes).ok()?;
            if script(&path, Moment::Sent) == Fate::Breaks {
                return None;
            }
            let answer = Message::read(&mut there)?;
            match script(&path, Moment::Answered) {
                Fate::Breaks => return None,
                Fate::Repeats if again => again = false,
                Fate::Repeats | Fate::Goes => break answer,
            }
        };
        stream.write_all(&answer.bytes).ok()?;
    }
}
