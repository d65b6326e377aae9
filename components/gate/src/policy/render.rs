//! Errors and warnings as people read them: what is wrong, on which line, and what to do.
//!
//! ```
//! use std::rc::Rc;
//! use portcullis_crypto::SoftwareBackend;
//! use portcullis_gate::policy::{Format, Policy, render};
//!
//! let text = "{\"origins\": [\"https://api.example\"],\n \"modes\": \"report\"}";
//! let backend = Rc::new(SoftwareBackend::default()) as _;
//! let errors = Policy::parse(text, Format::Json, &backend).unwrap_err();
//! assert_eq!(render(&errors, text, "policy.json"), r#"error[policy.unknown_member] modes
//!   --> policy.json:2:2
//!    |
//!  2 |  "modes": …
//!    |  ^^^^^^^
//!    = the policy has no member called "modes"
//!    = remedy: did you mean "mode"?
//! "#);
//! ```

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Write;

use super::{Path, Place, PolicyError, code::PolicyCode};

/// Longest part of a source line that is shown, in characters: what a terminal shows on two lines.
const MAX_LINE: usize = 160;

/// What is kept of a longer line before the place, in characters.
const BEFORE: usize = 60;

/// Longest path that is shown, in characters.
const MAX_PATH: usize = 240;

/// Members whose values may hold keys or secrets. A line that says something of them is never shown.
const WITH_KEYS: &[&str] = &["keys", "status_keys", "bundle", "introspection"];

/// Members of a JWK that are secret (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1, RFC 8037 section 2), and those of a policy that name
/// a secret's file, where the secret itself may stand by mistake.
const SECRET: &[&str] = &["k", "d", "p", "q", "dp", "dq", "qi", "oth", "priv", "secret", "bearer"];

/// Longest run of base64 that is no secret, in characters: the shortest key that is accepted, of 256 bits, has 43.
const MAX_RUN: usize = 40;

/// Errors, one block each, in their order. `text` is what they were found in, `file` what that is called.
#[must_use]
pub fn render(errors: &[PolicyError], text: &str, file: &str) -> String {
    blocks("error", errors, text, file)
}

/// Warnings, in the same form.
#[must_use]
pub fn render_warnings(warnings: &[PolicyError], text: &str, file: &str) -> String {
    blocks("warning", warnings, text, file)
}

fn blocks(severity: &str, errors: &[PolicyError], text: &str, file: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let blocks: Vec<String> = errors.iter().map(|error| block(severity, error, &lines, file)).collect();
    blocks.join("\n")
}

fn block(severity: &str, error: &PolicyError, lines: &[&str], file: &str) -> String {
    let mut out =
        format!("{severity}[{}] {}\n", error.code(), shortened(&printable(&error.path.to_string()), MAX_PATH));
    let number = error.place.map(|place| place.line.to_string()).unwrap_or_default();
    let margin = " ".repeat(number.len());
    let file = printable(file);
    // Writing to a String cannot fail.
    let _ = match error.place {
        Some(Place { line, column }) => writeln!(out, " {margin}--> {file}:{line}:{column}"),
        None => writeln!(out, " {margin}--> {file}"),
    };
    let line = error.place.and_then(|place| lines.get(place.line as usize - 1));
    if let (Some(place), Some(line)) = (error.place, line)
        && shows_its_line(error)
        && let Some((shown, marks)) = excerpt(line, place.column as usize - 1, error.is(PolicyCode::UnknownMember))
    {
        let _ = write!(out, " {margin} |\n {number} | {shown}\n {margin} | {marks}\n");
    }
    for (title, words) in [("", &error.detail), ("remedy: ", &error.remedy)] {
        let _ = writeln!(out, " {margin} = {title}{}", printable(words));
    }
    out
}

/// Whether the line is what the error is about, and says nothing of keys.
fn shows_its_line(error: &PolicyError) -> bool {
    let named = error.path != Path::default() || error.is(PolicyCode::Syntax) || error.is(PolicyCode::DuplicateName);
    named && !error.path.members().any(|name| WITH_KEYS.contains(&name))
}

/// The part of a line around a place, and carets below the word there; nothing where a secret could stand on it.
///
/// Nobody knows what stands behind a member that is unknown, so that is left out.
fn excerpt(line: &str, at: usize, name_alone: bool) -> Option<(String, String)> {
    let characters: Vec<char> = line.trim_end().chars().collect();
    let at = at.min(characters.len());
    let end = at + extent(characters.get(at..)?);
    let judged = if name_alone { characters.get(..end)? } else { &characters };
    if may_hold_secret(judged) {
        return None;
    }
    let from = if characters.len() > MAX_LINE { at.saturating_sub(BEFORE) } else { 0 };
    let to = judged.len().min(from + MAX_LINE);
    let clean = |range: core::ops::Range<usize>| {
        let part: String = characters.get(range).into_iter().flatten().collect();
        printable(&part)
    };
    let (left, right) = (if from > 0 { "…" } else { "" }, if to < judged.len() { "…" } else { "" });
    let value = match (name_alone, characters.get(end..).and_then(after_name)) {
        (true, Some(sign)) => sign,
        _ => "",
    };
    let before = clean(from..at);
    let shown = format!("{left}{before}{}{right}{value}", clean(at..to));
    let indent = left.chars().count() + before.chars().count();
    let marks = clean(at..end.min(to)).chars().count().max(1);
    Some((shown, format!("{}{}", " ".repeat(indent), "^".repeat(marks))))
}

/// How a value begins behind a name, itself left out.
fn after_name(rest: &[char]) -> Option<&'static str> {
    match rest.iter().find(|c| **c != ' ')? {
        '=' => Some(" = …"),
        ':' => Some(": …"),
        _ => None,
    }
}

/// How many characters a name, a text or a table's heading has that begins here.
fn extent(rest: &[char]) -> usize {
    let until = |last: &[char]| {
        let position = rest
            .iter()
            .enumerate()
            .skip(1)
            .find(|(index, c)| last.contains(c) && rest.get(index - 1).is_none_or(|before| *before != '\\'));
        position.map_or(rest.len(), |(index, _)| index + 1)
    };
    match rest {
        ['"', ..] => until(&['"']),
        ['\'', ..] => until(&['\'']),
        ['[', '[', ..] => rest.windows(2).position(|pair| pair == [']', ']']).map_or(2, |position| position + 2),
        [first, ..] if is_word(*first) => rest.iter().take_while(|c| is_word(**c)).count(),
        _ => 1,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

/// Whether a line has a secret member, or a text as long as a key.
///
/// An error that stands elsewhere may share its line with keys, and a broken text has no members at all.
fn may_hold_secret(line: &[char]) -> bool {
    let base64 = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+');
    if line.split(|c| !base64(c)).any(|run| run.len() >= MAX_RUN) {
        return true;
    }
    line.iter().enumerate().filter(|(_, c)| matches!(c, '=' | ':')).any(|(index, _)| {
        let before = line.get(..index).unwrap_or_default().iter().rev();
        let name: Vec<char> =
            before.skip_while(|c| matches!(c, ' ' | '"' | '\'')).take_while(|c| is_word(**c)).copied().collect();
        SECRET.iter().any(|secret| secret.chars().rev().eq(name.iter().copied()))
    })
}

/// A text in which nothing can move a cursor or turn the direction of writing.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            c if c.is_control() || is_format(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Characters that cannot be seen and change what is: separators, directions, joiners, tags.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, line: u32, column: u32, path: Path, code: PolicyCode) -> String {
        let mut error = PolicyError::new(code, path, "detail", "remedy");
        error.place = Some(Place { line, column });
        render(&[error], text, "policy.toml")
    }

    fn marked(line: &str, column: u32) -> (String, String) {
        let out = shown(line, 1, column, Path::default().member("mode"), PolicyCode::WrongType);
        let mut lines = out.lines().skip(3).map(|line| line.get(5..).unwrap_or_default().to_string());
        (lines.next().unwrap(), lines.next().unwrap())
    }

    #[test]
    fn the_word_at_the_place_is_marked() {
        for (line, column, marks) in [
            ("mode = 5", 1, "^^^^"),
            ("x = { mode = 5 }", 7, "      ^^^^"),
            ("methods = [\"GET\", \"g e\\\"t\"]", 19, "                  ^^^^^^^^"),
            ("\t[[rules]]  # comment", 2, " ^^^^^^^^^"),
            ("{\"mode\": 5}", 2, " ^^^^^^"),
            ("{", 1, "^"),
            ("mode", 9, "    ^"),
        ] {
            assert_eq!(marked(line, column).1, marks, "{line}");
        }
        assert_eq!(marked("\tmode = \"\u{1b}[31m\u{202e}é\"", 2).0, " mode = \"\\u{1b}[31m\\u{202e}é\"");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let line = format!("{}mode = 5 {}", "a = 1, ".repeat(100), "b = 2, ".repeat(100));
        let (text, marks) = marked(&line, 701);
        assert_eq!(text.chars().count(), MAX_LINE + 2);
        let at = marks.chars().take_while(|c| *c == ' ').count();
        assert_eq!(text.chars().skip(at).take(4).collect::<String>(), "mode");
        assert!(text.starts_with('…') && text.ends_with('…'));
    }

    #[test]
    fn a_line_that_could_hold_a_secret_is_not_shown() {
        let top = || Path::default().member("mode");
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_";
        for (line, path, code) in [
            ("keys = \"https://u:p@idp.example\"", top().member("keys"), PolicyCode::UrlMalformed),
            ("bundle = { keys = 5 }", top().member("bundle").member("keys"), PolicyCode::WrongType),
            ("a = { k = \"short\" }, mode = 5", top(), PolicyCode::WrongType),
            ("{\"k\" : \"short\", \"mode\": 5}", top(), PolicyCode::WrongType),
            ("k = 'short", Path::default(), PolicyCode::Syntax),
            (&format!("x = \"{secret}"), Path::default(), PolicyCode::Syntax),
        ] {
            let out = shown(line, 1, 1, path, code);
            assert!(!out.contains(" | "), "{line}\n{out}");
        }
        let out = shown("client_secret = \"hunter2\"", 1, 1, top(), PolicyCode::UnknownMember);
        assert!(out.contains(" 1 | client_secret = …\n") && !out.contains("hunter2"), "{out}");
    }

    #[test]
    fn without_a_place_there_is_no_line() {
        let error = PolicyError::new(PolicyCode::WrongType, Path::default().member("a\u{85}b"), "detail", "remedy");
        let wanted = "warning[policy.wrong_type] \"a\\u{85}b\"\n --> p\n  = detail\n  = remedy: remedy\n";
        assert_eq!(render_warnings(&[error], "", "p"), wanted);
    }
}
