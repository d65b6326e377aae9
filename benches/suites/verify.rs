//! Verification of whole tokens (signature, issuer, audience, times), key ready, token never seen before: each build of
//! the component beside the same code natively and beside peers, on the same tokens in the same run.

use std::{hint::black_box, rc::Rc, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use jwt_simple::prelude::{
    ECDSAP256PublicKeyLike, ECDSAP256kPublicKeyLike, ECDSAP384PublicKeyLike, ES256PublicKey, ES256kPublicKey,
    ES384PublicKey, Ed25519PublicKey, EdDSAPublicKeyLike, HS256Key, MACLike, PS256PublicKey, RS256PublicKey,
    RSAPublicKeyLike, VerificationOptions,
};
use portcullis_benches::{AUDIENCE, ISSUER, Sample, results, root, samples};
use portcullis_crypto::{Algorithm, KeySet, Origin, SoftwareBackend, jwk};
use portcullis_host::{Expectations, Portcullis, Runtime};
use portcullis_token::jwt;
use serde_json::Value;

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

fn component(runtime: &Runtime, crypto: &str) -> portcullis_host::Component {
    let name = if crypto == "software" { "portcullis.wasm".into() } else { format!("portcullis-{crypto}.wasm") };
    let path = root().join("dist/components").join(name);
    runtime.load_file(&path).unwrap_or_else(|error| panic!("{}: {error}: run `make dist`", path.display()))
}

/// Something that verifies one sample, ready, by its name.
type Verifier = (&'static str, Box<dyn FnMut()>);

/// Everything that verifies a sample.
fn verifiers(runtime: &Runtime, sample: &Sample) -> Vec<Verifier> {
    let mut all: Vec<Verifier> = Vec::new();
    for crypto in ["software", "wide", "hosted"] {
        let mut component = Portcullis::new(&component(runtime, crypto)).expect("it is the component");
        let keys = component.key_set_from_jwks(&sample.jwks()).expect("an answer").expect("a key set");
        let algorithm = sample.algorithm.parse().expect("an algorithm");
        let expect = Expectations {
            issuer: Some(ISSUER.into()),
            audience: Some(vec![AUDIENCE.into()]),
            algorithms: Some(vec![algorithm]),
            ..Expectations::default()
        };
        let (token, at) = (sample.token.clone().into_bytes(), now());
        all.push((
            crypto,
            Box::new(move || {
                black_box(component.verify_jwt(&token, &keys, &expect, at).expect("an answer").expect("it verifies"));
            }),
        ));
    }
    all.push(("native", native(sample)));
    if sample.algorithm == "ES256" {
        all.push(("native without tables", native_without_tables(sample)));
    }
    all.extend(jsonwebtoken(sample).map(|run| ("jsonwebtoken", run)));
    all.push(("jwt-simple", jwt_simple(sample)));
    all
}

fn native(sample: &Sample) -> Box<dyn FnMut()> {
    let keys = KeySet::from_jwks(&sample.jwks(), &(Rc::new(SoftwareBackend::default()) as _)).expect("a key set");
    let expect = jwt::Expectations {
        issuer: Some(ISSUER.into()),
        audience: Some(vec![AUDIENCE.into()]),
        algorithms: Some(vec![Algorithm::from_name(sample.algorithm).expect("an algorithm")]),
        ..jwt::Expectations::default()
    };
    let (token, at) = (sample.token.clone(), now());
    Box::new(move || {
        black_box(jwt::parse_and_verify(token.as_bytes(), &keys, &expect, at).expect("it verifies"));
    })
}

/// The bare signature with a key that never gets a window table.
fn native_without_tables(sample: &Sample) -> Box<dyn FnMut()> {
    let object = portcullis_types::json::parse_object(sample.jwk.to_string().as_bytes()).expect("JSON");
    let key = jwk::parse(&object, "sig", Origin::Carried, &(Rc::new(SoftwareBackend::default()) as _)).expect("a key");
    let (input, signature) = sample.token.rsplit_once('.').expect("parts");
    let signature = portcullis_types::base64url::decode(signature.as_bytes()).expect("base64url");
    let input = input.to_owned();
    Box::new(move || key.verify(Algorithm::Es256, black_box(input.as_bytes()), &signature).expect("it verifies"))
}

/// jsonwebtoken with aws-lc; it has no ES256K.
fn jsonwebtoken(sample: &Sample) -> Option<Box<dyn FnMut()>> {
    let algorithm: jsonwebtoken::Algorithm = sample.algorithm.parse().ok()?;
    let jwk = serde_json::from_value(sample.jwk.clone()).ok()?;
    let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).ok()?;
    let mut validation = jsonwebtoken::Validation::new(algorithm);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_nbf = true;
    let token = sample.token.clone();
    Some(Box::new(move || {
        black_box(jsonwebtoken::decode::<Value>(&token, &key, &validation).expect("it verifies"));
    }))
}

/// jwt-simple with its Rust implementations.
fn jwt_simple(sample: &Sample) -> Box<dyn FnMut()> {
    let token = sample.token.clone();
    let options = VerificationOptions {
        allowed_issuers: Some([ISSUER.to_owned()].into()),
        allowed_audiences: Some([AUDIENCE.to_owned()].into()),
        ..VerificationOptions::default()
    };
    macro_rules! verifier {
        ($key:expr) => {{
            let key = $key.expect("a key");
            Box::new(move || {
                black_box(key.verify_token::<Value>(&token, Some(options.clone())).expect("it verifies"));
            })
        }};
    }
    match sample.algorithm {
        "ES256" => verifier!(ES256PublicKey::from_der(&sample.der)),
        "ES384" => verifier!(ES384PublicKey::from_der(&sample.der)),
        "ES256K" => verifier!(ES256kPublicKey::from_der(&sample.der)),
        "EdDSA" => verifier!(Ed25519PublicKey::from_bytes(&sample.der)),
        "RS256" => verifier!(RS256PublicKey::from_der(&sample.der)),
        "PS256" => verifier!(PS256PublicKey::from_der(&sample.der)),
        _ => verifier!(Ok::<_, jwt_simple::Error>(HS256Key::from_bytes(&sample.der))),
    }
}

fn verification(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("the runtime starts");
    let samples = samples();
    // The peers in other languages verify the same tokens.
    let tokens: Vec<Value> = samples
        .iter()
        .map(|sample| serde_json::json!({"algorithm": sample.algorithm, "token": sample.token, "jwk": sample.jwk}))
        .collect();
    std::fs::create_dir_all(results()).expect("a folder for results");
    std::fs::write(results().join("tokens.json"), serde_json::to_vec(&tokens).expect("JSON")).expect("it writes");
    for sample in &samples {
        let mut group = criterion.benchmark_group(sample.algorithm);
        for (name, mut run) in verifiers(&runtime, sample) {
            // Past the threshold for window tables: a key in use is the normal case.
            (0..2 * portcullis_crypto::TABLE_THRESHOLD).for_each(|_| run());
            group.bench_function(name, |bencher| bencher.iter(&mut run));
        }
        group.finish();
    }
}

fn calls(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("the runtime starts");
    let component = component(&runtime, "wide");
    let mut group = criterion.benchmark_group("calls");
    let mut instance = Portcullis::new(&component).expect("it is the component");
    // The shortest way in and out: no token at all is refused at the first look.
    group.bench_function("a call", |bencher| {
        bencher.iter(|| instance.inspect_jwt_untrusted(black_box(b"")).expect("an answer").is_err())
    });
    group.bench_function("a fresh instance and a call", |bencher| {
        bencher.iter(|| {
            let mut fresh = Portcullis::new(&component).expect("it is the component");
            fresh.inspect_jwt_untrusted(black_box(b"")).expect("an answer").is_err()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2)).sample_size(40);
    targets = verification, calls
}
criterion_main!(benches);
