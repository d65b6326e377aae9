//! Servers of documents, as issuers have them, of which a test says what they answer.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What is answered.
#[derive(Debug, Clone)]
pub enum Served {
    /// A status, header fields and a body.
    Answer(u16, Vec<(String, String)>, Vec<u8>),
    /// The connection ends without an answer.
    Nothing,
    /// What is within, once the test has let it go.
    Held(Box<Served>),
}

impl Served {
    /// A document with status 200.
    pub fn document(media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer(200, vec![("Content-Type".into(), media_type.into())], body.into())
    }
}

#[derive(Default)]
struct State {
    served: BTreeMap<String, Served>,
    asked: Vec<String>,
    held: bool,
}

/// A server. What is asked for that it does not have is answered with 503.
#[derive(Clone)]
pub struct Documents {
    /// Where it listens.
    pub port: u16,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Documents {
    /// Starts it. It ends with the process.
    ///
    /// # Panics
    ///
    /// There is no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let documents = Self { port, state: Arc::default() };
        let server = documents.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                thread::spawn(move || server.serve(stream));
            }
        });
        documents
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.state.1.notify_all();
        result
    }

    /// Answers a URL from now on.
    pub fn set(&self, url: &str, served: Served) {
        self.with(|state| state.served.insert(url.into(), served));
    }

    /// Holds back what is [`Served::Held`], or lets it go.
    pub fn hold(&self, held: bool) {
        self.with(|state| state.held = held);
    }

    /// How often a URL was asked for.
    pub fn asked(&self, url: &str) -> usize {
        // Over plain HTTP nobody says which of the two it was meant to be.
        let url = url.replacen("http://", "https://", 1);
        self.with(|state| state.asked.iter().filter(|asked| **asked == url).count())
    }

    fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
        while let Some(head) = head(&mut stream) {
            let path = head.split(' ').nth(1).unwrap_or_default();
            let host = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("host").then(|| value.trim().to_owned())
            });
            let url = format!("https://{}{path}", host.unwrap_or_default());
            let served = self.with(|state| {
                state.asked.push(url.clone());
                // Names in tests that use plain HTTP stand there so.
                let plain = url.replacen("https", "http", 1);
                state.served.get(&url).or_else(|| state.served.get(&plain)).cloned()
            });
            let served = match served {
                Some(Served::Held(served)) => {
                    let held = self.state.0.lock().unwrap_or_else(PoisonError::into_inner);
                    drop(self.state.1.wait_while(held, |state| state.held));
                    Some(*served)
                }
                other => other,
            };
            let served = served.unwrap_or(Served::Answer(503, Vec::new(), Vec::new()));
            let Served::Answer(status, fields, body) = served else { return };
            let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let head = format!("HTTP/1.1 {status} -\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
            if stream.write_all(&[head.into_bytes(), body].concat()).is_err() {
                return;
            }
        }
    }
}

/// The head of a request.
fn head(stream: &mut TcpStream) -> Option<String> {
    let mut got = Vec::new();
    let mut byte = [0];
    while !got.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 || got.len() > 64 << 10 {
            return None;
        }
        got.push(byte[0]);
    }
    String::from_utf8(got).ok()
}
