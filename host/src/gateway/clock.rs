//! The time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970 by the system's clock; a clock before 1970 counts as 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
