//! A client that sends exact bytes, which no library does.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::WITHIN;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Status line and header fields.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The first value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Whether the upstream made it.
    pub fn is_upstreams(&self) -> bool {
        self.header("x-upstream").is_some()
    }

    /// The target of the request that the upstream got.
    pub fn target(&self) -> &str {
        self.body.split(' ').nth(1).unwrap_or_default()
    }

    /// The values of a header field that the upstream got.
    pub fn got(&self, name: &str) -> Vec<&str> {
        let fields = self.body.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }
}

/// A request with these fields, as text. `Host` is added where it is not among them.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let named = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = if named { "" } else { "Host: 127.0.0.1:8080\r\n" };
    let fields: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {target} HTTP/1.1\r\n{host}{fields}Connection: close\r\n\r\n").into_bytes()
}

/// A GET.
pub fn get(target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    request("GET", target, headers)
}

/// Sends bytes, and reads until the other side closes or an answer with a length is whole.
///
/// # Panics
///
/// Nobody listens, or nothing comes that is an answer.
pub fn ask(port: u16, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap_or_else(|error| panic!("{port}: {error}"));
    stream.set_read_timeout(Some(WITHIN)).expect("it is set");
    stream.write_all(bytes).expect("it is sent");
    let mut got = Vec::new();
    // A server that refuses may reset the connection after its answer.
    let _ = stream.read_to_end(&mut got);
    let text = String::from_utf8_lossy(&got).into_owned();
    let (head, rest) = text.split_once("\r\n\r\n").unwrap_or((text.as_str(), ""));
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no answer to {}: {text:?}", String::from_utf8_lossy(bytes)));
    let mut answer = Answer { status, head: head.into(), body: rest.into() };
    if answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        answer.body = dechunked(rest);
    }
    answer
}

fn dechunked(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((length, rest)) = text.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap_or_default();
        body.push_str(rest.get(..length).unwrap_or_default());
        text = rest.get(length + 2..).unwrap_or_default();
        if length == 0 {
            break;
        }
    }
    body
}
