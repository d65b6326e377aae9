//! Whether two JSON values are the same.

use portcullis_types::json::{Number, Object, Value};

/// Compares by value: texts byte by byte, numbers exactly (`1` and `1.0` are the same, 2^53 and
/// 2^53 + 1 are not; beyond 64 bits a number is the double it was read as), lists
/// in their order, objects without regard to the order of their members. An object that repeats a name is the same as
/// nothing, because nobody knows which of its two meanings was meant.
///
/// Values come from the strict parser, so their nesting is bounded.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => same_number(*one, *other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => same_object(one, other),
        (Value::Null | Value::Bool(_) | Value::String(_), _) => one == other,
        _ => false,
    }
}

fn same_object(one: &Object, other: &Object) -> bool {
    // With unique names on both sides and equal counts, each member of one having its equal in the other is enough.
    other.checked().is_ok()
        && one.members().count() == other.members().count()
        && one.members().all(|(name, value)| matches!(other.get(name), Ok(Some(found)) if same(value, found)))
        && one.checked().is_ok()
}

fn same_number(one: Number, other: Number) -> bool {
    match (one, other) {
        (Number::Float(float), Number::Float(other)) => float == other,
        (Number::Float(float), whole) | (whole, Number::Float(float)) => same_whole(whole, float),
        _ => one == other,
    }
}

/// Whether a double is exactly a whole number: it has no fraction, lies in the range, and is that number.
fn same_whole(whole: Number, float: f64) -> bool {
    // Casts saturate, and back again they are the same double only where nothing was lost.
    match whole {
        Number::Unsigned(whole) => float as u64 == whole && (float as u64) as f64 == float && float < u64::MAX as f64,
        Number::Negative(whole) => float as i64 == whole && (float as i64) as f64 == float,
        Number::Float(whole) => whole == float,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_types::json::parse;

    use super::*;

    fn equal(one: &str, other: &str) -> bool {
        let (one, other) = (parse(one.as_bytes()).unwrap(), parse(other.as_bytes()).unwrap());
        assert_eq!(same(&one, &other), same(&other, &one), "{one:?} {other:?}");
        same(&one, &other)
    }

    #[test]
    fn values_compare_by_what_they_mean() {
        for (one, other) in [
            ("1", "1.0"),
            ("-1", "-1.0"),
            ("1e2", "100"),
            ("0", "-0.0"),
            (r#"{"a":1,"b":[true,null]}"#, r#"{"b":[true,null],"a":1.0}"#),
            (r#""\u0061""#, r#""a""#),
        ] {
            assert!(equal(one, other), "{one} {other}");
        }
    }

    #[test]
    fn nothing_else_is_the_same() {
        for (one, other) in [
            ("1", "1.5"),
            ("1", "\"1\""),
            ("1", "true"),
            ("9007199254740993", "9007199254740992.0"),
            ("18446744073709551615", "18446744073709551616.0"),
            ("-9223372036854775808", "9223372036854775808.0"),
            ("null", "false"),
            ("[1,2]", "[2,1]"),
            ("[1]", "[1,1]"),
            (r#"{"a":1}"#, r#"{"a":1,"b":1}"#),
            (r#"{"a":1,"c":1}"#, r#"{"a":1,"b":1}"#),
            (r#"{"a":1,"a":1}"#, r#"{"a":1,"a":1}"#),
            (r#"{"a":1,"a":1}"#, r#"{"a":1,"b":1}"#),
            ("\"a\"", "\"A\""),
            ("[]", "{}"),
        ] {
            assert!(!equal(one, other), "{one} {other}");
        }
    }
}
