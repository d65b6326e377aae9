//! Stable names for the ways to fail.
//!
//! Each crate lists its own in one enum, made with [`codes!`](crate::codes): the enum is where `docs/codes.md` comes
//! from, and `make lint` fails on a code that no test case pins.

/// One line of `docs/codes.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeEntry {
    /// `area.reason`, lower case.
    pub code: &'static str,
    /// The document and section the rule comes from.
    pub rule: &'static str,
    /// What it means and what to do, for people. Empty without the feature `meanings`.
    pub meaning: &'static str,
}

/// What a code means, for the tool that writes `docs/codes.md`. A component does without: it is a sixth of its texts.
#[doc(hidden)]
#[must_use]
pub const fn meaning(text: &'static str) -> &'static str {
    if cfg!(feature = "meanings") { text } else { "" }
}

/// A code of one crate's enum.
pub trait RuleCode: Copy {
    /// The name, the rule and the meaning.
    fn entry(self) -> &'static CodeEntry;
}

/// Makes the enum of a crate's codes.
///
/// ```
/// portcullis_types::codes! {
///     /// The ways a gate can fail.
///     pub enum GateCode {
///         /// The gate is shut; come back later.
///         Shut = "gate.shut", "house rules section 1";
///     }
/// }
/// use portcullis_types::RuleCode;
/// assert_eq!(GateCode::Shut.entry().code, "gate.shut");
/// assert_eq!(GateCode::ALL.len(), 1);
/// ```
#[macro_export]
macro_rules! codes {
    (
        $(#[doc = $enum_doc:literal])*
        pub enum $name:ident {
            $( $(#[doc = $doc:literal])+ $variant:ident = $code:literal, $rule:literal; )+
        }
    ) => {
        $(#[doc = $enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl $name {
            /// Every code, in the order of the checks.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
        }

        impl $crate::RuleCode for $name {
            fn entry(self) -> &'static $crate::CodeEntry {
                match self {
                    $( $name::$variant => const {
                        &$crate::CodeEntry {
                            code: $code,
                            rule: $rule,
                            meaning: $crate::meaning(concat!($($doc),+)),
                        }
                    }, )+
                }
            }
        }
    };
}
