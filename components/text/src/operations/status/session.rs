//! Lists that are held from one request to the next, for hosts that draw them or ask them often: what the resource of
//! `portcullis:status/status-list` is for others. A handle is a number, and belongs to the instance that gave it.

use alloc::{collections::BTreeMap, format, rc::Rc, vec::Vec};

use portcullis_gate::GateCode;
use portcullis_status::{Status, StatusList};
use portcullis_types::{
    Rejection, base64url,
    json::{Object, Value},
};

use super::{entry_members, mechanism, number, token};
use crate::{
    Door,
    door::{Answer, Call, object},
    members::{Members, malformed},
};

/// Most lists that one instance holds open.
const MAX_OPEN: usize = 16;

/// The most memory that they take together, in bytes. An instance has 256 MiB, and opening the largest list takes half of them.
const MAX_OPEN_BYTES: usize = 96 * 1024 * 1024;

/// Most values that are told at once.
const MAX_VALUES: u64 = 1024 * 1024;

/// What is held.
#[derive(Default)]
pub(crate) struct OpenLists {
    lists: BTreeMap<u64, Rc<StatusList>>,
    last: u64,
}

impl OpenLists {
    fn list(&self, members: &mut Members<'_>) -> Result<Rc<StatusList>, Rejection> {
        let handle = handle(members)?;
        self.lists.get(&handle).cloned().ok_or_else(|| unknown(handle))
    }
}

fn handle(members: &mut Members<'_>) -> Result<u64, Rejection> {
    members.optional_integer("list")?.ok_or_else(|| malformed("the request has no member \"list\""))
}

fn unknown(handle: u64) -> Rejection {
    Rejection::new(GateCode::HandleUnknown, format!("this instance holds no list under the number {handle}"))
}

/// `status.open`
pub(in crate::operations) fn open(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let token = token(&mut members)?;
    let keys = door.keys_or_cose_keys(&mut members)?;
    let uri = members.text("uri")?;
    members.finish()?;
    if door.open_lists.lists.len() >= MAX_OPEN {
        let what = format!("this instance holds {MAX_OPEN} lists already");
        return Err(Rejection::new(GateCode::HandlesTooMany, what).into());
    }
    let list = door.kept_lists.open(token, keys, uri, call.at, call.explained, call.trace)?;
    let held: usize = door.open_lists.lists.values().map(|list| list.held_bytes()).sum();
    if held + list.held_bytes() > MAX_OPEN_BYTES {
        let what = format!("the lists that are open would take more than {MAX_OPEN_BYTES} bytes");
        return Err(Rejection::new(GateCode::HandlesTooMany, what).into());
    }
    door.open_lists.last += 1;
    let handle = door.open_lists.last;
    door.open_lists.lists.insert(handle, list);
    Ok(object([("list", handle.into())]))
}

/// `status.describe`: what a list says of itself, and how many entries have each value.
pub(in crate::operations) fn describe(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let list = door.open_lists.list(&mut members)?;
    members.finish()?;
    let count = |(value, entries): (u8, u64)| {
        let status = Status::from_value(value).name();
        object([("value", u64::from(value).into()), ("status", status.into()), ("entries", entries.into())]).into()
    };
    let mut result = Vec::from([
        ("bits".into(), u64::from(list.bits().count()).into()),
        ("length".into(), list.len().into()),
        ("counts".into(), Value::Array(list.counts().into_iter().map(count).collect())),
        ("issued_at".into(), number(list.issued_at())),
    ]);
    result.extend(list.expires().map(|seconds| ("expires".into(), number(seconds))));
    result.extend(list.ttl().map(|seconds| ("ttl".into(), number(seconds))));
    Ok(Object::from_members(result))
}

/// `status.get`: an entry, if the list may be relied upon at the time.
pub(in crate::operations) fn get(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let list = door.open_lists.list(&mut members)?;
    let index = members.value("index")?;
    members.finish()?;
    list.check_at(call.at, 0)?;
    Ok(Object::from_members(entry_members(list.get(mechanism::index_from_json(index)?)?)))
}

/// `status.values`: the values of some entries, one byte each. Says nothing about time.
pub(in crate::operations) fn values(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let list = door.open_lists.list(&mut members)?;
    let first = members.optional_integer("first")?.unwrap_or(0);
    let count = members.optional_integer("count")?.unwrap_or(MAX_VALUES).min(MAX_VALUES);
    members.finish()?;
    let values: Vec<u8> = list.values(first..first.saturating_add(count).min(list.len()).max(first))?.collect();
    Ok(object([("values", base64url::encode(&values).into())]))
}

/// `status.close`
pub(in crate::operations) fn close(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let handle = handle(&mut members)?;
    members.finish()?;
    door.open_lists.lists.remove(&handle).ok_or_else(|| unknown(handle))?;
    Ok(Object::default())
}
