//! A client that sends exact bytes, which no library does.

use std::io::{Read, Write as _};
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

    /// The values of a header field, in their order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
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

/// Whether somebody answers a GET with 200. Nobody there, and no answer, is no.
pub fn answers(port: u16, target: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(WITHIN))?;
        stream.write_all(&get(target, &[]))?;
        let mut got = Vec::new();
        stream.read_to_end(&mut got)?;
        Ok(got.starts_with(b"HTTP/1.1 200 "))
    };
    ask().unwrap_or(false)
}

/// Sends bytes, and reads until the answer is whole: by its length, its last chunk, or the end of the connection.
///
/// # Panics
///
/// Nobody listens, or nothing comes that is an answer.
pub fn ask(port: u16, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap_or_else(|error| panic!("{port}: {error}"));
    stream.set_read_timeout(Some(WITHIN)).expect("it is set");
    stream.write_all(bytes).expect("it is sent");
    answer_of(&mut stream, bytes.starts_with(b"HEAD "))
        .unwrap_or_else(|why| panic!("no answer to {:.2000}: {why}", String::from_utf8_lossy(bytes)))
}

/// Reads until the answer is whole: by its length, its last chunk, or the end of the connection. The error says what came
/// instead.
pub(super) fn answer_of(stream: &mut impl Read, headless: bool) -> Result<Answer, String> {
    let (mut got, mut part) = (Vec::new(), [0; 16 << 10]);
    let end = loop {
        if let Some(answer) = whole(&got, headless) {
            return Ok(answer);
        }
        // A server that refuses may reset the connection after its answer.
        match stream.read(&mut part) {
            Ok(0) => break "the end".to_owned(),
            Err(error) => break error.to_string(),
            Ok(read) => got.extend_from_slice(&part[..read]),
        }
    };
    parsed(&got).ok_or_else(|| format!("{:?}, and then {end}", String::from_utf8_lossy(&got)))
}

/// What came so far, as an answer.
fn parsed(got: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(got).into_owned();
    let (head, rest) = text.split_once("\r\n\r\n").unwrap_or((text.as_str(), ""));
    let status = head.get(9..12).and_then(|status| status.parse().ok())?;
    let mut answer = Answer { status, head: head.into(), body: rest.into() };
    if answer.is_chunked() {
        answer.body = dechunked(rest);
    }
    Some(answer)
}

/// The answer, where nothing of it is to come any more.
fn whole(got: &[u8], headless: bool) -> Option<Answer> {
    let head = got.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let answer = parsed(got)?;
    let length = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
    let ended = match length {
        _ if headless || matches!(answer.status, 101 | 204 | 304) => true,
        Some(length) => got.len() >= head + length,
        None => answer.is_chunked() && got.ends_with(b"0\r\n\r\n"),
    };
    ended.then_some(answer)
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
