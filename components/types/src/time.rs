//! Times as arguments and as claims.

use crate::json::{Number, Value};

/// Seconds since 1970-01-01T00:00:00Z. Components never read a clock; this is always an argument.
pub type Timestamp = u64;

/// The greatest time that is an integer in every JSON implementation: 2^53 − 1.
pub const MAX_TIMESTAMP: Timestamp = (1 << 53) - 1;

/// A claim's time (RFC 7519 section 2): seconds since 1970 from 0 to 2^53 − 1, possibly with a fraction.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct NumericDate(f64);

impl NumericDate {
    /// Reads a JSON number. Anything else, a time before 1970 and one after 2^53 − 1 are no NumericDate here.
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::from_seconds(number.as_f64()),
            _ => None,
        }
    }

    /// From seconds, if within the range.
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        // 2^53 − 1 is a double, so the bound is exact; NaN is in no range.
        (0.0..=MAX_TIMESTAMP as f64).contains(&seconds).then_some(Self(seconds))
    }

    /// Seconds since 1970.
    pub fn seconds(self) -> f64 {
        self.0
    }

    /// Whole seconds since 1970, a fraction cut off.
    pub fn whole_seconds(self) -> Timestamp {
        // Within the range of the type, so the conversion is exact but for the fraction.
        self.0 as Timestamp
    }

    /// Whether `at` has reached this time put off by `leeway`: `at >= self + leeway`.
    ///
    /// The difference is exact up to 2^53 − 1; what lies beyond is rounded, which no real time is.
    pub fn reached(self, at: Timestamp, leeway: u64) -> bool {
        at as f64 - leeway as f64 >= self.0
    }

    /// Whether `at` is still before this time even with `leeway` to its favour: `at < self - leeway`.
    pub fn ahead_of(self, at: Timestamp, leeway: u64) -> bool {
        at as f64 + (leeway as f64) < self.0
    }
}

/// Reads an integer time from 0 to 2^53 − 1. A number with a fraction is none.
pub fn timestamp_from_json(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(Number::Unsigned(seconds)) if *seconds <= MAX_TIMESTAMP => Some(*seconds),
        _ => None,
    }
}

impl core::fmt::Display for NumericDate {
    /// Whole seconds, and `+` where there is a fraction: enough for people. Doubles are not printed by the standard
    /// library's own formatting in components; compilers before LLVM 23 get it wrong with wide arithmetic (see
    /// `tools/miscompiled`).
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let whole = self.whole_seconds();
        let fraction = if whole as f64 == self.0 { "" } else { "+" };
        write!(f, "{whole}{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_those_of_the_contract() {
        let exp = NumericDate::from_seconds(100.0).unwrap();
        assert!(exp.reached(100, 0), "exp == at is expired");
        assert!(!exp.reached(99, 0));
        assert!(exp.reached(160, 60), "at == exp + leeway is expired");
        assert!(!exp.reached(159, 60));
        assert!(!exp.ahead_of(100, 0), "nbf == at is valid");
        assert!(exp.ahead_of(99, 0));
        assert!(!exp.ahead_of(40, 60));
        assert!(exp.ahead_of(39, 60));
        assert_eq!(std::format!("{exp}"), "100");
        let fraction = NumericDate::from_seconds(100.5).unwrap();
        assert_eq!(std::format!("{fraction}"), "100+");
        assert!(!fraction.reached(100, 0));
        assert!(fraction.reached(101, 0));
    }

    #[test]
    fn huge_times_neither_wrap_nor_trap() {
        let far = NumericDate::from_seconds(MAX_TIMESTAMP as f64).unwrap();
        assert!(far.reached(MAX_TIMESTAMP, 0));
        assert!(!far.reached(MAX_TIMESTAMP, MAX_TIMESTAMP));
        assert!(!far.ahead_of(MAX_TIMESTAMP, MAX_TIMESTAMP));
        assert!(far.ahead_of(0, 0));
        for outside in [MAX_TIMESTAMP as f64 + 1.0, 1e300, f64::INFINITY, f64::NAN, -1.0] {
            assert!(NumericDate::from_seconds(outside).is_none(), "{outside}");
        }
    }
}
