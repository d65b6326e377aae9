//! An upstream that answers with the bytes it got.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// A server whose answers have, as their body, the head of the request as it came.
pub struct Upstream {
    /// Where it listens.
    pub port: u16,
}

impl Upstream {
    /// Starts it. It ends with the process.
    ///
    /// # Panics
    ///
    /// There is no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || answer(stream));
            }
        });
        Self { port }
    }
}

fn answer(mut stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let mut got = Vec::new();
    let mut part = [0; 16 << 10];
    let end = loop {
        if let Some(at) = got.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return,
            Ok(read) => got.extend_from_slice(&part[..read]),
        }
    };
    let body = &got[..end];
    let head = format!(
        "HTTP/1.1 200 OK\r\nX-Upstream: yes\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}
