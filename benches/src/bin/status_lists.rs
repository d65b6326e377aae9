//! Large status lists, step by step as they happen: made and signed by the command line, served as a file with gzip, fetched,
//! verified and asked by the host. Each step is a process of its own, so that its time and its peak of memory are its own. Run by
//! `make bench`.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use axum::http::{HeaderValue, header::CONTENT_TYPE};
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::ZlibEncoder;
use jwt_simple::prelude::ES256KeyPair;
use portcullis_benches::root;
use portcullis_host::status::{Options, Status, StatusListToken};
use portcullis_host::{Portcullis, Runtime};
use serde_json::Value;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Entries of one bit: a usual list, and the largest that people ask about.
const SIZES: [u64; 2] = [1_000_000, 100_000_000];

/// The most entries that the peer in JavaScript is given: it has a number for each, and 10^8 of them do not fit.
const PEER_ENTRIES: u64 = 1_000_000;

/// One entry in so many is revoked.
const REVOKED: u64 = 100;

/// How often each step is done: the fastest counts, the others were disturbed. The peak is the largest.
const TURNS: usize = 3;

/// Look-ups in one call.
const LOOK_UPS: u64 = 10_000;

/// The largest list token (docs/limits.md), for whoever fetches.
const MAX_TOKEN: u64 = 32 << 20;

/// Opening the largest list takes some seconds on a slow machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// How often a process is looked at. Its peak of memory is kept by the kernel and only read here.
const LOOK_EVERY: Duration = Duration::from_millis(1);

const URI: &str = "https://idp.example/statuslists/1";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => all(),
        ["fetch", address, path, into] => fetch(address, path, Path::new(into)),
        ["open", build, token, keys] => open(build, Path::new(token), Path::new(keys)),
        ["inflate", token] => inflate(Path::new(token)),
        ["deflate", values] => deflate(Path::new(values)),
        _ => bail!("this is for `make bench`, and takes no arguments"),
    }
}

/// What a step took.
#[derive(Clone, Copy)]
struct Took {
    time: f64,
    /// In bytes.
    peak: u64,
}

fn all() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("key.pem"), ES256KeyPair::generate().to_pem()?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let address = runtime.block_on(serve(folder.path()))?;
    println!(
        "\nStatus lists of one bit an entry, {}% revoked at random: the fastest of {TURNS}, and the peak memory of the process.\n\
         The portcullis commands are timed with the start of their process, all others without.",
        100 / REVOKED
    );
    for entries in SIZES {
        println!("\n{:64}{:>12}{:>14}{:>16}", format!("{entries} entries"), "time", "peak", "");
        let row = |name: &str, took: Took, note: String| {
            println!("{name:64}{:>9.1} ms{:>10.1} MiB  {note}", took.time * 1e3, took.peak as f64 / f64::from(1 << 20));
        };
        let packed = values(entries);
        let revoked = first_of(&packed, true).context("nothing is revoked")?;
        let valid = first_of(&packed, false).context("everything is revoked")?;
        std::fs::write(file("packed.bin"), &packed)?;
        let build = |more: &[&str], output: &str| {
            let mut command = Command::new(portcullis());
            command.args(["status", "build", "--layout", "packed", "--uri", URI, "--alg", "ES256", "--format", "json"]);
            command.arg("--values").arg(file("packed.bin")).arg("--key").arg(file("key.pem"));
            command.arg("--keys-out").arg(file("jwks.json")).arg("--output").arg(file(output)).args(more);
            command
        };
        let made = best(|| build(&["--gzip"], "list.jwt"), 0)?.0;
        let (jwt, gzip) = (size(&file("list.jwt"))?, size(&file("list.jwt.gz"))?);
        row("made, a JWT and its gzip (portcullis status build)", made, format!("{jwt} bytes, gzip {gzip}"));
        let cwt = best(|| build(&["--cwt"], "list.cwt"), 0)?.0;
        row("made, a CWT", cwt, format!("{} bytes", size(&file("list.cwt"))?));
        let (peer_made, _) = best(|| own(&["deflate".as_ref(), file("packed.bin").as_os_str()]), 0)?;
        row("  for comparison: zlib alone, level 9", peer_made, String::new());

        let fetched = file("fetched.jwt");
        let arguments = ["fetch".as_ref(), address.as_ref(), "/list.jwt".as_ref(), fetched.as_os_str()];
        let (took, told) = best(|| own(&arguments), 0)?;
        ensure!(std::fs::read(&fetched)? == std::fs::read(file("list.jwt"))?, "what was fetched is another list");
        row("fetched from a file server, gzip", took, format!("{} bytes came", told["came"]));

        let look_up = |index: u64| {
            let mut command = Command::new(portcullis());
            command.args(["status", "lookup", "--uri", URI, "--format", "json", "--index", &index.to_string()]);
            command.arg("--keys").arg(file("jwks.json")).arg(format!("@{}", fetched.display()));
            command.arg("--components").arg(root().join("dist/components"));
            command
        };
        let (took, told) = best(|| look_up(valid), 0)?;
        ensure!(told["result"]["entries"].as_u64() == Some(packed.len() as u64 * 8), "{told}");
        row("verified and asked once (portcullis status lookup)", took, String::new());
        best(|| look_up(revoked), 2).context("a revoked entry is not told")?;

        let (peer, _) = best(|| own(&["inflate".as_ref(), fetched.as_os_str()]), 0)?;
        let mut ratios = Vec::new();
        for build in ["portcullis-hosted.wasm", "portcullis.wasm"] {
            let jwks = file("jwks.json");
            let arguments = ["open".as_ref(), build.as_ref(), fetched.as_os_str(), jwks.as_os_str()];
            let (took, told) = best(|| own(&arguments), 0)?;
            let each = told["each"].as_f64().context("no time of a look-up")?;
            row(&format!("opened by the host, {build}"), took, format!("{each:.0} ns a look-up"));
            ratios.push(format!("{build} {:.2}", took.time / peer.time));
        }
        row("  for comparison: base64url and zlib alone, natively", peer, String::new());
        if entries <= PEER_ENTRIES {
            let (packed, jwks) = (file("packed.bin"), file("jwks.json"));
            let node = |arguments: &[&OsStr]| {
                let mut command = Command::new("node");
                command.arg(root().join("benches/node/status-list.mjs")).args(arguments);
                command
            };
            let (made_there, _) = best(|| node(&["make".as_ref(), packed.as_os_str()]), 0)?;
            row("  for comparison: made by @sd-jwt/jwt-status-list on Node", made_there, String::new());
            let (there, _) = best(|| node(&["open".as_ref(), fetched.as_os_str(), jwks.as_os_str()]), 0)?;
            row("  for comparison: opened by it, with jose", there, String::new());
            ratios.push(format!("@sd-jwt/jwt-status-list {:.2}", there.time / peer.time));
        }
        println!("made / zlib alone {:.2}; opened / zlib alone: {}", made.time / peer_made.time, ratios.join(", "));
    }
    Ok(())
}

/// The command line that `make dist` built.
fn portcullis() -> PathBuf {
    root().join("dist/bin/portcullis")
}

/// This program with other arguments.
fn own(arguments: &[&OsStr]) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(arguments);
    command
}

/// Packed values, the same in every run.
fn values(entries: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(entries.div_ceil(8)).unwrap_or_default()];
    // Of Marsaglia, xorshift64.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..entries / REVOKED {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let index = state % entries;
        if let Some(byte) = usize::try_from(index / 8).ok().and_then(|place| bytes.get_mut(place)) {
            *byte |= 1 << (index % 8);
        }
    }
    bytes
}

/// The first entry that is revoked, or is not.
fn first_of(packed: &[u8], revoked: bool) -> Option<u64> {
    (0..packed.len() as u64 * 8)
        .find(|index| packed.get((index / 8) as usize).is_some_and(|byte| (byte >> (index % 8) & 1 == 1) == revoked))
}

fn size(path: &Path) -> anyhow::Result<u64> {
    Ok(std::fs::metadata(path)?.len())
}

/// Runs a step some times. It has to end with a code; what it prints is JSON, and says its own time where its start is not of
/// interest.
fn best(command: impl Fn() -> Command, code: i32) -> anyhow::Result<(Took, Value)> {
    let mut best = Took { time: f64::INFINITY, peak: 0 };
    let mut told = Value::Null;
    for _ in 0..TURNS {
        let mut command = command();
        let begun = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("{command:?} does not run"))?;
        let status = loop {
            // Of a process that has ended there is none any more.
            best.peak = best.peak.max(peak(child.id()).unwrap_or(0));
            if let Some(status) = child.try_wait()? {
                break status;
            }
            std::thread::sleep(LOOK_EVERY);
        };
        let mut time = begun.elapsed().as_secs_f64();
        let mut printed = String::new();
        child.stdout.take().context("no output")?.read_to_string(&mut printed)?;
        ensure!(status.code() == Some(code), "{command:?} ended with {status}: {printed}");
        told = serde_json::from_str(&printed).with_context(|| printed.clone())?;
        time = told["time"].as_f64().unwrap_or(time);
        best.time = best.time.min(time);
    }
    Ok((best, told))
}

/// The most memory that a process has had so far (`VmHWM`), in bytes.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// A file server as the documentation has it: what `--gzip` wrote goes to those who accept it.
async fn serve(folder: &Path) -> anyhow::Result<String> {
    let files = ServeDir::new(folder).precompressed_gzip();
    let kind = HeaderValue::from_static("application/statuslist+jwt");
    let router =
        axum::Router::new().fallback_service(files).layer(SetResponseHeaderLayer::overriding(CONTENT_TYPE, kind));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Fetches a list over HTTP, asking for gzip.
fn fetch(address: &str, path: &str, into: &Path) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address)?;
    let fields = "Accept: application/statuslist+jwt\r\nAccept-Encoding: gzip\r\nConnection: close";
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MAX_TOKEN).read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("no head")?;
    let (head, body) = answer.split_at_checked(end + 4).context("no body")?;
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    ensure!(head.starts_with("http/1.1 200") && head.contains("content-encoding: gzip"), "{head}");
    ensure!(head.contains("content-type: application/statuslist+jwt"), "{head}");
    let mut token = Vec::new();
    GzDecoder::new(body).take(MAX_TOKEN + 1).read_to_end(&mut token)?;
    ensure!(token.len() as u64 <= MAX_TOKEN, "the list is too large");
    std::fs::write(into, &token)?;
    println!("{}", serde_json::json!({"time": begun.elapsed().as_secs_f64(), "came": body.len()}));
    Ok(())
}

/// Opens a list in a component, and asks it.
fn open(build: &str, token: &Path, keys: &Path) -> anyhow::Result<()> {
    let runtime = Runtime::builder().max_instances(1).deadline(DEADLINE).build()?;
    let component = runtime.load_file(root().join("dist/components").join(build))?;
    let mut portcullis = Portcullis::new(&component)?;
    let keys = portcullis.key_set_from_jwks(&std::fs::read(keys)?)?;
    let keys = keys.map_err(|rejection| anyhow::anyhow!("{}", rejection.detail))?;
    let token = std::fs::read(token)?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let begun = Instant::now();
    let list = portcullis.open_status_list(StatusListToken::Jwt(&token), &keys, URI, &Options::default(), now)?;
    let list = list.map_err(|rejection| anyhow::anyhow!("{}: {}", rejection.code, rejection.detail))?;
    let time = begun.elapsed().as_secs_f64();
    let entries = portcullis.describe_status_list(&list)?.entries;
    let indices: Vec<u64> = (0..LOOK_UPS).map(|number| number * (entries / LOOK_UPS)).collect();
    let begun = Instant::now();
    let found = portcullis.statuses(&list, &indices)?;
    let each = begun.elapsed().as_secs_f64() * 1e9 / LOOK_UPS as f64;
    let valid = found.iter().filter(|entry| entry.as_ref().is_ok_and(|entry| entry.status == Status::Valid)).count();
    // Nearly all are.
    ensure!(valid as u64 > LOOK_UPS * 9 / 10 && (valid as u64) < LOOK_UPS, "{valid} are valid");
    println!("{}", serde_json::json!({"time": time, "each": each}));
    Ok(())
}

/// What nobody gets around who reads a list: base64url twice, and zlib.
fn inflate(token: &Path) -> anyhow::Result<()> {
    let token = std::fs::read_to_string(token)?;
    let begun = Instant::now();
    let claims = token.split('.').nth(1).context("no claims")?;
    let claims = portcullis_types::base64url::decode(claims.as_bytes()).map_err(|error| anyhow::anyhow!("{error}"))?;
    let claims: Value = serde_json::from_slice(&claims)?;
    let list = claims["status_list"]["lst"].as_str().context("no list")?;
    let list = portcullis_types::base64url::decode(list.as_bytes()).map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut bytes = Vec::new();
    ZlibDecoder::new(&list[..]).read_to_end(&mut bytes)?;
    println!("{}", serde_json::json!({"time": begun.elapsed().as_secs_f64(), "bytes": bytes.len()}));
    Ok(())
}

/// What nobody gets around who makes one.
fn deflate(values: &Path) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut compressed = ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    compressed.write_all(&std::fs::read(values)?)?;
    let bytes = compressed.finish()?.len();
    println!("{}", serde_json::json!({"time": begun.elapsed().as_secs_f64(), "bytes": bytes}));
    Ok(())
}
