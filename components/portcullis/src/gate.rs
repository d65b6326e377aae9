//! `portcullis:gate/gate`

use std::cell::RefCell;

use portcullis_gate as gate;
use portcullis_types::Findings;

use crate::{
    Component, backend,
    bindings::exports::portcullis::{
        gate::gate::{
            Answer, AnswerToSign, Answered, BasicCredential, Body, Checked, Class, ClientAnswer, ClientCertificate,
            Content, Decision, Document, DocumentFinding, DocumentKind, DocumentNeed, EndpointCredential, Evaluation,
            Field, Forget, Format, Gate, GateBorrow, Guest, GuestEvaluation, GuestGate, Held, Issue, IssueKind,
            LeafCertificate, Missing, Need, Outcome, OwnIdentity, Pending, Principal, Problem, Question, Readiness,
            ReadyAnswer, Register, Registration, RegistrationOutcome, Remember, Request, Sha256, Step, ToSign,
            ToldStep, Transaction, Wanted,
        },
        types::types::{Header, Rejection, Timestamp},
    },
    convert, policy,
};

/// The resource behind a handle.
pub(crate) struct OneGate(gate::Gate);

/// The resource behind a handle. A call borrows it for as long as it lasts; there are no calls within calls.
pub(crate) struct OneEvaluation(RefCell<gate::Evaluation>);

impl Guest for Component {
    type Gate = OneGate;
    type Evaluation = OneEvaluation;
}

impl GuestGate for OneGate {
    fn load(text: String, format: Format) -> Result<Gate, Vec<Problem>> {
        gate::Gate::load(&text, policy::format(format), backend())
            .map(|gate| Gate::new(OneGate(gate)))
            .map_err(|errors| policy::problems(&errors))
    }

    fn load_for_browser(text: String, format: Format) -> Result<Gate, Vec<Problem>> {
        gate::Gate::load_for_browser(&text, policy::format(format), backend())
            .map(|gate| Gate::new(OneGate(gate)))
            .map_err(|errors| policy::problems(&errors))
    }

    fn due(&self, at: Timestamp) -> Vec<DocumentNeed> {
        self.0.due(at).into_iter().map(document_need).collect()
    }

    fn provide(&self, documents: Vec<Document>, at: Timestamp) -> Vec<DocumentFinding> {
        let documents: Vec<_> = documents.into_iter().map(document).collect();
        let finding = |(url, rejection)| DocumentFinding { url, rejection: convert::rejection(rejection) };
        self.0.provide(&documents, at).into_iter().map(finding).collect()
    }

    fn admit_redirect(&self, need: DocumentNeed, hops: u8, location: String) -> Result<(), Rejection> {
        self.0.admit_redirect(&document_needed(need), hops, &location).map_err(convert::rejection)
    }

    fn admit_server(&self, need: DocumentNeed, chain: Vec<Vec<u8>>, at: Timestamp) -> Result<(), Rejection> {
        self.0.admit_server(&document_needed(need), &chain, at).map_err(convert::rejection)
    }

    fn prepare_answer(
        &self,
        request: Request,
        answer: AnswerToSign,
        identity: Option<OwnIdentity>,
        at: Timestamp,
    ) -> Result<Option<ReadyAnswer>, Rejection> {
        let own: Vec<_> = answer.headers.into_iter().map(|Field { name, value }| (name, value)).collect();
        let answer = gate::AnswerToSign { status: answer.status, fields: &own, body: &answer.body };
        let identity =
            identity.as_ref().map(|own| gate::OwnIdentity { token: own.token.as_str(), nonce: own.nonce.as_str() });
        let ready = self.0.prepare_answer(&self::request(request), &answer, identity.as_ref(), at);
        let ready_answer = |ready: gate::ReadyAnswer| ReadyAnswer {
            headers: fields(ready.fields),
            base: ready.base,
            label: ready.label.into(),
        };
        ready.map(|ready| ready.map(ready_answer)).map_err(convert::rejection)
    }

    fn ready(&self, at: Timestamp) -> Readiness {
        let gate::Readiness { ready, missing } = self.0.ready(at);
        Readiness { ready, missing: missing.into_iter().map(|(name, why)| Missing { name, why }).collect() }
    }

    fn held(&self) -> Held {
        let gate::Held { tokens, lists, bytes } = self.0.held();
        Held { tokens: tokens as u64, lists: lists as u64, bytes: bytes as u64 }
    }

    fn forget(&self, which: Forget) -> u64 {
        let which = match which {
            Forget::Subject(subject) => gate::Forget::Subject(subject),
            Forget::Client(client) => gate::Forget::Client(client),
            Forget::TokenDigest(digest) => gate::Forget::TokenDigest(bytes(digest)),
            Forget::Everything => gate::Forget::Everything,
        };
        self.0.forget(&which) as u64
    }

    fn check(&self, request: Request, at: Timestamp) -> Checked {
        #[cfg(feature = "failing")]
        fail_on_demand(&request);
        match self.0.check(self::request(request), at) {
            gate::Checked::Decided(decision) => Checked::Decided(self::decision(*decision)),
            gate::Checked::Pending(evaluation, needs) => {
                let evaluation = Evaluation::new(OneEvaluation(RefCell::new(*evaluation)));
                Checked::Pending(Pending { evaluation, needs: self::needs(needs) })
            }
        }
    }
}

impl GuestEvaluation for OneEvaluation {
    fn start(gate: GateBorrow<'_>, request: Request, at: Timestamp) -> Evaluation {
        let evaluation = gate.get::<OneGate>().0.start(self::request(request), at);
        Evaluation::new(OneEvaluation(RefCell::new(evaluation)))
    }

    fn step(&self, at: Timestamp) -> Step {
        step(self.0.borrow_mut().step(at))
    }

    fn explain(&self, at: Timestamp) -> ToldStep {
        let mut findings = Findings::default();
        let step = step(self.0.borrow_mut().explain(at, &mut findings));
        ToldStep { findings: findings.0.into_iter().map(convert::finding).collect(), step }
    }

    fn answer(&self, answers: Vec<Answered>, at: Timestamp) {
        let answers: Vec<_> = answers.iter().map(|answered| (answered.id, answer(answered.answer))).collect();
        self.0.borrow_mut().answer(&answers, at);
    }

    fn registered(&self, id: u32, record: Option<String>, at: Timestamp) {
        self.0.borrow_mut().registered(id, record, at);
    }
}

fn request(request: Request) -> gate::Request {
    gate::Request {
        method: request.method,
        url: request.url,
        target: request.target,
        headers: headers(request.headers),
        trailers: headers(request.trailers),
        body: request.body,
        certificate: match request.certificate {
            ClientCertificate::None => gate::ClientCertificate::None,
            ClientCertificate::Chain(chain) => gate::ClientCertificate::Chain(chain),
            ClientCertificate::Leaf(LeafCertificate { der, validated_for }) => {
                gate::ClientCertificate::Leaf { der, validated_for }
            }
            ClientCertificate::Digest(digest) => gate::ClientCertificate::Digest(bytes(digest)),
        },
        listener: request.listener,
        nonces: request.nonces,
        replay_since: request.replay_since,
        fresh: request.fresh,
    }
}

fn headers(headers: Vec<Header>) -> Vec<gate::Header> {
    headers.into_iter().map(|Header { name, value }| gate::Header { name, value }).collect()
}

/// The bytes of a digest, which the interface has as four big-endian words.
fn bytes(digest: Sha256) -> [u8; 32] {
    let mut bytes = [0; 32];
    let words: [u64; 4] = digest.into();
    for (part, word) in bytes.chunks_exact_mut(8).zip(words) {
        part.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// The words of a digest.
fn words(bytes: &[u8; 32]) -> Sha256 {
    let mut words = [0; 4];
    for (word, part) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = part.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    }
    words.into()
}

fn document(document: Document) -> gate::Document {
    gate::Document {
        url: document.url,
        server: document.server,
        about: document.about.map(bytes),
        peer: document.peer,
        fetched_at: document.fetched_at,
        content: match document.content {
            Content::Body(Body { status, media_type, bytes }) => gate::Content::Body { status, media_type, bytes },
            Content::Failed(why) => gate::Content::Failed(why),
        },
    }
}

fn document_need(need: gate::DocumentNeed) -> DocumentNeed {
    DocumentNeed {
        class: match need.class {
            gate::Class::Policy => Class::Policy,
            gate::Class::Credential => Class::Credential,
            gate::Class::Peer => Class::Peer,
        },
        kind: match need.kind {
            gate::Kind::Metadata => DocumentKind::Metadata,
            gate::Kind::Keys => DocumentKind::Keys,
            gate::Kind::Bundle => DocumentKind::Bundle,
            gate::Kind::StatusList => DocumentKind::StatusList,
            gate::Kind::Users => DocumentKind::Users,
            gate::Kind::Introspection => DocumentKind::Introspection,
            gate::Kind::OcmDiscovery => DocumentKind::OcmDiscovery,
        },
        accept: need.kind.accept().into(),
        most: need.most as u64,
        server: need.server,
        question: need.question.map(|asked| question(*asked)),
        url: need.url,
    }
}

fn question(question: gate::Question) -> Question {
    Question {
        digest: words(&question.digest),
        form: question.form,
        credential: match question.credential {
            gate::EndpointCredential::Basic { client_id, secret } => {
                EndpointCredential::Basic(BasicCredential { client_id, secret })
            }
            gate::EndpointCredential::Bearer(file) => EndpointCredential::Bearer(file),
        },
        known: question.known,
    }
}

fn asked(question: Question) -> gate::Question {
    gate::Question {
        digest: bytes(question.digest),
        form: question.form,
        credential: match question.credential {
            EndpointCredential::Basic(BasicCredential { client_id, secret }) => {
                gate::EndpointCredential::Basic { client_id, secret }
            }
            EndpointCredential::Bearer(file) => gate::EndpointCredential::Bearer(file),
        },
        known: question.known,
    }
}

fn document_needed(need: DocumentNeed) -> gate::DocumentNeed {
    gate::DocumentNeed {
        url: need.url,
        class: match need.class {
            Class::Policy => gate::Class::Policy,
            Class::Credential => gate::Class::Credential,
            Class::Peer => gate::Class::Peer,
        },
        kind: match need.kind {
            DocumentKind::Metadata => gate::Kind::Metadata,
            DocumentKind::Keys => gate::Kind::Keys,
            DocumentKind::Bundle => gate::Kind::Bundle,
            DocumentKind::StatusList => gate::Kind::StatusList,
            DocumentKind::Users => gate::Kind::Users,
            DocumentKind::Introspection => gate::Kind::Introspection,
            DocumentKind::OcmDiscovery => gate::Kind::OcmDiscovery,
        },
        most: usize::try_from(need.most).unwrap_or(usize::MAX),
        server: need.server,
        question: need.question.map(|question| Box::new(asked(question))),
    }
}

fn answer(answer: Answer) -> gate::Answer {
    match answer {
        Answer::Done => gate::Answer::Done,
        Answer::Fresh => gate::Answer::Fresh,
        Answer::Seen => gate::Answer::Seen,
        Answer::Unavailable => gate::Answer::Unavailable,
        Answer::Full => gate::Answer::Full,
    }
}

fn step(step: gate::Step) -> Step {
    match step {
        gate::Step::Decided(decision) => Step::Decided(self::decision(*decision)),
        gate::Step::Needs(needs) => Step::Needs(self::needs(needs)),
    }
}

fn needs(needs: Vec<gate::Need>) -> Vec<Need> {
    let need = |need: gate::Need| Need {
        id: need.id,
        what: match need.what {
            gate::Wanted::Document(need) => Wanted::Document(document_need(need)),
            gate::Wanted::Remember(remember) => Wanted::Remember(Remember {
                key: words(&remember.key),
                until: remember.until,
                thumbprint: words(&remember.thumbprint),
                identifier: remember.identifier,
            }),
            gate::Wanted::Registration(id) => Wanted::Registration(id),
            gate::Wanted::Register(register) => Wanted::Register(Register {
                spiffe_id: register.spiffe_id,
                was: register.was,
                record: register.record,
                expires_at: register.expires_at,
            }),
        },
    };
    needs.into_iter().map(need).collect()
}

fn decision(decision: gate::Decision) -> Decision {
    Decision {
        outcome: match decision.outcome {
            gate::Outcome::Allow => Outcome::Allow,
            gate::Outcome::Deny => Outcome::Deny,
        },
        status: decision.status,
        response_headers: fields(decision.response_headers),
        body: decision.body,
        upstream_strip: decision.upstream_strip,
        upstream_set: fields(decision.upstream_set),
        principal: decision.principal.map(principal),
        transaction: decision.transaction.map(transaction),
        findings: decision.findings.into_iter().map(convert::rejection).collect(),
        rule: decision.rule,
        reported: decision.reported,
        needs: decision.needs,
        issue: decision.issue.map(issue),
        client: decision.client.map(client),
    }
}

fn client(client: gate::ClientAnswer) -> ClientAnswer {
    let registration = |one: gate::Registration| Registration {
        outcome: match one.outcome {
            gate::RegistrationOutcome::Existing => RegistrationOutcome::Existing,
            gate::RegistrationOutcome::Registered => RegistrationOutcome::Registered,
            gate::RegistrationOutcome::Renewed => RegistrationOutcome::Renewed,
        },
        record: one.record,
    };
    ClientAnswer {
        client_id: client.client_id,
        method: client.method.into(),
        new: client.new,
        spiffe_id: client.spiffe_id,
        key: client.key.as_ref().map(words),
        registration: client.registration.map(registration),
    }
}

fn issue(issue: gate::Issue) -> Issue {
    let to_sign = |gate::ToSign { media_type, claims }| ToSign { media_type, claims };
    Issue {
        kind: match issue.kind {
            gate::IssueKind::Registry => IssueKind::Registry,
            gate::IssueKind::Transaction => IssueKind::Transaction,
        },
        access: to_sign(issue.access),
        refresh: issue.refresh.map(to_sign),
        scope: issue.scope,
        issued_at: issue.issued_at,
        expires_in: issue.expires_in,
    }
}

fn fields(fields: Vec<(String, String)>) -> Vec<Field> {
    fields.into_iter().map(|(name, value)| Field { name, value }).collect()
}

fn principal(principal: gate::Principal) -> Principal {
    let gate::Principal { subject, client, spiffe_id, issuer, scopes, binding } = principal;
    let binding = binding.map(|binding| binding.name().into());
    Principal { subject, client, spiffe_id, issuer, scopes, binding }
}

fn transaction(transaction: gate::Transaction) -> Transaction {
    let gate::Transaction { id, subject, scopes, requesting_workload } = transaction;
    Transaction { id, subject, scopes, requesting_workload }
}

/// Fails as a request says, so that hosts can be tested.
#[cfg(feature = "failing")]
#[expect(clippy::panic, reason = "it is what the tests ask for")]
fn fail_on_demand(request: &Request) {
    let wanted = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("x-fail"));
    match wanted.map(|header| header.value.as_slice()) {
        Some(b"trap") => panic!("as the request says"),
        Some(b"loop") => loop {
            core::hint::spin_loop();
        },
        _ => {}
    }
}
