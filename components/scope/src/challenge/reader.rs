//! Reading challenges (RFC 9110 section 11.6.1).

use alloc::{format, string::String};

use portcullis_types::{Rejection, limits::excerpt};

use super::{Challenge, is_printable, is_token_character, too_large};
use crate::{ScopeCode, limits::MAX_CHALLENGE};

/// What is left of a header's value, which is ASCII.
pub(super) struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// A value within bounds, at its first challenge.
    ///
    /// Errors: `challenge.too_large`, `challenge.character`.
    pub(super) fn new(header: &'a str) -> Result<Self, Rejection> {
        if header.len() > MAX_CHALLENGE {
            return Err(too_large(header.len()));
        }
        if let Some(at) = header.bytes().position(|byte| !is_printable(byte) && byte != b'\t') {
            let what = format!("offset {at} is not printable ASCII");
            return Err(Rejection::new(ScopeCode::ChallengeCharacter, what));
        }
        let mut reader = Self { rest: header };
        reader.gap();
        Ok(reader)
    }

    /// Whether no challenge follows.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads a challenge, up to the next one's scheme or the end. One with a `token68` is passed over, and none is read.
    pub(super) fn challenge(&mut self) -> Result<Option<Challenge>, Rejection> {
        let mut challenge = Challenge::new(self.token())?;
        let spaces = self.skip(|c| c == ' ');
        if self.rest.is_empty() || self.rest.starts_with(',') {
            self.gap();
        } else if spaces.is_empty() {
            return Err(Rejection::new(ScopeCode::ChallengeScheme, "the scheme ends in no space"));
        } else if self.take_token68() {
            self.gap();
            return Ok(None);
        } else {
            self.parameters(&mut challenge)?;
        }
        Ok(Some(challenge))
    }

    /// Takes what holds from the front.
    fn skip(&mut self, holds: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !holds(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn token(&mut self) -> &'a str {
        self.skip(is_token_character)
    }

    /// OWS and BWS (RFC 9110 section 5.6.3).
    fn space(&mut self) -> &'a str {
        self.skip(|c| matches!(c, ' ' | '\t'))
    }

    /// What stands between elements of a list: white space and commas, empty elements among them (RFC 9110
    /// section 5.6.1.2). Their number is bounded by the header's length.
    fn gap(&mut self) -> &'a str {
        self.skip(|c| matches!(c, ' ' | '\t' | ','))
    }

    fn take(&mut self, character: char) -> bool {
        match self.rest.strip_prefix(character) {
            None => false,
            Some(rest) => {
                self.rest = rest;
                true
            }
        }
    }

    /// Takes a `token68` (RFC 9110 section 11.2), up to the end or a comma, if there is one.
    fn take_token68(&mut self) -> bool {
        let mut ahead = Reader { rest: self.rest };
        let text = ahead.skip(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
        ahead.skip(|c| c == '=');
        ahead.space();
        let found = !text.is_empty() && (ahead.rest.is_empty() || ahead.rest.starts_with(','));
        if found {
            self.rest = ahead.rest;
        }
        found
    }

    /// Reads parameters, up to the next challenge or the end.
    fn parameters(&mut self, challenge: &mut Challenge) -> Result<(), Rejection> {
        loop {
            let before = self.rest;
            let name = self.token();
            let space = self.space();
            if name.is_empty() || !self.take('=') {
                // A token without `=`: behind a parameter it is the scheme of another challenge.
                let ends = !space.is_empty() || matches!(self.rest.chars().next(), None | Some(','));
                if challenge.is_empty() || name.is_empty() || !ends {
                    let what = format!("a parameter is name=value, not {}", excerpt(name));
                    return Err(Rejection::new(ScopeCode::ChallengeParameter, what));
                }
                self.rest = before;
                return Ok(());
            }
            self.space();
            let value = self.value(name)?;
            challenge.add(name, value)?;
            self.space();
            if self.rest.is_empty() {
                return Ok(());
            }
            if !self.take(',') {
                let what = format!("something follows the value of {}", excerpt(name));
                return Err(Rejection::new(ScopeCode::ChallengeParameter, what));
            }
            self.gap();
            if self.rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn value(&mut self, name: &str) -> Result<String, Rejection> {
        if self.take('"') {
            return self.quoted(name);
        }
        let token = self.token();
        if token.is_empty() {
            let what = format!("the parameter {} has no value", excerpt(name));
            return Err(Rejection::new(ScopeCode::ChallengeParameter, what));
        }
        Ok(token.into())
    }

    /// `quoted-string` (RFC 9110 section 5.6.4), its opening quote taken.
    fn quoted(&mut self, name: &str) -> Result<String, Rejection> {
        let mut value = String::new();
        let mut characters = self.rest.chars();
        loop {
            let character = match characters.next() {
                Some('"') => {
                    self.rest = characters.as_str();
                    return Ok(value);
                }
                Some('\\') => characters.next(),
                other => other,
            };
            match character {
                None => {
                    let what = format!("the value of {} does not end", excerpt(name));
                    return Err(Rejection::new(ScopeCode::ChallengeQuote, what));
                }
                Some('\t') => {
                    let what = format!("the value of {} holds a tab", excerpt(name));
                    return Err(Rejection::new(ScopeCode::ChallengeCharacter, what));
                }
                Some(character) => value.push(character),
            }
        }
    }
}
