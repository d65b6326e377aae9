//! Instances side by side, whose answers come in the order of the requests.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context as _, bail};
use portcullis_host::{HostError, TextDoor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::context::now;
use super::lines::{Line, Lines, MAX_LINE_BYTES};

/// How many chunks of lines may wait for a worker, and as many chunks of answers for the printer. Chunks are small
/// unless lines are huge; four keep a worker busy.
const QUEUED_CHUNKS: usize = 4;

/// The code of a line that is not a request.
const MALFORMED: &str = "request.malformed";

/// The answer to one line.
pub(crate) struct Answer {
    /// One line of JSON without its line end.
    pub(crate) text: String,
    /// Whether the line was a request.
    pub(crate) was_request: bool,
}

/// Threads that answer. The first chunk goes to the first worker, the second to the second and so on round, and the
/// answers are fetched in the same way: that alone keeps them in order.
pub(crate) struct Workers {
    requests: Vec<SyncSender<Vec<Line>>>,
    answers: Answers,
}

/// The answers, in order.
pub(crate) struct Answers {
    workers: Vec<(Receiver<Vec<Answer>>, JoinHandle<()>)>,
    fetched: usize,
}

impl Workers {
    /// Starts a thread for each door. `at` is the time of requests without one; absent, it is the time when they are
    /// answered.
    pub(crate) fn start(doors: Vec<TextDoor>, at: Option<u64>) -> anyhow::Result<Self> {
        let mut requests = Vec::with_capacity(doors.len());
        let mut workers = Vec::with_capacity(doors.len());
        for (number, mut door) in doors.into_iter().enumerate() {
            let (request_sender, request_receiver) = sync_channel::<Vec<Line>>(QUEUED_CHUNKS);
            let (answer_sender, answer_receiver) = sync_channel(QUEUED_CHUNKS);
            let thread = std::thread::Builder::new()
                .name(format!("portcullis-{number}"))
                .spawn(move || {
                    for chunk in request_receiver {
                        let answers = chunk.iter().map(|line| answer(&mut door, line, at)).collect();
                        if answer_sender.send(answers).is_err() {
                            return;
                        }
                    }
                })
                .context("cannot start a thread; try fewer --jobs")?;
            requests.push(request_sender);
            workers.push((answer_receiver, thread));
        }
        let answers = Answers { workers, fetched: 0 };
        Ok(Self { requests, answers })
    }

    /// Starts the thread that reads the inputs, and gives the answers. The thread's result is the number of chunks.
    pub(crate) fn feed<I, R>(self, inputs: I) -> anyhow::Result<(Answers, JoinHandle<anyhow::Result<usize>>)>
    where
        I: Iterator<Item = anyhow::Result<R>> + Send + 'static,
        R: Read,
    {
        let requests = self.requests;
        let feeder = std::thread::Builder::new()
            .name(String::from("portcullis-reader"))
            .spawn(move || {
                let mut chunks = 0;
                for input in inputs {
                    let mut lines = Lines::new(input?);
                    while let Some(chunk) = lines.next_chunk().context("cannot read on")? {
                        if requests[chunks % requests.len()].send(chunk).is_err() {
                            return Ok(chunks);
                        }
                        chunks += 1;
                    }
                }
                Ok(chunks)
            })
            .context("cannot start a thread")?;
        Ok((self.answers, feeder))
    }
}

impl Answers {
    /// The next chunk of answers; `idle` is called first if there is none yet. `None` at the end.
    pub(crate) fn next(&mut self, idle: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Option<Vec<Answer>>> {
        let (receiver, _) = &self.workers[self.fetched % self.workers.len()];
        let received = match receiver.try_recv() {
            Err(TryRecvError::Empty) => {
                idle()?;
                receiver.recv()
            }
            Err(TryRecvError::Disconnected) => Err(RecvError),
            Ok(answers) => Ok(answers),
        };
        // A worker ends when the reader has, and then there are no later chunks either.
        Ok(received.ok().inspect(|_| self.fetched += 1))
    }

    /// Makes sure that everything that was read was answered.
    pub(crate) fn finish(self, feeder: JoinHandle<anyhow::Result<usize>>) -> anyhow::Result<()> {
        // All receivers first: a worker that waits for its reader lets the feeder, and with it the others, go on.
        let (receivers, threads): (Vec<_>, Vec<_>) = self.workers.into_iter().unzip();
        drop(receivers);
        for thread in threads {
            if thread.join().is_err() {
                bail!("a worker stopped; the answers are not complete");
            }
        }
        let Ok(read) = feeder.join() else {
            bail!("the reader stopped; the answers are not complete");
        };
        if read? != self.fetched {
            bail!("a worker stopped; the answers are not complete");
        }
        Ok(())
    }
}

fn answer(door: &mut TextDoor, line: &Line, at: Option<u64>) -> Answer {
    let Line::Whole(line) = line else {
        let detail = format!("the line is longer than {MAX_LINE_BYTES} bytes");
        return Answer { text: error_line(None, MALFORMED, &detail), was_request: false };
    };
    match door.answer(line, at.unwrap_or_else(now)) {
        Ok(text) => Answer { was_request: !is_malformed(&text), text },
        Err(error) => Answer { text: host_error(line, &error), was_request: true },
    }
}

/// Whether an answer says that the line was not a request.
fn is_malformed(answer: &str) -> bool {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        error: Option<Error<'a>>,
    }
    #[derive(Deserialize)]
    struct Error<'a> {
        #[serde(borrow)]
        code: std::borrow::Cow<'a, str>,
    }
    // Most answers do not even contain the words, which is quicker to see than to parse them.
    answer.contains(MALFORMED)
        && serde_json::from_str::<Body<'_>>(answer)
            .is_ok_and(|body| body.error.is_some_and(|error| error.code == MALFORMED))
}

/// The answer to a line that the component gave no answer to.
fn host_error(line: &[u8], error: &HostError) -> String {
    #[derive(Deserialize)]
    struct Request<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }
    let id = serde_json::from_slice::<Request<'_>>(line).ok().and_then(|request| request.id);
    error_line(id, error.code().as_str(), &error.to_string())
}

fn error_line(id: Option<&RawValue>, code: &str, detail: &str) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        id: Option<&'a RawValue>,
        ok: bool,
        error: Error<'a>,
    }
    #[derive(Serialize)]
    struct Error<'a> {
        code: &'a str,
        detail: &'a str,
    }
    let line = Line { id, ok: false, error: Error { code, detail } };
    // Strings and JSON that was parsed can always be written; were they not, the code alone says enough.
    serde_json::to_string(&line)
        .unwrap_or_else(|_| format!(r#"{{"id":null,"ok":false,"error":{{"code":"{code}","detail":""}}}}"#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_code_says_that_a_line_was_no_request() {
        assert!(is_malformed(r#"{"id":null,"ok":false,"error":{"code":"request.malformed","detail":"x"}}"#));
        assert!(!is_malformed(r#"{"id":"request.malformed","ok":true,"result":{}}"#));
        assert!(!is_malformed(
            r#"{"id":null,"ok":false,"error":{"code":"token.expired","detail":"request.malformed"}}"#
        ));
    }

    #[test]
    fn the_id_comes_back_as_it_was_written() {
        let error = HostError::Trapped { detail: String::from("x") };
        let expected = |id: &str| {
            format!(r#"{{"id":{id},"ok":false,"error":{{"code":"host.trapped","detail":"the component trapped: x"}}}}"#)
        };
        let large = r#"{"op":"x","id":[12345678901234567890123,"ü"]}"#;
        assert_eq!(host_error(large.as_bytes(), &error), expected(r#"[12345678901234567890123,"ü"]"#));
        assert_eq!(host_error(b"trap", &error), expected("null"));
        assert_eq!(host_error(b"\xff", &error), expected("null"));
    }
}
