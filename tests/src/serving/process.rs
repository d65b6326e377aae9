//! Programs that run for a test.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::WITHIN;

/// The ports that [`free_port`] gives: below those that systems hand out for a bind to port 0 and for a connection
/// (from 32768 on Linux, from 49152 by RFC 6335 section 6), so that none of these takes one before its server does.
const GIVEN_OUT: std::ops::Range<u16> = 10_240..32_768;

/// A port that nobody has at this moment, that no other connection will take, and that this program was not given before.
///
/// # Panics
///
/// There is none.
pub fn free_port() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let ports = u32::from(GIVEN_OUT.end - GIVEN_OUT.start);
    // Programs that run beside each other begin far from each other.
    let first = std::process::id().wrapping_mul(97);
    loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        assert!(tried < ports, "there is no free port left");
        let offset = u16::try_from(first.wrapping_add(tried) % ports).expect("fewer ports than that");
        let port = GIVEN_OUT.start + offset;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Waits until somebody listens.
///
/// # Panics
///
/// Nobody does in time.
pub fn wait_for_port(port: u16) {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < WITHIN, "nobody listens on {port}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A program, killed when it is dropped.
pub struct Process {
    name: String,
    child: Child,
    said: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Process {
    /// Starts a program and listens to what it says on standard error.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let said = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        if let Some(stderr) = child.stderr.take() {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    said.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                    said.1.notify_all();
                }
            });
        }
        Self { name: name.into(), child, said }
    }

    /// Waits for a line in which something stands, and gives it.
    ///
    /// # Panics
    ///
    /// It does not come in time.
    pub fn line(&self, wanted: &str) -> String {
        let begun = Instant::now();
        let mut said = self.said.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(line) = said.iter().find(|line| line.contains(wanted)) {
                return line.clone();
            }
            let left = WITHIN.saturating_sub(begun.elapsed());
            assert!(!left.is_zero(), "{} did not say {wanted:?} but {said:#?}", self.name);
            said = self.said.1.wait_timeout(said, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What it has said so far.
    pub fn said(&self) -> Vec<String> {
        self.said.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it has not ended.
    pub fn runs(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))
            .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z')))
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it now.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asked first: nginx ends its workers itself.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill();
    }
}
