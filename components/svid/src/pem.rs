//! Certificates as PEM text (RFC 7468), as files and headers carry them.

use alloc::{format, vec::Vec};

use portcullis_types::{
    Rejection,
    limits::{MAX_DOCUMENT, excerpt},
};

use crate::{SvidCode, x509_svid::MAX_CHAIN};

/// RFC 7468 section 5.1
const LABEL: &str = "CERTIFICATE";
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// Reads a chain of certificates, in their order, each as DER.
///
/// Each block is in the strict form (RFC 7468 section 3: lines of 64 characters, canonical base64). Text before, between
/// and after the blocks is passed over, as section 2 and section 5.2 let it stand; a line of it that begins like a boundary
/// is refused. Anything else than certificates is refused.
///
/// Errors: `svid.pem_*`, `svid.chain_too_long`.
///
/// ```
/// use portcullis_svid::pem;
/// assert_eq!(pem::decode_chain("no certificate").unwrap_err().code(), "svid.pem_missing");
/// assert_eq!(pem::decode_chain("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n").unwrap(), [[0x30, 0]]);
/// ```
pub fn decode_chain(text: &str) -> Result<Vec<Vec<u8>>, Rejection> {
    if text.len() > MAX_DOCUMENT {
        return Err(Rejection::new(
            SvidCode::PemTooLarge,
            format!("{} bytes, at most {MAX_DOCUMENT} are read", text.len()),
        ));
    }
    let malformed = |what| Rejection::new(SvidCode::PemMalformed, what);
    let mut chain = Vec::new();
    let mut begun = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        if line.starts_with(BEGIN) {
            if begun.replace(start).is_some() {
                return Err(malformed("a block begins within a block"));
            }
        } else if line.starts_with(END) {
            let block = begun.take().and_then(|begun| text.get(begun..offset));
            let block = block.ok_or_else(|| malformed("a block ends that never began"))?;
            if chain.len() >= MAX_CHAIN {
                return Err(Rejection::new(
                    SvidCode::ChainTooLong,
                    format!("more than {MAX_CHAIN} certificates, which is most that are read"),
                ));
            }
            chain.push(decode_block(block)?);
        }
    }
    if begun.is_some() {
        return Err(malformed("the last block does not end"));
    }
    if chain.is_empty() {
        return Err(Rejection::new(SvidCode::PemMissing, "there is no PEM block"));
    }
    Ok(chain)
}

fn decode_block(block: &str) -> Result<Vec<u8>, Rejection> {
    let malformed = |error| Rejection::new(SvidCode::PemMalformed, format!("{error}"));
    let label = pem_rfc7468::decode_label(block.as_bytes()).map_err(malformed)?;
    if label != LABEL {
        return Err(Rejection::new(
            SvidCode::PemLabel,
            format!("the block holds {}, not a certificate", excerpt(label)),
        ));
    }
    pem_rfc7468::decode_vec(block.as_bytes()).map(|(_, der)| der).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    const BLOCK: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

    fn code(text: &str) -> &'static str {
        decode_chain(text).unwrap_err().code()
    }

    #[test]
    fn text_around_blocks_is_passed_over() {
        let text = ["subject=CN = a\n", BLOCK, "between\r\n", &BLOCK.replace('\n', "\r\n"), "after"].concat();
        assert_eq!(decode_chain(&text).unwrap(), [[0x30, 0], [0x30, 0]]);
        assert_eq!(decode_chain(BLOCK.trim_end()).unwrap(), [[0x30, 0]]);
    }

    #[test]
    fn each_fault_has_its_code() {
        assert_eq!(code(""), "svid.pem_missing");
        assert_eq!(code(&BLOCK.replace("CERTIFICATE", "PRIVATE KEY")), "svid.pem_label");
        assert_eq!(code(&BLOCK.replace("CERTIFICATE", "TRUSTED CERTIFICATE")), "svid.pem_label");
        for wrong in [
            BLOCK.replace("MAA=", "MAA"),
            BLOCK.replace("MAA=", "MA A="),
            BLOCK.replace("MAA=", "MAB="),
            BLOCK.replace("MAA=", "MA-_"),
            BLOCK.replace("MAA=\n", ""),
            BLOCK.replace("END CERTIFICATE", "END X"),
            BLOCK.replace("-----END CERTIFICATE-----\n", ""),
            BLOCK.replace("-----BEGIN CERTIFICATE-----\n", ""),
            BLOCK.replace("MAA=", "Proc-Type: 4,ENCRYPTED\n\nMAA="),
            [BLOCK, &BLOCK.replace("-----BEGIN", "----BEGIN")].concat(),
            BLOCK.replace("MAA=\n", "-----BEGIN CERTIFICATE-----\nMAA=\n"),
        ] {
            assert_eq!(code(&wrong), "svid.pem_malformed", "{wrong}");
        }
    }

    #[test]
    fn both_bounds_hold() {
        assert_eq!(decode_chain(&BLOCK.repeat(MAX_CHAIN)).unwrap().len(), MAX_CHAIN);
        assert_eq!(code(&BLOCK.repeat(MAX_CHAIN + 1)), "svid.chain_too_long");
        let mut text = String::from(BLOCK);
        text.extend(std::iter::repeat_n(' ', MAX_DOCUMENT - BLOCK.len()));
        assert!(decode_chain(&text).is_ok());
        text.push(' ');
        assert_eq!(code(&text), "svid.pem_too_large");
    }
}
