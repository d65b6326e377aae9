//! The clock of the deadlines: one thread an engine.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;

use wasmtime::Engine;

use crate::limits::TICK;

/// Advances the engine's epoch every [`TICK`] until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    /// Closing this channel ends the thread. Nothing is ever sent.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let engine = engine.clone();
        let (stop, stopped) = sync_channel::<()>(0);
        let thread = std::thread::Builder::new().name(String::from("portcullis-epoch")).spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                engine.increment_epoch();
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic; were it to, there would be nothing left to do here.
            let _ = thread.join();
        }
    }
}
