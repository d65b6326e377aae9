//! Times as people read them.

use jiff::{Span, SpanRound, Timestamp, Unit};

/// A time in seconds since 1970 as a date, and how far it is from `at`: `2026-09-21 14:13:20 UTC, 2h 5m ago`. Times
/// out of the calendar's range stay numbers.
pub(crate) fn relative(seconds: f64, at: u64) -> String {
    let Some(date) = date(seconds) else {
        return format!("{seconds}");
    };
    match distance(seconds, at) {
        Some(distance) => format!("{date}, {distance}"),
        None => date,
    }
}

/// A time in seconds since 1970 as a date in UTC.
pub(crate) fn date(seconds: f64) -> Option<String> {
    let timestamp = Timestamp::from_second(whole(seconds)?).ok()?;
    Some(timestamp.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A length of time in seconds: `12h`. What is out of range stays a number.
pub(crate) fn length(seconds: f64) -> String {
    let span = whole(seconds).and_then(|whole| Span::new().try_seconds(whole).ok()).and_then(rounded);
    span.map_or_else(|| format!("{seconds}s"), |span| format!("{span:#}"))
}

fn distance(seconds: f64, at: u64) -> Option<String> {
    let distance = whole(seconds)?.checked_sub(i64::try_from(at).ok()?)?;
    if distance == 0 {
        return Some(String::from("now"));
    }
    let span = Span::new().try_seconds(distance.checked_abs()?).ok()?;
    let span = rounded(span)?;
    Some(if distance < 0 { format!("{span:#} ago") } else { format!("in {span:#}") })
}

/// In days, hours, minutes and seconds. Days of 24 hours: there is no calendar in a NumericDate.
fn rounded(span: Span) -> Option<Span> {
    span.round(SpanRound::new().largest(Unit::Day).days_are_24_hours()).ok()
}

/// The seconds without their fraction, if they are a number at all that fits.
fn whole(seconds: f64) -> Option<i64> {
    /// The range in which every whole number is a double.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "in range, and the fraction is to go")]
    (seconds.abs() <= EXACT).then_some(seconds.floor() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_relative_to_the_verification() {
        let at = 1_790_000_000;
        assert_eq!(relative(1_790_000_000.0, at), "2026-09-21 14:13:20 UTC, now");
        assert_eq!(relative(1_790_007_500.5, at), "2026-09-21 16:18:20 UTC, in 2h 5m");
        assert_eq!(relative(1_789_913_599.0, at), "2026-09-20 14:13:19 UTC, 1d 1s ago");
        assert_eq!(relative(0.0, 0), "1970-01-01 00:00:00 UTC, now");
    }

    #[test]
    fn lengths_are_told_in_their_units() {
        assert_eq!(length(43_200.0), "12h");
        assert_eq!(length(90_061.5), "1d 1h 1m 1s");
        assert_eq!(length(0.0), "0s");
        assert_eq!(length(1e300), format!("{}s", 1e300));
    }

    #[test]
    fn times_out_of_range_stay_numbers() {
        assert_eq!(relative(1e300, 0), format!("{}", 1e300));
        assert_eq!(relative(9e15, 0), "9000000000000000");
    }
}
