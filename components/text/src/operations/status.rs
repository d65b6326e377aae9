//! `status.*`

mod session;

use alloc::{rc::Rc, string::String, vec::Vec};

use portcullis_crypto::KeySet;
use portcullis_status::{Bits, Entry, MAX_INFLATED, Options, Packed, StatusList, lst_from_json, mechanism};
use portcullis_types::{
    Rejection, Timestamp, Trace, base64url,
    json::{Number, Object, Value},
};

pub(crate) use session::OpenLists;
pub(super) use session::{close, describe, get, open, values};

use crate::{
    Door,
    door::{Answer, Call, object},
    members::{Members, malformed},
};

/// Lists that are kept from one request to the next: a batch asks one list many times, or two by turns.
const KEPT_LISTS: usize = 2;

/// How much memory the lists that are kept and their tokens may take, in bytes. An instance has 256 MiB, and opening the
/// largest list takes half of them.
const KEPT_BYTES: usize = 32 * 1024 * 1024;

/// The form of a status list token, with the member's text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Jwt(&'a str),
    Cwt(&'a str),
}

/// A list that was opened, and what it was opened with.
struct Kept {
    is_cwt: bool,
    token: String,
    keys: Rc<KeySet>,
    uri: String,
    list: Rc<StatusList>,
}

/// The lists opened last, so that a look-up in one of them costs no verification. What verified once verifies again: the
/// bytes, the keys and the URI are the same; what the time changes is judged again.
#[derive(Default)]
pub(crate) struct KeptLists {
    /// Least recently used first.
    lists: Vec<Kept>,
}

impl Token<'_> {
    fn text(&self) -> &str {
        match self {
            Token::Jwt(text) | Token::Cwt(text) => text,
        }
    }
}

impl Kept {
    fn is(&self, token: Token<'_>, keys: &Rc<KeySet>, uri: &str) -> bool {
        Rc::ptr_eq(&self.keys, keys)
            && self.uri == uri
            && self.is_cwt == matches!(token, Token::Cwt(_))
            && self.token == token.text()
    }

    fn bytes(&self) -> usize {
        self.token.len() + self.list.held_bytes()
    }
}

impl KeptLists {
    /// The list in a token, from those kept or new.
    fn open(
        &mut self,
        token: Token<'_>,
        keys: Rc<KeySet>,
        uri: &str,
        at: Timestamp,
        explained: bool,
        trace: &mut dyn Trace,
    ) -> Result<Rc<StatusList>, Rejection> {
        let options = Options::default();
        let known = self.lists.iter().position(|kept| kept.is(token, &keys, uri));
        if let Some(place) = known.filter(|_| !explained) {
            let found = self.lists.remove(place);
            let list = Rc::clone(&found.list);
            self.lists.push(found);
            list.check_at(at, options.leeway)?;
            return Ok(list);
        }
        let list = match token {
            Token::Jwt(text) => StatusList::explain_jwt(text.as_bytes(), &keys, uri, at, &options, trace),
            Token::Cwt(text) => {
                let bytes = base64url::decode(text.as_bytes()).map_err(|rejection| {
                    malformed(alloc::format!("the member \"token_b64\" is not base64url: {}", rejection.detail()))
                })?;
                StatusList::explain_cwt(&bytes, &keys, uri, at, &options, trace)
            }
        }?;
        let list = Rc::new(list);
        self.keep(Kept {
            is_cwt: matches!(token, Token::Cwt(_)),
            token: token.text().into(),
            keys,
            uri: uri.into(),
            list: Rc::clone(&list),
        });
        Ok(list)
    }

    fn keep(&mut self, new: Kept) {
        // One that was opened again takes the place of the first.
        self.lists
            .retain(|kept| !(Rc::ptr_eq(&kept.keys, &new.keys) && kept.uri == new.uri && kept.token == new.token));
        if new.bytes() > KEPT_BYTES {
            return;
        }
        self.lists.push(new);
        while self.lists.len() > KEPT_LISTS || self.lists.iter().map(Kept::bytes).sum::<usize>() > KEPT_BYTES {
            self.lists.remove(0);
        }
    }
}

/// The member `token`, a JWT, or `token_b64`, a CWT.
fn token<'a>(members: &mut Members<'a>) -> Result<Token<'a>, Rejection> {
    match (members.optional_text("token")?, members.optional_text("token_b64")?) {
        (Some(text), None) => Ok(Token::Jwt(text)),
        (None, Some(text)) => Ok(Token::Cwt(text)),
        _ => Err(malformed("the request has to have one of the members \"token\" and \"token_b64\"")),
    }
}

fn entry_members(entry: Entry) -> Vec<(String, Value)> {
    Vec::from([("value".into(), u64::from(entry.value).into()), ("status".into(), entry.status.name().into())])
}

/// `status.lookup`
pub(super) fn lookup(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let token = token(&mut members)?;
    let keys = door.keys_or_cose_keys(&mut members)?;
    let uri = members.text("uri")?;
    let index = members.value("index")?;
    members.finish()?;
    let index = mechanism::index_from_json(index)?;
    let list = door.kept_lists.open(token, keys, uri, call.at, call.explained, call.trace)?;
    let entry = list.get(index)?;
    let mut result = entry_members(entry);
    result.extend(list.expires().map(|seconds| ("expires".into(), number(seconds))));
    result.extend(list.ttl().map(|seconds| ("ttl".into(), number(seconds))));
    Ok(Object::from_members(result))
}

/// `status.decode`: a bare list, nothing of it verified.
pub(super) fn decode(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let bits = members.value("bits")?;
    let lst = members.value("lst")?;
    let index = members.value("index")?;
    members.finish()?;
    let index = mechanism::index_from_json(index)?;
    let bits = Bits::from_json(Some(bits))?;
    let list = Packed::from_zlib(bits, &lst_from_json(Some(lst))?, MAX_INFLATED)?;
    Ok(object([("value", u64::from(list.get(index)?).into())]))
}

/// Seconds from 0 to 2^53 − 1, as an integer where they are whole.
fn number(seconds: f64) -> Value {
    let whole = seconds as u64;
    Value::Number(if whole as f64 == seconds { Number::Unsigned(whole) } else { Number::Float(seconds) })
}
