//! What is written of a pushed request and of what came of it, and what a server keeps of it and hands in again.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use portcullis_types::{
    Rejection, Timestamp,
    json::{Object, Value},
    limits::excerpt,
    time::timestamp_from_json,
};

use super::{AuthorizationRequest, BoundKey, CLIENT_ID, CodeChallenge, Pending, Pushed, PushedCode, PushedKey, Tied};

type Members = Vec<(String, Value)>;

impl Pushed {
    /// `client` (`client_id`, `metadata`, `vouched_by`, `software`?), `key`? and `key_proved`?, `request`: as
    /// `docs/pushed-registration.md` has it. The proofs are left out: they are for the memory of whoever verified them.
    pub fn to_members(&self) -> Vec<(String, Value)> {
        let vouched_by = self.client.vouched_by.iter().map(|voucher| voucher.name().into()).collect();
        let mut client: Members = Vec::from([
            ("client_id".into(), CLIENT_ID.into()),
            ("metadata".into(), self.client.metadata.clone().into()),
            ("vouched_by".into(), Value::Array(vouched_by)),
        ]);
        client.extend(self.client.software.as_deref().map(|software| ("software".into(), software.into())));
        let mut members: Members = Vec::from([("client".into(), Object::from_members(client).into())]);
        if let Some(bound) = &self.key {
            members.push(("key".into(), bound.key.to_confirmation().into()));
            members.push(("key_proved".into(), bound.proved.into()));
        }
        members.push(("request".into(), self.request.to_object().into()));
        members
    }

    /// What a server has to keep, beside the `request_uri` that it makes and when that ends: what [`Kept`] reads.
    ///
    /// ```
    /// use portcullis_oauth::pushed_registration::{CodeChallenge, Kept};
    /// use portcullis_types::json;
    ///
    /// let kept = br#"{"request_uri":"urn:example:r","expires_at":1790000090,"redirect_uri":"https://client.example.org/cb",
    ///     "code_challenge":"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}"#;
    /// let kept = Kept::from_object(&json::parse_object(kept)?)?;
    /// assert_eq!(kept.pending().expires_at, 1_790_000_090);
    /// # Ok::<(), portcullis_types::Rejection>(())
    /// ```
    pub fn to_keep(&self) -> Object {
        let mut members: Members = Vec::from([
            ("redirect_uri".into(), self.request.redirect_uri.as_str().into()),
            ("code_challenge".into(), self.request.code_challenge.to_text().into()),
        ]);
        members.extend(self.key.map(|bound| ("key".into(), bound.key.to_confirmation().into())));
        Object::from_members(members)
    }
}

impl AuthorizationRequest {
    /// The parameters that count; `others` as pairs.
    fn to_object(&self) -> Object {
        let mut members: Members = Vec::from([
            ("response_type".into(), self.response_type.as_str().into()),
            ("redirect_uri".into(), self.redirect_uri.as_str().into()),
            ("state".into(), self.state.as_str().into()),
            ("code_challenge".into(), self.code_challenge.to_text().into()),
        ]);
        members.extend(self.scope.as_ref().map(|scope| ("scope".into(), format!("{scope}").into())));
        if !self.others.is_empty() {
            let pair = |(name, value): &(String, String)| {
                Value::Array(Vec::from([name.as_str().into(), value.as_str().into()]))
            };
            members.push(("others".into(), Value::Array(self.others.iter().map(pair).collect())));
        }
        Object::from_members(members)
    }
}

impl Tied {
    /// `cnf`, where a key was pushed. The proofs are left out, as in [`Pushed::to_members`].
    pub fn to_members(&self) -> Vec<(String, Value)> {
        self.confirmation.iter().map(|cnf| ("cnf".into(), cnf.clone().into())).collect()
    }
}

/// What a server kept of a pushed request, as it hands it in: `request_uri`, `expires_at`, `used`?, `redirect_uri`,
/// `code_challenge`, `key`?.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    request_uri: String,
    expires_at: Timestamp,
    used: bool,
    redirect_uri: String,
    code_challenge: CodeChallenge,
    key: Option<PushedKey>,
}

impl Kept {
    /// Reads a record.
    ///
    /// Errors: `par.pushed_malformed`, `par.code_challenge_form`; `json.duplicate_name`; `cnf.*` and `base64.*` for the key.
    pub fn from_object(pushed: &Object) -> Result<Self, Rejection> {
        let names = ["request_uri", "expires_at", "used", "redirect_uri", "code_challenge", "key"];
        if let Some((name, _)) = pushed.checked()?.members().find(|(name, _)| !names.contains(name)) {
            return Err(malformed(format!("there is an unknown member {}", excerpt(name))));
        }
        let wrong = |name: &str, wanted: &str| malformed(format!("{name} is not {wanted}"));
        let text = |name: &str| match pushed.get(name)? {
            Some(Value::String(text)) => Ok(text.as_str()),
            _ => Err(wrong(name, "a text")),
        };
        let used = match pushed.get("used")? {
            None => false,
            Some(Value::Bool(used)) => *used,
            Some(_) => return Err(wrong("used", "true or false")),
        };
        let key = match pushed.get("key")? {
            None => None,
            Some(Value::Object(cnf)) => Some(PushedKey::from_confirmation(cnf)?),
            Some(_) => return Err(wrong("key", "an object")),
        };
        let expires_at = pushed.get("expires_at")?.and_then(timestamp_from_json);
        Ok(Self {
            request_uri: text("request_uri")?.to_owned(),
            expires_at: expires_at.ok_or_else(|| wrong("expires_at", "a whole number of seconds"))?,
            used,
            redirect_uri: text("redirect_uri")?.to_owned(),
            code_challenge: CodeChallenge::parse(text("code_challenge")?, Some("S256"))?,
            key,
        })
    }

    /// The same, to hold requests to.
    pub fn pending(&self) -> Pending<'_> {
        Pending {
            request_uri: &self.request_uri,
            expires_at: self.expires_at,
            used: self.used,
            redirect_uri: &self.redirect_uri,
            code_challenge: self.code_challenge,
            // Whether it was proved by then makes no difference: the token request proves it.
            key: self.key.map(|key| BoundKey { key, proved: true }),
        }
    }
}

fn malformed(what: impl Into<String>) -> Rejection {
    Rejection::new(PushedCode::PushedMalformed, what)
}

#[cfg(test)]
mod tests {
    use portcullis_types::json;

    use super::*;

    const KEPT: &str = r#""request_uri":"urn:example:r","expires_at":1790000090,"redirect_uri":"https://client.example.org/cb","code_challenge":"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM""#;

    fn read(text: &str) -> Result<Kept, Rejection> {
        Kept::from_object(&json::parse_object(text.as_bytes())?)
    }

    #[test]
    fn a_record_is_read_whole() {
        let jkt = "BWSnEl2pMKF-96Vq8kb23y1ye_NMIqoYuRmG9EybcPQ";
        let kept = read(&format!(r#"{{{KEPT},"used":true,"key":{{"jkt":"{jkt}"}}}}"#)).unwrap();
        let pending = kept.pending();
        assert_eq!((pending.request_uri, pending.used), ("urn:example:r", true));
        assert!(matches!(pending.key, Some(BoundKey { key: PushedKey::Dpop(_), .. })));
        assert!(!read(&format!("{{{KEPT}}}")).unwrap().used);
    }

    #[test]
    fn a_record_that_is_none_is_refused() {
        for (from, to, code) in [
            (r#""urn:example:r""#, "1", "par.pushed_malformed"),
            (r#""request_uri":"urn:example:r","#, "", "par.pushed_malformed"),
            ("1790000090", r#""1790000090""#, "par.pushed_malformed"),
            ("1790000090", r#"1790000090,"used":"no""#, "par.pushed_malformed"),
            ("1790000090", r#"1790000090,"key":"k""#, "par.pushed_malformed"),
            ("1790000090", r#"1790000090,"key":{"kid":"k"}"#, "cnf.unsupported"),
            ("1790000090", r#"1790000090,"state":"s""#, "par.pushed_malformed"),
            ("1790000090", "1790000090,\"expires_at\":1", "json.duplicate_name"),
            ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "E9", "par.code_challenge_form"),
        ] {
            let text = format!("{{{}}}", KEPT.replace(from, to));
            assert_eq!(read(&text).unwrap_err().code(), code, "{text}");
        }
    }
}
