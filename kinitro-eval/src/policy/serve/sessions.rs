//! Assigns policies to connections.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

/// The most episodes to keep. A further one replaces the one that has been idle longest.
const MAX_EPISODES: usize = 256;
/// How long to keep an episode whose connection is open but idle.
const IDLE: Duration = Duration::from_secs(600);
/// How long to keep an episode after its connection closed, so that its client can reconnect.
const RECONNECT: Duration = Duration::from_secs(60);

/// One accepted connection. Every request over it holds a clone.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    address: SocketAddr,
    /// Dropped with the last clone, which is when the connection has closed.
    connection: Arc<()>,
}

impl Peer {
    fn new(address: SocketAddr) -> Self {
        Self { address, connection: Arc::new(()) }
    }
}

/// A listener whose connections send small answers without delay (`TCP_NODELAY`).
pub(super) struct Listener(pub(super) TcpListener);

impl axum::serve::Listener for Listener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.0).await;
        if let Err(error) = stream.set_nodelay(true) {
            log::debug!("answers to {address} may be late: TCP_NODELAY cannot be set: {error}");
        }
        (stream, address)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self::new(*stream.remote_addr())
    }
}

/// The episodes in progress, each with its own policy.
pub(super) struct Sessions<P> {
    make: Box<dyn Fn() -> P + Send>,
    sessions: Vec<Session<P>>,
    /// The number of episodes started.
    begun: u64,
}

struct Session<P> {
    ip: IpAddr,
    connection: Weak<()>,
    policy: Arc<Mutex<P>>,
    used: Instant,
}

impl<P> Session<P> {
    fn is_of(&self, peer: &Peer) -> bool {
        std::ptr::eq(self.connection.as_ptr(), Arc::as_ptr(&peer.connection))
    }

    fn is_open(&self) -> bool {
        self.connection.strong_count() > 0
    }
}

impl<P> Sessions<P> {
    pub(super) fn new(make: impl Fn() -> P + Send + 'static) -> Self {
        Self { make: Box::new(make), sessions: Vec::new(), begun: 0 }
    }

    /// The policy for an episode that starts on this connection, and the number of the episode.
    pub(super) fn begin(&mut self, peer: &Peer, now: Instant) -> (Arc<Mutex<P>>, u64) {
        self.begun += 1;
        if let Some(session) = self.sessions.iter_mut().find(|session| session.is_of(peer)) {
            session.used = now;
            return (Arc::clone(&session.policy), self.begun);
        }
        self.sessions.retain(|session| {
            let limit = if session.is_open() { IDLE } else { RECONNECT };
            now.duration_since(session.used) < limit
        });
        if self.sessions.len() >= MAX_EPISODES {
            let longest_idle = self.sessions.iter().enumerate().min_by_key(|(_, s)| s.used);
            if let Some((index, _)) = longest_idle {
                self.sessions.swap_remove(index);
            }
        }
        let policy = Arc::new(Mutex::new((self.make)()));
        self.sessions.push(Session {
            ip: peer.address.ip(),
            connection: Arc::downgrade(&peer.connection),
            policy: Arc::clone(&policy),
            used: now,
        });
        (policy, self.begun)
    }

    /// The policy of this connection's episode. If the connection has none, that is the last
    /// episode that the same machine played over a connection that has since closed.
    pub(super) fn resume(&mut self, peer: &Peer, now: Instant) -> Option<Arc<Mutex<P>>> {
        let index = self.sessions.iter().position(|session| session.is_of(peer)).or_else(|| {
            let sessions = self.sessions.iter().enumerate();
            sessions
                .filter(|(_, session)| session.ip == peer.address.ip() && !session.is_open())
                .filter(|(_, session)| now.duration_since(session.used) < RECONNECT)
                .max_by_key(|(_, session)| session.used)
                .map(|(index, _)| index)
        })?;
        let session = &mut self.sessions[index];
        session.connection = Arc::downgrade(&peer.connection);
        session.used = now;
        Some(Arc::clone(&session.policy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::new(address.parse().unwrap())
    }

    #[test]
    fn each_connection_has_a_policy_of_its_own() {
        let mut sessions = Sessions::new(|| ());
        let now = Instant::now();
        let (first, second) = (peer("10.0.0.1:1"), peer("10.0.0.1:2"));
        assert!(sessions.resume(&first, now).is_none());
        let (policy, number) = sessions.begin(&first, now);
        assert_eq!(number, 1);
        assert!(sessions.resume(&second, now).is_none(), "took over an episode that goes on");
        let (other, number) = sessions.begin(&second, now);
        assert_eq!(number, 2);
        assert!(!Arc::ptr_eq(&policy, &other));
        assert!(Arc::ptr_eq(&policy, &sessions.resume(&first, now).unwrap()));
        assert!(Arc::ptr_eq(&policy, &sessions.begin(&first.clone(), now).0));
    }

    #[test]
    fn a_client_that_comes_back_goes_on_with_its_episode() {
        let mut sessions = Sessions::new(|| ());
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let (older, newer) = (peer("10.0.0.1:1"), peer("10.0.0.1:2"));
        let _ = sessions.begin(&older, start);
        let (policy, _) = sessions.begin(&newer, start + second);
        drop((older, newer));
        assert!(sessions.resume(&peer("10.0.0.2:3"), start + second).is_none());
        // Another connection may reuse the port.
        let back = peer("10.0.0.1:1");
        let resumed = sessions.resume(&back, start + 2 * second).unwrap();
        assert!(Arc::ptr_eq(&policy, &resumed));
        assert!(Arc::ptr_eq(&policy, &sessions.resume(&back, start + 3 * second).unwrap()));
        assert!(sessions.resume(&peer("10.0.0.1:9"), start + 100 * second).is_none());
    }

    #[test]
    fn closed_and_idle_episodes_are_forgotten() {
        let mut sessions = Sessions::new(|| ());
        let start = Instant::now();
        let open = peer("10.0.0.1:1");
        let _ = sessions.begin(&open, start);
        let _ = sessions.begin(&peer("10.0.0.1:2"), start);
        let _ = sessions.begin(&peer("10.0.0.1:3"), start + RECONNECT);
        assert_eq!(sessions.sessions.len(), 2);
        let _ = sessions.begin(&peer("10.0.0.1:4"), start + IDLE);
        assert_eq!(sessions.sessions.len(), 1);
        let peers: Vec<_> = (0..2 * MAX_EPISODES).map(|_| peer("10.0.0.1:5")).collect();
        for peer in &peers {
            let _ = sessions.begin(peer, start + IDLE + RECONNECT);
        }
        assert_eq!(sessions.sessions.len(), MAX_EPISODES);
    }
}
