//! Serves the chain over WebSocket and HTTP, through links that can be cut or delayed.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::server::{
    Methods, RandomStringIdProvider, Server, ServerConfig, StopHandle, serve, stop_channel,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, copy, duplex, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use super::admin::Shared;

/// The buffer of a link, in bytes in each direction.
const LINK: usize = 1 << 16;

/// A request to restart: how long to stay offline, and where to report that it is listening again.
type Restart = (Duration, tokio::sync::oneshot::Sender<io::Result<()>>);

/// The listener and all connections. Dropping it ends them.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    restarts: mpsc::Sender<Restart>,
    task: JoinHandle<()>,
}

impl Listener {
    pub(super) async fn bind(
        address: SocketAddr,
        methods: Methods,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (restarts, wishes) = mpsc::channel(1);
        let task = tokio::spawn(listen(listener, address, wishes, methods, shared));
        Ok(Self { address, restarts, task })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, cuts all connections, and listens at the same address again after
    /// `gone_for`.
    pub(super) async fn restart(&self, gone_for: Duration) -> io::Result<()> {
        let (done, back) = tokio::sync::oneshot::channel();
        let ended = || io::Error::other("the server has ended");
        self.restarts.send((gone_for, done)).await.map_err(|_| ended())?;
        back.await.map_err(|_| ended())?
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(
    mut listener: TcpListener,
    address: SocketAddr,
    mut wishes: mpsc::Receiver<Restart>,
    methods: Methods,
    shared: Arc<Shared>,
) {
    let config = ServerConfig::builder()
        .max_connections(1000)
        .max_response_body_size(64 << 20)
        .set_id_provider(RandomStringIdProvider::new(16))
        .build();
    let builder = Server::builder().set_config(config).to_service_builder();
    let (stop, _keeps_serving) = stop_channel();
    // Dropped when this task ends, which ends all links.
    let mut links = JoinSet::new();
    loop {
        tokio::select! {
            connection = listener.accept() => {
                // The connection was gone before it could be accepted: nothing to do.
                let Ok((stream, _)) = connection else { continue };
                let service = builder.clone().build(methods.clone(), StopHandle::clone(&stop));
                let (near, far) = duplex(LINK);
                links.spawn(link(stream, near, Arc::clone(&shared)));
                links.spawn(async move {
                    // The other end sees how the connection ended.
                    let _ended = serve(far, service).await;
                });
            }
            Some((gone_for, done)) = wishes.recv() => {
                drop(listener);
                links.abort_all();
                shared.faults.cut();
                tokio::time::sleep(gone_for).await;
                match TcpListener::bind(address).await {
                    Ok(again) => {
                        listener = again;
                        let _told = done.send(Ok(()));
                    }
                    Err(error) => {
                        let _told = done.send(Err(error));
                        return;
                    }
                }
            }
            Some(_) = links.join_next() => {}
        }
    }
}

/// Carries bytes between a client and the server until either of them closes, or a fault cuts the
/// link.
async fn link(stream: TcpStream, server: DuplexStream, shared: Arc<Shared>) {
    // If this fails, answers are merely slower.
    let _set = stream.set_nodelay(true);
    let mut cuts = shared.faults.cuts();
    let mut delay = shared.faults.delay();
    let (mut from_client, mut to_client) = stream.into_split();
    let (mut from_server, mut to_server) = split(server);
    let requests = async {
        if copy(&mut from_client, &mut to_server).await.is_ok() {
            // The client has finished sending, but may still be waiting for an answer.
            let _closed = to_server.shutdown().await;
            pending::<()>().await;
        }
    };
    let answers = async {
        let mut buffer = vec![0; LINK];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let Ok(delay) = delay.wait_for(Option::is_some).await.map(|delay| *delay) else {
                return;
            };
            tokio::time::sleep(delay.unwrap_or_default()).await;
            if to_client.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        // A cut takes precedence over anything sent after it.
        biased;
        _ = cuts.changed() => {}
        () = requests => {}
        () = answers => {}
    }
}
