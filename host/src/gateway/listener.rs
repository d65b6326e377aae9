//! Listeners: sockets, TLS, and HTTP on top of both.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};

use super::check::{Answer, PeerChain};
use super::metrics::Metrics;
use super::tls::{ListenerTls, is_peer};

/// Connections of one listener at one time. Proxies keep few; more are somebody else's, and wait.
const MAX_CONNECTIONS: usize = 4_096;

/// How long a handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// How long the header of the next request may take to come, and so how long a connection may be idle. Longer than proxies
/// keep idle connections (nginx: 60 seconds), so that they close them and no request meets one that is being closed.
const HEADER_WITHIN: Duration = Duration::from_secs(75);

/// The most header fields of a request; the gate says so itself beyond its own bound, which is lower.
const MAX_FIELDS: usize = 256;

/// The largest header of a request, in bytes: the gate's own bound, and room for it to say so.
const MAX_HEADER: usize = 512 << 10;

/// Checks side by side on one connection of HTTP/2: Envoy puts many on few.
const MAX_STREAMS: u32 = 1_024;

/// A socket that is bound.
pub(crate) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    /// Binds a socket: a host and port, or `unix:` and a path. A socket file that is left of an earlier run is replaced.
    ///
    /// # Errors
    ///
    /// The address is taken, or is none.
    pub(crate) async fn bind(address: &str) -> io::Result<Self> {
        let Some(path) = address.strip_prefix("unix:") else {
            return Ok(Self::Tcp(TcpListener::bind(address).await?));
        };
        if is_left_over(Path::new(path)).await {
            std::fs::remove_file(path)?;
        }
        Ok(Self::Unix(UnixListener::bind(path)?))
    }

    /// Its address, with the port that it was given.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()).unwrap_or_default(),
            Self::Unix(listener) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                format!("unix:{}", path.unwrap_or(Path::new("")).display())
            }
        }
    }

    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers are small and waited for.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

/// Whether a path is a socket that nobody listens at.
async fn is_left_over(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    is_socket && tokio::net::UnixStream::connect(path).await.is_err()
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// What a listener does with connections.
pub(crate) struct Serving {
    pub(crate) name: String,
    pub(crate) socket: Socket,
    pub(crate) tls: Option<Arc<ListenerTls>>,
    /// Who may connect; everybody if empty.
    pub(crate) peers: Vec<String>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Serving {
    /// Takes connections until it is told to end, and then lets requests that are under way end for so long.
    pub(crate) async fn run<H, F>(self, handle: H, mut ending: watch::Receiver<bool>, grace: Duration)
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                _ = ending.wait_for(|ending| *ending) => break,
                accepted = async {
                    let place = Arc::clone(&places).acquire_owned().await;
                    (self.socket.accept().await, place)
                } => accepted,
            };
            let (Ok(stream), Ok(place)) = accepted else {
                // Out of descriptors, for example: others will close some.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            self.metrics.connected(&self.name);
            let (handle, watcher) = (handle.clone(), graceful.watcher());
            let (acceptor, peers) = (self.tls.as_ref().map(|tls| tls.acceptor()), self.peers.clone());
            let name = self.name.clone();
            tokio::spawn(async move {
                let _place = place;
                let mut presented = None;
                let io: Box<dyn Stream> = match acceptor {
                    None => stream,
                    Some(acceptor) => match tokio::time::timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => {
                            let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
                            if !peers.is_empty() && !chain.first().is_some_and(|leaf| is_peer(leaf, &peers)) {
                                tracing::warn!(
                                    listener = name,
                                    "a client that is none of the listener's peers was refused"
                                );
                                return;
                            }
                            presented = PeerChain::new(chain);
                            Box::new(stream)
                        }
                        Ok(Err(error)) => return tracing::debug!(listener = name, %error, "no handshake"),
                        Err(_) => return tracing::debug!(listener = name, "no handshake in time"),
                    },
                };
                let service = service_fn(move |mut request: Request<Incoming>| {
                    if let Some(chain) = &presented {
                        request.extensions_mut().insert(chain.clone());
                    }
                    let answer = handle(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                let builder = builder();
                let connection = builder.serve_connection(TokioIo::new(io), service);
                // Clients that leave are not worth a line.
                let _ = watcher.watch(connection).await;
            });
        }
        // Nobody may connect any more: who does is told so at once.
        drop(self.socket);
        if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
            tracing::warn!(listener = self.name, "requests that were under way did not end in time");
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WITHIN)
        .max_headers(MAX_FIELDS)
        .max_buf_size(MAX_HEADER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER as u32)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}
