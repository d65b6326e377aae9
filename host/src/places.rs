//! Where the components and the playground are.

use std::path::PathBuf;

/// The variable that names the folder of the components.
pub const COMPONENTS_VARIABLE: &str = "PORTCULLIS_COMPONENTS";

/// The folder of the components: what `PORTCULLIS_COMPONENTS` names, or else `../components` beside the folder of the
/// running program, as `make dist` lays them out. It need not exist.
#[must_use]
pub fn components_dir() -> PathBuf {
    named_or_beside(COMPONENTS_VARIABLE, "components")
}

/// The variable that names the folder of the playground.
pub const PLAYGROUND_VARIABLE: &str = "PORTCULLIS_PLAYGROUND";

/// The folder of the playground: what `PORTCULLIS_PLAYGROUND` names, or else `../playground` beside the folder of the running
/// program. It need not exist.
#[must_use]
pub fn playground_dir() -> PathBuf {
    named_or_beside(PLAYGROUND_VARIABLE, "playground")
}

fn named_or_beside(variable: &str, folder: &str) -> PathBuf {
    if let Some(named) = std::env::var_os(variable).filter(|value| !value.is_empty()) {
        return PathBuf::from(named);
    }
    std::env::current_exe()
        // A link to the program does not move what belongs to it.
        .and_then(|program| program.canonicalize())
        .ok()
        .and_then(|program| Some(program.parent()?.parent()?.join(folder)))
        .unwrap_or_else(|| PathBuf::from(folder))
}
