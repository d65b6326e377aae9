//! Servers of Open Cloud Mesh of which a test says what they publish, over TLS on one port of loopback; and sockets to which nobody is
//! ever to connect.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use portcullis_tests::serving::WITHIN;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use super::asking::{discovery, keys};

/// What a peer says of itself.
#[derive(Debug, Clone)]
pub(crate) enum Says {
    /// A discovery document, with a member that has this value; and its keys.
    Member(&'static str, String),
    /// That its document is elsewhere.
    Redirect(String),
    /// That everything is at another peer.
    Hop(String),
    /// A document of so many bytes, with its length told or not.
    Long { bytes: usize, told: bool },
    /// A byte of a document now and then.
    Drips,
    /// Nothing, though it listens.
    Silence,
    /// The connection ends before anything is said.
    Gone,
    /// A document of any kind.
    Text(String),
}

impl Says {
    /// A discovery document as it should be.
    pub(crate) fn discovery() -> Self {
        Self::Member("provider", "Cloud".into())
    }
}

struct State {
    port: u16,
    says: Mutex<BTreeMap<String, Says>>,
    /// What each was asked, by its host and the path.
    asked: Mutex<Vec<String>>,
    connections: AtomicUsize,
}

/// The peers.
pub(crate) struct Peers {
    /// The authority of their certificates, in PEM.
    pub(crate) authority: String,
    state: Arc<State>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Peers {
    /// Starts them. They end with the process.
    pub(crate) fn start() -> Self {
        let (authority, config) = certified();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let state =
            Arc::new(State { port, says: Mutex::default(), asked: Mutex::default(), connections: AtomicUsize::new(0) });
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serving.connections.fetch_add(1, Ordering::SeqCst);
                let (config, state) = (Arc::clone(&config), Arc::clone(&serving));
                thread::spawn(move || serve(stream, config, &state));
            }
        });
        Self { authority, state }
    }

    /// Another peer: its host, with its port.
    pub(crate) fn named(&self, says: Says) -> String {
        let mut known = locked(&self.state.says);
        let host = format!("p{}.peers.example:{}", known.len(), self.state.port);
        known.insert(host.clone(), says);
        host
    }

    /// Hosts with their port, of all.
    pub(crate) fn names(&self) -> Vec<String> {
        locked(&self.state.says).keys().cloned().collect()
    }

    /// What a peer says, for who looks at a failure.
    pub(crate) fn said(&self, host: &str) -> Option<Says> {
        locked(&self.state.says).get(host).cloned()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// How often a path of a peer was asked for.
    pub(crate) fn asked(&self, host: &str, path: &str) -> usize {
        let wanted = format!("{host}{path}");
        locked(&self.state.asked).iter().filter(|asked| **asked == wanted).count()
    }
}

/// An authority in PEM, and a server that it vouches for under every name of the peers.
fn certified() -> (String, Arc<ServerConfig>) {
    let (root, key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
    let mut of_root = CertificateParams::default();
    of_root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    of_root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let pem = of_root.self_signed(&root).expect("a certificate").pem();
    let mut params = CertificateParams::default();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.subject_alt_names = vec![SanType::DnsName("*.peers.example".try_into().expect("ASCII"))];
    let issued = params.signed_by(&key, &Issuer::from_params(&of_root, &root)).expect("a certificate");
    let chain = vec![CertificateDer::from(issued.der().to_vec())];
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("a certificate and its key");
    (pem, Arc::new(config))
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, state: &State) {
    let _ = stream.set_read_timeout(Some(WITHIN));
    let Ok(connection) = ServerConnection::new(config) else { return };
    let mut stream = StreamOwned::new(connection, stream);
    // A client that hangs up is none to answer.
    let _ = answer(&mut stream, state);
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

fn answer(stream: &mut StreamOwned<ServerConnection, TcpStream>, state: &State) -> std::io::Result<()> {
    let Some((host, path)) = asked(stream)? else { return Ok(()) };
    locked(&state.asked).push(format!("{host}{path}"));
    let says = locked(&state.says).get(&host).cloned();
    let document = |text: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        )
    };
    match says {
        None | Some(Says::Gone) => Ok(()),
        Some(Says::Member(..)) if path == "/.well-known/jwks.json" => {
            stream.write_all(document(&keys(&host)).as_bytes())
        }
        Some(Says::Member(name, value)) => {
            let mut described = discovery(&host);
            described[name] = Value::from(value);
            stream.write_all(document(&described.to_string()).as_bytes())
        }
        Some(Says::Redirect(to)) => stream.write_all(redirect(&to).as_bytes()),
        Some(Says::Hop(to)) => stream.write_all(redirect(&format!("https://{to}{path}")).as_bytes()),
        Some(Says::Long { bytes, told }) => {
            let length = if told { format!("Content-Length: {bytes}\r\n") } else { String::new() };
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{length}Connection: close\r\n\r\n{{\"x\":\""
            );
            stream.write_all(head.as_bytes())?;
            let part = [b'x'; 8 << 10];
            for _ in 0..bytes / part.len() {
                stream.write_all(&part)?;
            }
            Ok(())
        }
        Some(Says::Drips) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{")?;
            loop {
                stream.write_all(b" ")?;
                stream.flush()?;
                thread::sleep(Duration::from_millis(50));
            }
        }
        Some(Says::Silence) => {
            // Until the other end hangs up.
            let _ = stream.read(&mut [0; 1]);
            Ok(())
        }
        Some(Says::Text(text)) => stream.write_all(document(&text).as_bytes()),
    }
}

fn redirect(to: &str) -> String {
    // A line end in a Location would be another field.
    let to: String = to.chars().filter(|one| !one.is_control()).collect();
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

/// Host and path of a request, or nothing where none comes.
fn asked(stream: &mut StreamOwned<ServerConnection, TcpStream>) -> std::io::Result<Option<(String, String)>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 64 << 10 || stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let host = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim().to_owned())
    });
    Ok(host.map(|host| (host, path)))
}

/// Sockets inside: on every local address at one port, and at the ports of the web where this program may listen there.
pub(crate) struct Trap {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
}

impl Trap {
    /// Listens. It ends with the process.
    pub(crate) fn start() -> Self {
        let connections = Arc::new(AtomicUsize::new(0));
        let first = TcpListener::bind("0.0.0.0:0").expect("a free port");
        let port = first.local_addr().expect("its address").port();
        let more =
            [format!("[::1]:{port}"), "0.0.0.0:443".into(), "[::1]:443".into(), "0.0.0.0:80".into(), "[::1]:80".into()];
        let more = more.iter().filter_map(|address| TcpListener::bind(address.parse::<SocketAddr>().ok()?).ok());
        for listener in std::iter::once(first).chain(more) {
            let connections = Arc::clone(&connections);
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    connections.fetch_add(1, Ordering::SeqCst);
                    drop(stream);
                }
            });
        }
        Self { port, connections }
    }

    /// How many there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}
