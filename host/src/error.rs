//! What can go wrong in the host, apart from "the credential was refused".

use std::path::PathBuf;
use std::time::Duration;

use crate::artifact::Damage;
use crate::bindings::exports::portcullis::types::types::Rejection;

/// The component could not be asked, or did not answer. This says nothing about the credential: a caller that
/// decides by it answers 503, never 401. A refused credential is a [`Rejection`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The WebAssembly engine could not be started.
    #[error("the WebAssembly engine could not start: {detail}")]
    StartFailed {
        /// What the engine says.
        detail: String,
    },

    /// A file could not be read, or is not a component that this engine takes.
    #[error("{what} could not be loaded: {detail}")]
    LoadFailed {
        /// The file, or "the component" where only bytes were given.
        what: String,
        /// What is wrong with it.
        detail: String,
    },

    /// WebAssembly was given to a host that was built without the compiler.
    #[error(
        "this host was built without the compiler: make a precompiled file with \
         `portcullis component precompile FILE -o OUT` and load that"
    )]
    NoCompiler,

    /// A precompiled file is damaged, or was made by another version of the host or for another machine.
    #[error("{path} is not usable: {damage}; make it again with `portcullis component precompile`")]
    PrecompiledDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },

    /// A precompiled file is not trusted, because someone else could have written it. It is machine code.
    #[error("{path} is not trusted: {detail}")]
    PrecompiledUntrusted {
        /// The file.
        path: PathBuf,
        /// Who else could have written it.
        detail: String,
    },

    /// The component imports something this host does not give.
    #[error(
        "the component imports `{import}`: a Portcullis component imports nothing, \
         or `{allowed}` where the host has it",
        allowed = crate::component::VERIFIER_IMPORT
    )]
    ImportRefused {
        /// The name of the import.
        import: String,
    },

    /// The component does not export what it is asked for.
    #[error("the component does not export what is needed: {detail}")]
    ExportMissing {
        /// What is missing.
        detail: String,
    },

    /// As many instances live as the runtime allows.
    #[error("all {limit} instances of this runtime are in use")]
    TooManyInstances {
        /// [`RuntimeBuilder::max_instances`](crate::RuntimeBuilder::max_instances).
        limit: u32,
    },

    /// The component trapped. The instance was discarded; the next call gets a new one.
    #[error("the component trapped: {detail}")]
    Trapped {
        /// What the engine says.
        detail: String,
    },

    /// The call ran longer than allowed. The instance was discarded; the next call gets a new one.
    #[error("the call was cut off after {} ms", deadline.as_millis())]
    DeadlineExceeded {
        /// [`RuntimeBuilder::deadline`](crate::RuntimeBuilder::deadline).
        deadline: Duration,
    },

    /// The component wanted more memory than allowed. The instance was discarded; the next call gets a new one.
    #[error("the component wanted {wanted} bytes of memory, and {limit} are allowed")]
    OutOfMemory {
        /// The size its memory would have had, in bytes.
        wanted: usize,
        /// [`RuntimeBuilder::memory_limit`](crate::RuntimeBuilder::memory_limit).
        limit: usize,
    },

    /// A key set that one instance accepted was refused by a later one, so that nothing can be verified with it.
    #[error("the keys were accepted before and are refused now, with {code}: {detail}")]
    KeysNotRecreated {
        /// The refusal's code.
        code: String,
        /// The refusal's detail.
        detail: String,
    },

    /// Something else that one instance accepted was refused by a later one, so that nothing can be asked with it.
    #[error("the {what} was accepted before and is refused now, with {code}: {detail}")]
    StateNotRecreated {
        /// What was refused: `status list`, `requirement set`, `bundle set`, `set of trust domains`, `set of clients`,
        /// `prepared signature`, `registration policy`, `push policy`, `binding policy`, `list of peers`,
        /// `discovery document`, `prepared request` or `policy`.
        what: &'static str,
        /// The refusal's code.
        code: String,
        /// The refusal's detail.
        detail: String,
    },

    /// The instance in which an evaluation began is gone, or is another one than the one that was asked.
    #[error("the evaluation is lost with the instance in which it began")]
    EvaluationLost,
}

/// The stable names of [`HostError`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Code {
    /// `host.start_failed`
    StartFailed,
    /// `host.load_failed`
    LoadFailed,
    /// `host.no_compiler`
    NoCompiler,
    /// `host.precompiled_damaged`
    PrecompiledDamaged,
    /// `host.precompiled_untrusted`
    PrecompiledUntrusted,
    /// `host.import_refused`
    ImportRefused,
    /// `host.export_missing`
    ExportMissing,
    /// `host.too_many_instances`
    TooManyInstances,
    /// `host.trapped`
    Trapped,
    /// `host.deadline_exceeded`
    DeadlineExceeded,
    /// `host.out_of_memory`
    OutOfMemory,
    /// `host.keys_not_recreated`
    KeysNotRecreated,
    /// `host.state_not_recreated`
    StateNotRecreated,
    /// `host.evaluation_lost`
    EvaluationLost,
}

/// One line for each [`Code`], in the order of [`Code::ALL`]: the code, where its rule stands, and what it means.
pub const CODES: &[(&str, &str, &str)] = &[
    (
        "host.start_failed",
        "host: starting",
        "The WebAssembly engine could not start, for example because address space is limited (`ulimit -v`).",
    ),
    (
        "host.load_failed",
        "host: loading",
        "A component's file could not be read, or is not a component this engine takes.",
    ),
    (
        "host.no_compiler",
        "host: loading",
        "The host was built without the compiler and was given WebAssembly: it takes files made by \
         `portcullis component precompile`.",
    ),
    (
        "host.precompiled_damaged",
        "host: loading",
        "A precompiled file is damaged, or was made by another version of the host or for another machine.",
    ),
    (
        "host.precompiled_untrusted",
        "host: loading",
        "A precompiled file belongs to someone else or is writable by others. It is machine code, so it is not run.",
    ),
    (
        "host.import_refused",
        "host: loading",
        "The component imports something other than the host's crypto. Nothing else is given to a component.",
    ),
    ("host.export_missing", "host: loading", "The component does not export the interface it is asked through."),
    ("host.too_many_instances", "host: limits", "As many instances live as the runtime allows."),
    (
        "host.trapped",
        "host: calls",
        "The component trapped. Nothing is known about the credential; the next call gets a new instance.",
    ),
    (
        "host.deadline_exceeded",
        "host: limits",
        "The call ran longer than its deadline and was cut off. Nothing is known about the credential.",
    ),
    (
        "host.out_of_memory",
        "host: limits",
        "The component wanted more memory than an instance may have. Nothing is known about the credential.",
    ),
    (
        "host.keys_not_recreated",
        "host: calls",
        "A key set that was accepted before was refused by a new instance. Nothing is known about the credential.",
    ),
    (
        "host.state_not_recreated",
        "host: calls",
        "Something that was accepted before (a status list, a requirement set, a bundle set, a set of trust domains or \
         clients, a prepared signature, a policy) was refused by a new instance. Nothing is known about the credential.",
    ),
    (
        "host.evaluation_lost",
        "host: calls",
        "The instance in which the evaluation of a request began is gone, or another one was asked. Nothing is known \
         about the credential. A request whose proof may have been remembered is not decided about again.",
    ),
];

impl Code {
    /// Every code.
    pub const ALL: &[Self] = &[
        Self::StartFailed,
        Self::LoadFailed,
        Self::NoCompiler,
        Self::PrecompiledDamaged,
        Self::PrecompiledUntrusted,
        Self::ImportRefused,
        Self::ExportMissing,
        Self::TooManyInstances,
        Self::Trapped,
        Self::DeadlineExceeded,
        Self::OutOfMemory,
        Self::KeysNotRecreated,
        Self::StateNotRecreated,
        Self::EvaluationLost,
    ];

    /// The code as text, for example `host.trapped`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        CODES[self as usize].0
    }

    /// Where the rule stands.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        CODES[self as usize].1
    }

    /// What it means, in a sentence or two.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        CODES[self as usize].2
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl HostError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::StartFailed { .. } => Code::StartFailed,
            Self::LoadFailed { .. } => Code::LoadFailed,
            Self::NoCompiler => Code::NoCompiler,
            Self::PrecompiledDamaged { .. } => Code::PrecompiledDamaged,
            Self::PrecompiledUntrusted { .. } => Code::PrecompiledUntrusted,
            Self::ImportRefused { .. } => Code::ImportRefused,
            Self::ExportMissing { .. } => Code::ExportMissing,
            Self::TooManyInstances { .. } => Code::TooManyInstances,
            Self::Trapped { .. } => Code::Trapped,
            Self::DeadlineExceeded { .. } => Code::DeadlineExceeded,
            Self::OutOfMemory { .. } => Code::OutOfMemory,
            Self::KeysNotRecreated { .. } => Code::KeysNotRecreated,
            Self::StateNotRecreated { .. } => Code::StateNotRecreated,
            Self::EvaluationLost => Code::EvaluationLost,
        }
    }

    pub(crate) fn not_recreated(what: &'static str, rejection: Rejection) -> Self {
        Self::StateNotRecreated { what, code: rejection.code, detail: rejection.detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_line() {
        assert_eq!(Code::ALL.len(), CODES.len());
        let texts: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), CODES.len());
        assert!(texts.iter().all(|text| text.starts_with("host.")));
    }

    #[test]
    fn codes_and_lines_stand_in_the_same_order() {
        assert_eq!(Code::StartFailed.as_str(), "host.start_failed");
        assert_eq!(Code::Trapped.as_str(), "host.trapped");
        assert_eq!(Code::DeadlineExceeded.as_str(), "host.deadline_exceeded");
        assert_eq!(Code::OutOfMemory.as_str(), "host.out_of_memory");
        assert_eq!(Code::KeysNotRecreated.as_str(), "host.keys_not_recreated");
        assert_eq!(Code::StateNotRecreated.as_str(), "host.state_not_recreated");
        assert_eq!(Code::EvaluationLost.as_str(), "host.evaluation_lost");
    }
}
