//! `portcullis batch`.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, IsTerminal as _, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use portcullis_host::{Runtime, TextDoor};

use super::Outcome;
use super::context::{self, Context, Format};
use super::workers::Workers;
use super::{output, pretty};

/// Answer requests in JSON, one a line
///
/// Reads one JSON request a line and prints one JSON answer a line, in the same order. A line that is not a request
/// is answered with `request.malformed`, a component that trapped or ran out with `host.*`, and the run goes on. The
/// exit code is 0 when every line was a request, else 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis batch requests.ndjson --jobs 4 > answers.ndjson
  echo '{\"id\":1,\"op\":\"spiffe.id\",\"value\":\"spiffe://prod.example/web\"}' | portcullis batch")]
pub(crate) struct Batch {
    /// Files with requests; standard input if there is none
    files: Vec<PathBuf>,

    /// How many instances work side by side
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=MAX_JOBS))]
    jobs: u16,

    /// How many milliseconds one request may take
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 5000)]
    deadline: u64,

    /// The component's file, instead of the one --components and --crypto name
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
}

/// More instances than any machine has cores; each reserves 4 GiB of address space.
const MAX_JOBS: i64 = 1024;

/// How often the progress line is renewed.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

pub(crate) fn run(batch: &Batch, context: &Context) -> anyhow::Result<Outcome> {
    let runtime = context
        .runtime(Runtime::builder().max_instances(batch.jobs.into()).deadline(Duration::from_millis(batch.deadline)))?;
    let component = match &batch.component {
        Some(file) => context::load(&runtime, file)?,
        None => context.component(&runtime)?,
    };
    let doors = (0..batch.jobs).map(|_| TextDoor::new(&component)).collect::<Result<Vec<_>, _>>()?;
    let read = Arc::new(AtomicU64::new(0));
    let progress = Progress::new(&batch.files, &read)?;
    let workers = Workers::start(doors, context.asked_at())?;
    // Answers are JSON, on a terminal too: a table is for who asks for one.
    let table = context.asked_format() == Some(Format::Human);
    if batch.files.is_empty() {
        answer_all(workers, std::iter::once_with(|| Ok(std::io::stdin())), progress, table)
    } else {
        let files = batch.files.clone().into_iter().map(move |path| {
            let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(Counting { input: file, read: Arc::clone(&read) })
        });
        answer_all(workers, files, progress, table)
    }
}

/// An answer as a row of a table: the verdict, whose it is, and why.
fn row(answer: &str) -> String {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
    let id = match &answer["id"] {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text = |name: &str| pretty::printable(answer["error"][name].as_str().unwrap_or_default());
    let (style, verdict) = if answer["ok"] == true { (output::GOOD, "ACCEPTED") } else { (output::BAD, "REFUSED") };
    let quiet = output::QUIET;
    let row = format!(
        "{style}{verdict:8}{style:#}  {:36}  {:32}  {quiet}{}{quiet:#}",
        pretty::printable(&id),
        text("code"),
        text("detail")
    );
    format!("{row}\n")
}

fn answer_all<I, R>(workers: Workers, inputs: I, mut progress: Progress, table: bool) -> anyhow::Result<Outcome>
where
    I: Iterator<Item = anyhow::Result<R>> + Send + 'static,
    R: Read,
{
    let (mut answers, feeder) = workers.feed(inputs)?;
    // JSON passes as it is; colours only where the terminal has them.
    let stdout: Box<dyn Write> =
        if table { Box::new(anstream::stdout().lock()) } else { Box::new(std::io::stdout().lock()) };
    let mut output = BufWriter::new(stdout);
    let mut every_line_a_request = true;
    let mut print = || -> anyhow::Result<()> {
        // What has been answered is shown before waiting for more.
        while let Some(chunk) = answers.next(|| Ok(output.flush()?))? {
            for answer in &chunk {
                every_line_a_request &= answer.was_request;
                if table {
                    output.write_all(row(&answer.text).as_bytes())?;
                } else {
                    output.write_all(answer.text.as_bytes())?;
                    output.write_all(b"\n")?;
                }
            }
            progress.advance(chunk.len());
        }
        Ok(output.flush()?)
    };
    let printed = print();
    progress.clear();
    match printed {
        // Nobody reads any more; the reader may still wait for input, and is not waited for.
        Err(error) if is_broken_pipe(&error) => {}
        Err(error) => return Err(error.context("cannot write the answers")),
        Ok(()) => answers.finish(feeder)?,
    }
    Ok(if every_line_a_request { Outcome::Accepted } else { Outcome::Incomplete })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Counts what is read.
struct Counting {
    input: File,
    read: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A line on standard error that tells how far the run is, where somebody watches and the end is known.
struct Progress {
    read: Arc<AtomicU64>,
    /// The bytes of all files; `None` if nothing is to be shown.
    total: Option<u64>,
    lines: usize,
    shown: Instant,
}

impl Progress {
    /// Looks at all files, so that a name that is wrong is noticed before anything is answered.
    fn new(files: &[PathBuf], read: &Arc<AtomicU64>) -> anyhow::Result<Self> {
        let mut bytes = 0;
        for path in files {
            // Looked at and not opened: a named pipe that is opened twice loses what was written to the first.
            let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
            anyhow::ensure!(!metadata.is_dir(), "cannot read {}: it is a folder", path.display());
            bytes += metadata.len();
        }
        let watched = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        Ok(Self {
            read: Arc::clone(read),
            total: (watched && bytes > 0).then_some(bytes),
            lines: 0,
            shown: Instant::now(),
        })
    }

    fn advance(&mut self, lines: usize) {
        self.lines += lines;
        let Some(total) = self.total else { return };
        if self.shown.elapsed() >= PROGRESS_INTERVAL {
            self.shown = Instant::now();
            let percent = self.read.load(Ordering::Relaxed).saturating_mul(100) / total;
            eprint!("\r{} lines, {} %", self.lines, percent.min(100));
        }
    }

    fn clear(&self) {
        if self.total.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
