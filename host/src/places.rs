//! Where the components are.

use std::path::PathBuf;

/// The variable that names the folder of the components.
pub const COMPONENTS_VARIABLE: &str = "PORTCULLIS_COMPONENTS";

/// The folder of the components: what `PORTCULLIS_COMPONENTS` names, or else `../components` beside the folder of the
/// running program, as `make dist` lays them out. It need not exist.
#[must_use]
pub fn components_dir() -> PathBuf {
    if let Some(named) = std::env::var_os(COMPONENTS_VARIABLE).filter(|value| !value.is_empty()) {
        return PathBuf::from(named);
    }
    std::env::current_exe()
        // A link to the program does not move its components.
        .and_then(|program| program.canonicalize())
        .ok()
        .and_then(|program| Some(program.parent()?.parent()?.join("components")))
        .unwrap_or_else(|| PathBuf::from("components"))
}
