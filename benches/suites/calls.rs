//! Every operation of the components on an accepted line of the corpus, through the text door of the component with the
//! software inside, in one instance that is warm; and what opening a status list costs beside zlib.

use std::{fs, hint::black_box, time::Duration};

use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use jwt_simple::prelude::{Claims, Duration as JwtDuration, ECDSAP256KeyPairLike, ES256KeyPair, HeaderOptions};
use portcullis_benches::root;
use portcullis_host::{
    Portcullis, Runtime, TextDoor,
    status::{Options, StatusListToken},
};
use serde_json::{Value, json};

/// The first accepted case of each operation in our corpus.
fn accepted() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut files: Vec<_> =
        fs::read_dir(root().join("tests/corpus")).expect("the corpus").flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "ndjson")) {
        for line in fs::read_to_string(file).expect("it reads").lines() {
            let mut case: Value = serde_json::from_str(line).expect("JSON");
            let op = case["op"].as_str().unwrap_or_default().to_owned();
            if case["want"]["ok"] == true && !found.iter().any(|(known, _)| *known == op) {
                let members = case.as_object_mut().expect("an object");
                ["want", "source", "note"].iter().for_each(|name| {
                    members.remove(*name);
                });
                found.push((op, case.to_string()));
            }
        }
    }
    found
}

fn door() -> TextDoor {
    let runtime = Runtime::new().expect("the runtime starts");
    let path = root().join("dist/components/portcullis.wasm");
    let component =
        runtime.load_file(&path).unwrap_or_else(|error| panic!("{}: {error}: run `make dist`", path.display()));
    TextDoor::new(&component).expect("it has the door")
}

fn operations(criterion: &mut Criterion) {
    let mut door = door();
    let known = door.operations().expect("an answer");
    let mut group = criterion.benchmark_group("operations");
    for (op, request) in accepted().into_iter().filter(|(op, _)| known.contains(op)) {
        let answer = door.answer(request.as_bytes(), 1_790_000_000).expect("an answer");
        assert!(answer.contains("\"ok\":true"), "{op}: {answer}");
        group.bench_function(&op, |bencher| {
            bencher.iter(|| door.answer(black_box(request.as_bytes()), 1_790_000_000).expect("an answer"));
        });
    }
    group.finish();
}

/// A list of 10^6 one-bit entries of which every hundredth is set, as a zlib stream.
fn list() -> Vec<u8> {
    use std::io::Write;
    let mut bits = vec![0u8; 125_000];
    // A fixed scatter, so that runs compare.
    let mut at = 12_345u64;
    for _ in 0..10_000 {
        at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let entry = (at >> 20) as usize % 1_000_000;
        bits[entry / 8] |= 1 << (entry % 8);
    }
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&bits).expect("it compresses");
    encoder.finish().expect("it compresses")
}

fn status_lists(criterion: &mut Criterion) {
    let list = list();
    let mut door = door();
    let request = |index: u64| {
        json!({"id": 0, "op": "status.decode", "bits": 1, "lst": portcullis_types::base64url::encode(&list), "index": index}).to_string()
    };
    let mut group = criterion.benchmark_group("status lists");
    let decode = request(999_999);
    group.bench_function("inflate a million entries in the component", |bencher| {
        bencher.iter(|| door.answer(black_box(decode.as_bytes()), 0).expect("an answer"));
    });
    group.bench_function("inflate a million entries natively with zlib", |bencher| {
        bencher.iter(|| {
            let mut out = Vec::with_capacity(125_000);
            flate2::Decompress::new(true)
                .decompress_vec(black_box(&list), &mut out, flate2::FlushDecompress::Finish)
                .expect("it inflates");
            out
        });
    });
    look_ups(&mut group, &list);
    group.finish();
}

/// Look-ups in a list that is held, one and ten thousand a call.
fn look_ups(group: &mut BenchmarkGroup<'_, WallTime>, list: &[u8]) {
    const URI: &str = "https://status.example/1";
    let pair = ES256KeyPair::generate().with_key_id("bench");
    let lst = portcullis_types::base64url::encode(list);
    let claims =
        Claims::with_custom_claims(json!({"status_list": {"bits": 1, "lst": lst}}), JwtDuration::from_hours(1));
    let options = HeaderOptions { signature_type: Some("statuslist+jwt".into()), ..HeaderOptions::default() };
    let token = pair.sign_with_options(claims.with_subject(URI), &options).expect("it signs");
    let jwk: Value = serde_json::from_str(&pair.public_key().to_jwk()).expect("a JWK");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970").as_secs();

    let runtime = Runtime::new().expect("the runtime starts");
    let component = runtime.load_file(root().join("dist/components/portcullis.wasm")).expect("it loads");
    let mut portcullis = Portcullis::new(&component).expect("it is the component");
    let keys =
        portcullis.key_set_from_jwks(json!({"keys": [jwk]}).to_string().as_bytes()).expect("an answer").expect("keys");
    let list = portcullis
        .open_status_list(StatusListToken::Jwt(token.as_bytes()), &keys, URI, &Options::default(), now)
        .expect("an answer")
        .expect("it opens");
    let indices: Vec<u64> = (0..10_000u64).map(|n| n * 7_919 % 1_000_000).collect();
    group.bench_function("a look-up in a call of one", |bencher| {
        bencher.iter(|| portcullis.status(&list, black_box(777_777)).expect("an answer").expect("an entry"));
    });
    group.bench_function("a look-up in a call of 10,000", |bencher| {
        bencher.iter(|| portcullis.statuses(&list, black_box(&indices)).expect("an answer"));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(30);
    targets = operations, status_lists
}
criterion_main!(benches);
