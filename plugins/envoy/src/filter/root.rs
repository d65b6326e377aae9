//! The root context: what one filter of a configuration is to one worker.

use std::rc::Rc;

use proxy_wasm::{
    hostcalls,
    traits::{Context, HttpContext, RootContext},
    types::{ContextType, LogLevel},
};

use super::{log, stream::Stream, worker::Worker};
use crate::limits::SOON;

/// A root context. Without a worker until it is configured.
pub(super) struct Root {
    id: u32,
    worker: Option<Rc<Worker>>,
}

impl Root {
    pub(super) fn new(id: u32) -> Self {
        Self { id, worker: None }
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, _: usize, body_size: usize, _: usize) {
        if let Some(worker) = &self.worker {
            worker.fetched(token, body_size);
        }
    }

    fn on_done(&mut self) -> bool {
        if let Some(worker) = self.worker.take() {
            worker.give_up();
        }
        true
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let policy = self.get_plugin_configuration().unwrap_or_default();
        match Worker::new(self.id, &policy) {
            Ok(worker) => {
                self.worker = Some(Rc::new(worker));
                // The first documents are fetched by the first tick: a call made from here may be that of a context which only
                // tries the configuration.
                hostcalls::set_tick_period(SOON).is_ok()
            }
            Err(faults) => {
                for fault in faults {
                    log(LogLevel::Error, &format!("portcullis: {fault}"));
                }
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let Some(worker) = &self.worker {
            worker.tick();
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(id, self.worker.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
