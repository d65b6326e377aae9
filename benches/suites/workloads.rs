//! A WIMSE request, a Workload Identity Token and its Workload Proof Token, against the two bare signature verifications that it
//! needs: all the rest is what its rules cost.

use std::{hint::black_box, rc::Rc, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use ed25519_dalek::Signer as _;
use p256::ecdsa::Signature;
use portcullis_crypto::{Algorithm, Backend, Key, Origin, SoftwareBackend, jwk, sha256};
use portcullis_types::{Silent, base64url, json};
use portcullis_wimse::{TrustDomains, proof_token};
use serde_json::{Value, json};

const TARGET: &str = "https://api.example/reports/7";

/// Signs a message.
type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// What signs, and its public JWK.
struct Signer {
    algorithm: &'static str,
    jwk: Value,
    sign: Sign,
}

impl Signer {
    fn es256(seed: u8) -> Self {
        let key = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).expect("a scalar below the order");
        let point = key.verifying_key().to_sec1_point(false);
        let (x, y) = (base64url::encode(&point.as_bytes()[1..33]), base64url::encode(&point.as_bytes()[33..]));
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
        let sign = move |message: &[u8]| {
            let signature: Signature = key.sign(message);
            signature.to_bytes().to_vec()
        };
        Self { algorithm: "ES256", jwk, sign: Box::new(sign) }
    }

    fn eddsa(seed: u8) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(key.verifying_key().as_bytes())});
        let sign = move |message: &[u8]| key.sign(message).to_vec();
        Self { algorithm: "EdDSA", jwk, sign: Box::new(sign) }
    }

    fn named(&self, kid: &str) -> Value {
        let mut jwk = self.jwk.clone();
        jwk["kid"] = kid.into();
        jwk["alg"] = self.algorithm.into();
        jwk
    }

    fn jws(&self, typ: &str, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm, "kid": "k", "typ": typ});
        let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
        let input = format!("{}.{}", part(&header), part(claims));
        format!("{input}.{}", base64url::encode(&(self.sign)(input.as_bytes())))
    }
}

/// A JWS with a key that is ready for it.
struct Bare {
    key: Key,
    algorithm: Algorithm,
    input: String,
    signature: Vec<u8>,
}

impl Bare {
    fn of(jws: &str, signer: &Signer, origin: Origin, backend: &Rc<dyn Backend>) -> Self {
        let object = json::parse_object(signer.named("k").to_string().as_bytes()).expect("JSON");
        let (input, signature) = jws.rsplit_once('.').expect("parts");
        Self {
            key: jwk::parse(&object, "sig", origin, backend).expect("a key"),
            algorithm: Algorithm::from_name(signer.algorithm).expect("an algorithm"),
            input: input.into(),
            signature: base64url::decode(signature.as_bytes()).expect("base64url"),
        }
    }

    fn verify(&self) {
        self.key.verify(self.algorithm, black_box(self.input.as_bytes()), &self.signature).expect("it verifies");
    }
}

fn requests(criterion: &mut Criterion) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970").as_secs();
    let mut group = criterion.benchmark_group("workloads");
    for (name, authority, workload) in
        [("ES256", Signer::es256(1), Signer::es256(2)), ("EdDSA", Signer::eddsa(1), Signer::eddsa(2))]
    {
        let backend: Rc<dyn Backend> = Rc::new(SoftwareBackend::default());
        let mut confirmed = workload.jwk.clone();
        confirmed["alg"] = workload.algorithm.into();
        let claims = json!({"sub": "wimse://prod.example/ns/billing", "exp": now + 3_600, "cnf": {"jwk": confirmed}});
        let identity = authority.jws("wit+jwt", &claims);
        let hash = base64url::encode(&sha256(identity.as_bytes()));
        let proof = workload
            .jws("wpt+jwt", &json!({"aud": TARGET, "exp": now + 250, "iat": now, "jti": "2f1c6c0e", "wth": hash}));
        let domains = json!({"wimse://prod.example": {"jwks": {"keys": [authority.named("k")]}}});
        let domains = json::parse_object(domains.to_string().as_bytes()).expect("JSON");
        let trusted = TrustDomains::from_object(&domains, &backend).expect("keys");
        let authorization = format!("WPT {proof}");
        let fields: [(&str, &[u8]); 4] = [
            ("host", b"api.example"),
            ("accept", b"*/*"),
            ("workload-identity-token", identity.as_bytes()),
            ("authorization", authorization.as_bytes()),
        ];
        let expect = proof_token::Expectations {
            audience: &[TARGET],
            other_tokens: &[],
            lifetime: proof_token::DEFAULT_LIFETIME,
            leeway: 30,
            seen: &[],
        };
        let request = || {
            let fields = black_box(fields).into_iter();
            let verified = proof_token::parse_and_verify(fields, &trusted, &expect, &backend, now, &mut Silent);
            black_box(verified.expect("it verifies"));
        };
        // The workload's key comes with each request, so nothing is made ready for it; the trust domain's is in use.
        let bare = [
            Bare::of(&identity, &authority, Origin::Configured, &backend),
            Bare::of(&proof, &workload, Origin::Carried, &backend),
        ];
        for _ in 0..2 * portcullis_crypto::TABLE_THRESHOLD {
            request();
            bare.iter().for_each(Bare::verify);
        }
        group.bench_function(format!("{name}, a request"), |bencher| bencher.iter(request));
        group.bench_function(format!("{name}, two signatures"), |bencher| {
            bencher.iter(|| bare.iter().for_each(Bare::verify));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(3)).sample_size(60);
    targets = requests
}
criterion_main!(benches);
