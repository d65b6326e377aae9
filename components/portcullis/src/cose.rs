//! `portcullis:token/cose`

use portcullis_token::cose;

use crate::{
    Component,
    bindings::exports::portcullis::{
        crypto::keys::KeySetBorrow,
        token::cose::{Guest, Options, Signer, Structure, VerifiedCose},
        types::types::Rejection,
    },
    convert,
    keys::Keys,
};

impl Guest for Component {
    fn verify(message: Vec<u8>, keys: KeySetBorrow<'_>, options: Options) -> Result<VerifiedCose, Rejection> {
        let algorithms = options.algorithms.map(|list| convert::accepted(&list));
        let options = cose::Options {
            external_aad: &options.external_aad,
            payload: options.payload.as_deref(),
            algorithms: algorithms.as_deref(),
            typ: options.typ.as_deref(),
            ..cose::Options::default()
        };
        cose::parse_and_verify(&message, &keys.get::<Keys>().0, &options)
            .map(|verified| VerifiedCose {
                structure: structure(verified.structure),
                payload: verified.payload,
                protected_header: verified.protected,
                signers: verified.signers.into_iter().map(signer).collect(),
            })
            .map_err(convert::rejection)
    }
}

pub(crate) fn structure(structure: cose::Structure) -> Structure {
    match structure {
        cose::Structure::Sign1 => Structure::Sign1,
        cose::Structure::Sign => Structure::Sign,
        cose::Structure::Mac0 => Structure::Mac0,
    }
}

pub(crate) fn signer(signer: cose::Signer) -> Signer {
    Signer {
        algorithm: convert::algorithm(signer.algorithm.algorithm()),
        registered: signer.algorithm.number(),
        kid: signer.kid,
        thumbprint: signer.thumbprint.map(Into::into),
    }
}
