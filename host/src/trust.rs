//! Whether a file or folder of machine code can only have been written by someone we trust.

use std::fs::Metadata;

/// Who, besides this user, may own it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody: it is this user's own.
    #[cfg_attr(not(feature = "compiler"), expect(dead_code, reason = "without the compiler there is no cache"))]
    Me,
    /// Root, who installs programs.
    MeOrRoot,
}

/// Says what is wrong, if someone else could have written it.
#[cfg(unix)]
pub(crate) fn check(metadata: &Metadata, owner: Owner) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;

    /// Write permission for group and others.
    const OTHERS_WRITE: u32 = 0o022;

    let (owned_by, me) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owned_by != me && !(owner == Owner::MeOrRoot && owned_by == 0) {
        return Err(format!("it belongs to user {owned_by}, and this is user {me}"));
    }
    if metadata.mode() & OTHERS_WRITE != 0 {
        let mode = metadata.mode() & 0o7777;
        return Err(format!("others can write to it (mode {mode:04o}): `chmod go-w` it"));
    }
    Ok(())
}

/// Where permissions cannot be read, nothing is trusted.
#[cfg(not(unix))]
pub(crate) fn check(_metadata: &Metadata, _owner: Owner) -> Result<(), String> {
    Err(String::from("its permissions cannot be judged on this system"))
}
