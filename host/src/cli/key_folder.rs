//! Folders of keys that services sign with.

use std::path::Path;

use portcullis_host::gateway::{TokenKey, TokenKeys};
use serde_json::json;

use super::context::{Context, Format};
use super::output;

/// For how long tokens of a key may live after it was replaced: nobody here knows the policy, so no key is ever taken for one whose
/// tokens are over. The service removes them.
const KEEP: u64 = u64::MAX;

/// A folder of keys that sign tokens, which is made where there is none.
pub(crate) fn tokens(folder: &Path) -> anyhow::Result<TokenKeys> {
    Ok(TokenKeys::open(folder, KEEP)?)
}

/// The same of keys that sign requests of Open Cloud Mesh.
pub(crate) fn ocm(folder: &Path) -> anyhow::Result<TokenKeys> {
    Ok(TokenKeys::open_ocm(folder, KEEP)?)
}

/// Lists the keys of a folder, and says which one signs.
pub(crate) fn list(folder: &TokenKeys, context: &Context) -> anyhow::Result<()> {
    let keys = folder.list()?;
    if context.format() == Format::Json {
        let told = |key: &TokenKey| json!({"kid": key.kid, "from": key.from, "signs": key.signs});
        return output::json(&json!({"keys": keys.iter().map(told).collect::<Vec<_>>()}));
    }
    for key in keys {
        let from = i64::try_from(key.from).ok().and_then(|from| jiff::Timestamp::from_second(from).ok());
        let from = from.map(|from| from.to_string()).unwrap_or_default();
        output::print(&format!("{}  from {from}{}\n", key.kid, if key.signs { "  signs" } else { "" }))?;
    }
    Ok(())
}

/// Makes another key in a folder.
pub(crate) fn rotate(folder: &TokenKeys, at_once: bool, context: &Context) -> anyhow::Result<()> {
    let kid = folder.rotate(at_once)?;
    match context.format() {
        Format::Json => output::json(&json!({ "kid": kid })),
        _ => output::print(&format!("{kid}\n")),
    }
}
