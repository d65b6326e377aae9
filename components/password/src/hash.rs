//! Hashes of passwords.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use argon2::{Algorithm, Argon2, Params, PasswordVerifier, password_hash::PasswordHash};
use base64::{Engine as _, alphabet, engine::GeneralPurpose, engine::general_purpose::NO_PAD};
use portcullis_types::Rejection;
use subtle::ConstantTimeEq as _;

use crate::{
    PasswordCode,
    limits::{BCRYPT_PASSWORD, MAX_ARGON2_LANES, MAX_ARGON2_MEMORY, MAX_ARGON2_WORK, MAX_BCRYPT_COST, MAX_PASSWORD},
};

/// What bcrypt keeps of what it makes, in bytes.
const BCRYPT_KEPT: usize = 23;

/// bcrypt's own Base64.
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);

/// A hash of a password.
///
/// ```
/// use portcullis_password::Hash;
///
/// let hash = Hash::parse("$2y$05$XzuUELPMJxL3pTlBSGXX1.TAvKkLUGFHRmHoOHEmCKmhZdRgOLDTy");
/// assert!(hash.is_ok());
/// assert_eq!(Hash::parse("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=").unwrap_err().code(), "password.hash_unsupported");
/// ```
#[derive(Debug, Clone)]
pub struct Hash(Form);

#[derive(Debug, Clone)]
enum Form {
    Bcrypt {
        cost: u32,
        salt: [u8; 16],
        kept: [u8; BCRYPT_KEPT],
    },
    /// A PHC string that was looked at.
    Argon2(String),
}

impl Hash {
    /// Reads a hash: bcrypt (`$2a$`, `$2b$`, `$2y$`), or Argon2i and Argon2id as a PHC string.
    ///
    /// Errors: `password.hash_unsupported`, `password.hash_malformed`, `password.hash_costly`. None tells the hash.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        let bcrypt = ["$2a$", "$2b$", "$2y$"].iter().find_map(|prefix| text.strip_prefix(prefix));
        if let Some(rest) = bcrypt {
            return self::bcrypt(rest).map(Self);
        }
        if text.starts_with("$argon2i") {
            return self::argon2(text).map(Self);
        }
        let what = "the hash is neither bcrypt ($2y$) nor Argon2 ($argon2id$): make one with `htpasswd -B`";
        Err(Rejection::new(PasswordCode::HashUnsupported, what))
    }

    /// Whether a password is the one. Takes as long as its hash was meant to take.
    #[must_use]
    pub fn matches(&self, password: &[u8]) -> bool {
        if password.len() > MAX_PASSWORD {
            return false;
        }
        match &self.0 {
            Form::Bcrypt { cost, salt, kept } => {
                // It goes to the first zero byte and to its 72nd: what stood behind would not count.
                if password.len() > BCRYPT_PASSWORD || password.contains(&0) {
                    return false;
                }
                let mut ended: Vec<u8> = password.to_vec();
                ended.push(0);
                ended.truncate(BCRYPT_PASSWORD);
                let made = bcrypt::bcrypt(*cost, *salt, &ended);
                made.get(..BCRYPT_KEPT).is_some_and(|made| bool::from(made.ct_eq(kept)))
            }
            Form::Argon2(text) => {
                PasswordHash::new(text).is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
            }
        }
    }
}

fn malformed(what: &str) -> Rejection {
    Rejection::new(PasswordCode::HashMalformed, what)
}

fn costly(what: String) -> Rejection {
    Rejection::new(PasswordCode::HashCostly, what)
}

/// Cost, `$`, 22 characters of salt and 31 of what was made.
fn bcrypt(rest: &str) -> Result<Form, Rejection> {
    let parts = rest.split_once('$').filter(|(cost, both)| cost.len() == 2 && both.len() == 53 && both.is_ascii());
    let (cost, both) = parts.ok_or_else(|| malformed("bcrypt is a cost of two digits, $ and 53 characters"))?;
    let cost: u32 = cost.parse().map_err(|_| malformed("the cost is no number"))?;
    if cost < 4 {
        return Err(malformed("the cost of bcrypt is at least 4"));
    }
    if cost > MAX_BCRYPT_COST {
        return Err(costly(format!("a cost of {cost}, at most {MAX_BCRYPT_COST} is spent")));
    }
    let (salt, kept) = both.split_at(22);
    let decode = |text: &str| BCRYPT_BASE64.decode(text).map_err(|_| malformed("the salt or the hash is not Base64"));
    Ok(Form::Bcrypt {
        cost,
        salt: decode(salt)?.try_into().map_err(|_| malformed("the salt has not 16 bytes"))?,
        kept: decode(kept)?.try_into().map_err(|_| malformed("the hash has not 23 bytes"))?,
    })
}

fn argon2(text: &str) -> Result<Form, Rejection> {
    let hash = PasswordHash::new(text).map_err(|_| malformed("this is no PHC string"))?;
    let algorithm = Algorithm::try_from(hash.algorithm).map_err(|_| malformed("this is no Argon2 that is known"))?;
    if algorithm == Algorithm::Argon2d {
        return Err(malformed("Argon2d is not for passwords"));
    }
    let params = Params::try_from(&hash).map_err(|_| malformed("the parameters are none that Argon2 has"))?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(malformed("the salt or the hash is missing"));
    }
    let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
    if memory > MAX_ARGON2_MEMORY
        || u64::from(memory).saturating_mul(u64::from(passes)) > MAX_ARGON2_WORK
        || lanes > MAX_ARGON2_LANES
    {
        return Err(costly(format!(
            "m={memory}, t={passes}, p={lanes}: at most m={MAX_ARGON2_MEMORY}, m times t {MAX_ARGON2_WORK} and \
             p={MAX_ARGON2_LANES} are spent"
        )));
    }
    Ok(Form::Argon2(text.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the Python packages `bcrypt` and `argon2-cffi`.
    const KNOWN: &[(&str, &str)] = &[
        ("secret", "$2b$05$lR/KrMB8g3h5esN8Rr0Ha.5/VptihDpPz.VGXHFffxf905Cepb4FC"),
        ("päss wörd", "$2a$04$QPXkmWKMJM27vgCb/mDVRuhRzse5z5Ym3fNxSdHzCfhh.ouku18z2"),
        ("htpasswd", "$2y$05$vHSvrZJd6r4qiroWTE/pUuh/DYij2K9ikIY8CvxWdhZZddqmu.igG"),
        (
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "$2b$04$TJykO6XlHepxXj3sz.zAheLxhy0fLoJn9DSn3G2xNHa8kje5pXJj2",
        ),
        ("secret", "$argon2id$v=19$m=1024,t=2,p=1$mFmLO6QgmR7klfMGKK3pag$PRZrH/GezpEqrzSccjy3YHOKlz1/VVt5N0wM7HGoRbA"),
        ("secret", "$argon2i$v=19$m=512,t=1,p=2$+NEOR6A8+Is9joO0QvdNIA$50Vf1QeERUoWprJtl21T+d50sYLc1lV+zE+HUXLvguQ"),
    ];

    fn code(text: &str) -> &'static str {
        Hash::parse(text).err().map_or("", |rejection| rejection.code().trim_start_matches("password."))
    }

    #[test]
    fn others_hashes_are_read() {
        for (password, text) in KNOWN {
            let hash = Hash::parse(text).unwrap();
            assert!(hash.matches(password.as_bytes()), "{text}");
            assert!(!hash.matches(std::format!("{password}x").as_bytes()), "{text}");
            assert!(!hash.matches(b""), "{text}");
        }
    }

    #[test]
    fn what_is_weak_malformed_or_costly_is_refused() {
        for (text, expected) in [
            ("", "hash_unsupported"),
            ("secret", "hash_unsupported"),
            ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "hash_unsupported"),
            ("$apr1$ZxF3Y4Qb$3ZrvPJj2u8Xn6yW9dK3cZ1", "hash_unsupported"),
            ("$6$salt$hash", "hash_unsupported"),
            ("$2y$05$short", "hash_malformed"),
            ("$2y$xx$XzuUELPMJxL3pTlBSGXX1.TAvKkLUGFHRmHoOHEmCKmhZdRgOLDTy", "hash_malformed"),
            ("$2y$03$XzuUELPMJxL3pTlBSGXX1.TAvKkLUGFHRmHoOHEmCKmhZdRgOLDTy", "hash_malformed"),
            ("$2y$05$XzuUELPMJxL3pTlBSGXX1.TAvKkLUGFHRmHoOHEmCKmhZdRgOLDT!", "hash_malformed"),
            ("$2y$12$XzuUELPMJxL3pTlBSGXX1.TAvKkLUGFHRmHoOHEmCKmhZdRgOLDTy", ""),
            ("$2y$13$XzuUELPMJxL3pTlBSGXX1.TAvKkLUGFHRmHoOHEmCKmhZdRgOLDTy", "hash_costly"),
            ("$argon2id$", "hash_malformed"),
            ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ", "hash_malformed"),
            ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo", ""),
            ("$argon2id$v=19$m=65537,t=1,p=4$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo", "hash_costly"),
            ("$argon2id$v=19$m=65536,t=4,p=4$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo", "hash_costly"),
            ("$argon2id$v=19$m=65536,t=1,p=17$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo", "hash_costly"),
            ("$argon2d$v=19$m=1024,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo", "hash_unsupported"),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn what_would_not_count_matches_nothing() {
        let (_, text) = KNOWN.iter().find(|(password, _)| password.len() == BCRYPT_PASSWORD).unwrap();
        let hash = Hash::parse(text).unwrap();
        let whole = "a".repeat(BCRYPT_PASSWORD);
        assert!(hash.matches(whole.as_bytes()));
        assert!(!hash.matches(std::format!("{whole}b").as_bytes()), "bcrypt itself would not see the b");
        assert!(!hash.matches(&[whole.as_bytes(), b"\0"].concat()));
    }
}
