//! `portcullis:signature/http-signature`

use portcullis_signature::{self as signature, AcceptSignature, Component as Covered, Message as Lent, Signatures};
use portcullis_types::Findings;

use crate::{
    Component,
    bindings::exports::portcullis::{
        crypto::keys::{Algorithm, KeySetBorrow},
        signature::http_signature::{
            Expectations, Guest, GuestPreparedSignature, Message, PreparedSignature, Report, RequestedSignature,
            RequiredParameters, Selection, SignatureDescription, SignatureFields, Signing, UntrustedSignature,
            VerifiedSignature,
        },
        types::types::{Header, Rejection, Seconds, Timestamp},
    },
    convert,
    keys::Keys,
    messages::{self, with_message},
    signature_values::{known, others, others_from, parameters, parameters_from, structured_fields},
};

/// The resource behind a handle.
pub(crate) struct Prepared(signature::Prepared);

impl Guest for Component {
    type PreparedSignature = Prepared;

    fn verify(
        message: Message,
        keys: KeySetBorrow<'_>,
        expect: Expectations,
        at: Timestamp,
    ) -> Result<VerifiedSignature, Rejection> {
        verify(&message, &keys, &expect, at, &mut portcullis_types::trace::Silent)
    }

    fn explain(message: Message, keys: KeySetBorrow<'_>, expect: Expectations, at: Timestamp) -> Report {
        let mut findings = Findings::default();
        let outcome = verify(&message, &keys, &expect, at, &mut findings);
        Report { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }

    fn inspect_untrusted(message: Message) -> Result<Vec<UntrustedSignature>, Rejection> {
        with_message(&message, |message| {
            let signatures = Signatures::of(message)?;
            let seen = signatures.iter().map(|(label, one)| UntrustedSignature {
                label: label.into(),
                description: match one {
                    Ok(one) => Ok(description(one, message)),
                    Err(rejection) => Err(convert::rejection(rejection.clone())),
                },
            });
            Ok(seen.collect())
        })
        .map_err(convert::rejection)
    }

    fn read_accept_signature(headers: Vec<Header>) -> Result<Vec<RequestedSignature>, Rejection> {
        AcceptSignature::of(&messages::fields(&headers))
            .map(|asked| asked.signatures.into_iter().map(requested).collect())
            .map_err(convert::rejection)
    }

    fn write_accept_signature(signatures: Vec<RequestedSignature>) -> Result<String, Rejection> {
        let signatures = signatures.into_iter().map(requested_from).collect::<Result<_, _>>();
        signatures.and_then(|signatures| AcceptSignature { signatures }.field()).map_err(convert::rejection)
    }

    fn signing_for(
        requested: RequestedSignature,
        message: Message,
        at: Timestamp,
        lifetime: Seconds,
    ) -> Result<Signing, Rejection> {
        requested_from(requested)
            .and_then(|wanted| {
                with_message(&message, |message| wanted.applies_to(message))?;
                Ok(Signing {
                    label: wanted.label.clone(),
                    components: texts(&wanted.components),
                    parameters: parameters(wanted.parameters(at, lifetime)),
                    structured_fields: Vec::new(),
                })
            })
            .map_err(convert::rejection)
    }

    fn algorithm_name(algorithm: Algorithm) -> Option<String> {
        signature::algorithm_name(convert::one(algorithm)).map(Into::into)
    }
}

impl GuestPreparedSignature for Prepared {
    fn prepare(message: Message, signing: Signing) -> Result<PreparedSignature, Rejection> {
        prepare(&message, signing)
            .map(|prepared| PreparedSignature::new(Prepared(prepared)))
            .map_err(convert::rejection)
    }

    fn base(&self) -> String {
        self.0.base.clone()
    }

    fn finish(&self, signature: Vec<u8>) -> SignatureFields {
        let (input, signature) = self.0.finish(&signature);
        SignatureFields { input, signature }
    }
}

fn prepare(message: &Message, signing: Signing) -> Result<signature::Prepared, portcullis_types::Rejection> {
    let components = components(&signing.components)?;
    let parameters = parameters_from(signing.parameters)?;
    let structured = structured_fields(&signing.structured_fields);
    with_message(message, |message| {
        signature::prepare_knowing(message, &signing.label, &components, &parameters, &known(&structured))
    })
}

fn verify(
    message: &Message,
    keys: &KeySetBorrow<'_>,
    expect: &Expectations,
    at: Timestamp,
    trace: &mut dyn portcullis_types::Trace,
) -> Result<VerifiedSignature, Rejection> {
    let algorithms = expect.algorithms.as_deref().map(convert::accepted);
    let structured = structured_fields(&expect.structured_fields);
    components(&expect.components)
        .and_then(|components| {
            let expect = signature::Expectations {
                selection: match &expect.selection {
                    Selection::Only => signature::Selection::Only,
                    Selection::Label(label) => signature::Selection::Label(label),
                    Selection::Tag(tag) => signature::Selection::Tag(tag),
                },
                components: &components,
                require: required(expect.required),
                created_within: expect.created_within,
                skew: expect.skew,
                algorithms: algorithms.as_deref(),
                structured_fields: known(&structured),
            };
            with_message(message, |message| signature::verify(message, &keys.get::<Keys>().0, &expect, at, trace))
        })
        .map(verified)
        .map_err(convert::rejection)
}

fn required(required: RequiredParameters) -> signature::Required {
    let has = |parameter| required & parameter == parameter;
    signature::Required {
        created: has(RequiredParameters::CREATED),
        expires: has(RequiredParameters::EXPIRES),
        nonce: has(RequiredParameters::NONCE),
        alg: has(RequiredParameters::ALG),
        keyid: has(RequiredParameters::KEYID),
        tag: has(RequiredParameters::TAG),
    }
}

fn verified(verified: signature::Verified) -> VerifiedSignature {
    VerifiedSignature {
        label: verified.label,
        keyid: verified.keyid,
        components: texts(&verified.components),
        parameters: parameters(verified.parameters),
        algorithm: convert::algorithm(verified.algorithm),
        thumbprint: verified.thumbprint.map(Into::into),
    }
}

fn description(one: &signature::Signature, message: &Lent<'_>) -> SignatureDescription {
    SignatureDescription {
        components: texts(&one.components),
        parameters: parameters(one.parameters.clone()),
        base: one.base(message).map_err(convert::rejection),
        signature_length: one.value().len().try_into().unwrap_or(u32::MAX),
    }
}

fn components(texts: &[String]) -> Result<Vec<Covered>, portcullis_types::Rejection> {
    texts.iter().map(|text| Covered::parse(text)).collect()
}

fn texts(components: &[Covered]) -> Vec<String> {
    components.iter().map(Covered::unquoted).collect()
}

fn requested(wanted: signature::RequestedSignature) -> RequestedSignature {
    RequestedSignature {
        label: wanted.label,
        components: texts(&wanted.components),
        created: wanted.created,
        expires: wanted.expires,
        nonce: wanted.nonce,
        alg: wanted.alg,
        keyid: wanted.keyid,
        tag: wanted.tag,
        others: others(wanted.others),
    }
}

fn requested_from(wanted: RequestedSignature) -> Result<signature::RequestedSignature, portcullis_types::Rejection> {
    Ok(signature::RequestedSignature {
        label: wanted.label,
        components: components(&wanted.components)?,
        created: wanted.created,
        expires: wanted.expires,
        nonce: wanted.nonce,
        alg: wanted.alg,
        keyid: wanted.keyid,
        tag: wanted.tag,
        others: others_from(wanted.others)?,
    })
}
