//! Files of users, one a line: a name, a colon and a hash, as `htpasswd` writes them.

use alloc::{collections::BTreeMap, format, string::String};

use portcullis_crypto::sha256;
use portcullis_types::{Rejection, limits::excerpt};

use crate::{
    Hash, PasswordCode,
    limits::{MAX_NAME, MAX_USERS},
};

/// A user.
#[derive(Debug, Clone)]
pub struct User {
    hash: Hash,
    fingerprint: [u8; 32],
}

impl User {
    /// SHA-256 of the hash as it is written: another one for another password. What was given for the old password can be told
    /// by it, and the password cannot.
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }
}

/// Users by their names.
#[derive(Debug, Clone, Default)]
pub struct Users(BTreeMap<String, User>);

impl Users {
    /// Reads a file of users. Empty lines and those that begin with `#` are passed over. One line that cannot be used refuses the
    /// file: who is not in it cannot sign in, and nobody would know why.
    ///
    /// Errors: `password.*`, each with the number of the line and never with what stands in it.
    ///
    /// ```
    /// use portcullis_password::Users;
    ///
    /// let file = "# people\nalice:$2y$05$XzuUELPMJxL3pTlBSGXX1.TAvKkLUGFHRmHoOHEmCKmhZdRgOLDTy\n";
    /// let users = Users::parse(file.as_bytes()).unwrap();
    /// assert_eq!(users.verify("alice", b"no").unwrap_err().code(), "password.wrong");
    /// assert_eq!(users.verify("bob", b"no").unwrap_err().code(), "password.wrong");
    /// ```
    pub fn parse(file: &[u8]) -> Result<Self, Rejection> {
        let malformed = |what: String| Rejection::new(PasswordCode::LineMalformed, what);
        let text = core::str::from_utf8(file).map_err(|_| malformed("the file is no text".into()))?;
        let mut users = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = index + 1;
            let Some((name, hash)) = line.split_once(':') else {
                return Err(malformed(format!("line {number} has no colon")));
            };
            users.add(name, hash).map_err(|rejection| rejection.within(&format!("line {number}")))?;
        }
        Ok(users)
    }

    /// Adds a user.
    ///
    /// Errors: `password.*`.
    pub fn add(&mut self, name: &str, hash: &str) -> Result<(), Rejection> {
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(|c| c.is_control() || c == ':') {
            let what = format!("a name has 1 to {MAX_NAME} printable characters and no colon");
            return Err(Rejection::new(PasswordCode::LineMalformed, what));
        }
        if self.0.contains_key(name) {
            return Err(Rejection::new(PasswordCode::NameRepeated, format!("{} occurs twice", excerpt(name))));
        }
        if self.0.len() >= MAX_USERS {
            return Err(Rejection::new(PasswordCode::TooMany, format!("more than {MAX_USERS} users")));
        }
        let user = User { hash: Hash::parse(hash)?, fingerprint: sha256(hash.as_bytes()) };
        self.0.insert(name.into(), user);
        Ok(())
    }

    /// The user of a name and a password. Takes as long for a name that there is not, so that nobody learns which there are.
    ///
    /// Error: `password.wrong`.
    pub fn verify(&self, name: &str, password: &[u8]) -> Result<&User, Rejection> {
        let known = self.0.get(name);
        let tried = known.or_else(|| self.0.values().next());
        let matches = tried.is_some_and(|user| user.hash.matches(password));
        match known {
            Some(user) if matches => Ok(user),
            _ => Err(Rejection::new(PasswordCode::Wrong, "there is no such user with this password")),
        }
    }

    /// The user of a name, whose password is not looked at.
    pub fn get(&self, name: &str) -> Option<&User> {
        self.0.get(name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$05$XzuUELPMJxL3pTlBSGXX1.TAvKkLUGFHRmHoOHEmCKmhZdRgOLDTy";

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let code = |text: &str| Users::parse(text.as_bytes()).err().map_or("", |rejection| rejection.code());
        assert_eq!(code(""), "");
        assert_eq!(code(&format!("# a\r\n\r\nalice:{HASH}\r\nbob:{HASH}\n")), "");
        assert_eq!(code("alice"), "password.line_malformed");
        assert_eq!(code(&format!(":{HASH}")), "password.line_malformed");
        assert_eq!(code(&format!("a\u{7}:{HASH}")), "password.line_malformed");
        assert_eq!(code(&format!("alice:{HASH}\nalice:{HASH}")), "password.name_repeated");
        assert_eq!(code("alice:plain"), "password.hash_unsupported");
        assert_eq!(Users::parse(b"\xff").unwrap_err().code(), "password.line_malformed");
        let users = Users::parse(format!("alice:{HASH}").as_bytes()).unwrap();
        for (name, password) in [("alice", "no"), ("bob", "no")] {
            assert_eq!(users.verify(name, password.as_bytes()).unwrap_err().code(), "password.wrong", "{name}");
        }
        let told = Users::parse(b"a:secret").unwrap_err();
        assert!(!told.detail().contains("secret") && told.detail().contains("line 1"), "{}", told.detail());
    }

    #[test]
    fn another_password_is_another_fingerprint() {
        let users = Users::parse(format!("alice:{HASH}\nbob:{}\n", HASH.replace("$05$", "$06$")).as_bytes()).unwrap();
        assert_ne!(users.get("alice").unwrap().fingerprint(), users.get("bob").unwrap().fingerprint());
        assert_eq!(users.len(), 2);
    }

    #[test]
    fn there_are_no_more_users_than_are_read() {
        let mut users = Users::default();
        for number in 0..MAX_USERS {
            users.add(&format!("u{number}"), HASH).unwrap();
        }
        assert_eq!(users.add("one more", HASH).unwrap_err().code(), "password.too_many");
    }
}
