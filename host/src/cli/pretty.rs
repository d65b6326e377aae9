//! Text from tokens, made fit for a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Text with everything escaped that could move the cursor, change colours or the direction of writing, or hide: a
/// token's author must not be able to write on the reader's terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(treacherous) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut safe, c);
    }
    Cow::Owned(safe)
}

/// JSON text over several lines, in its own order and with its numbers as they were written, each line after
/// `indent`. The text has to be JSON; anything else comes out oddly but safely.
pub(crate) fn json(text: &str, indent: &str) -> String {
    let mut pretty = String::from(indent);
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let mut characters = text.chars().filter(|c| !matches!(c, '\n' | '\r' | '\t')).peekable();
    while let Some(c) = characters.next() {
        if in_string {
            push(&mut pretty, c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            ' ' => {}
            '{' | '[' => {
                pretty.push(c);
                while characters.next_if_eq(&' ').is_some() {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    pretty.push(end);
                } else {
                    depth += 1;
                    new_line(&mut pretty, indent, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut pretty, indent, depth);
                pretty.push(c);
            }
            ',' => {
                pretty.push(c);
                new_line(&mut pretty, indent, depth);
            }
            ':' => pretty.push_str(": "),
            _ => {
                push(&mut pretty, c);
                in_string = c == '"';
            }
        }
    }
    pretty
}

fn new_line(text: &mut String, indent: &str, depth: usize) {
    text.push('\n');
    text.push_str(indent);
    for _ in 0..depth {
        text.push_str("  ");
    }
}

fn push(text: &mut String, c: char) {
    if treacherous(c) {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    } else {
        text.push(c);
    }
}

/// Controls, line separators, what sets the direction of writing, what has no width, and tags.
fn treacherous(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_controls_are_escaped() {
        assert_eq!(printable("plain, ü, 漢"), "plain, ü, 漢");
        assert_eq!(printable("\u{1b}[31m\u{9b}\u{202e}\n"), r"\u001b[31m\u009b\u202e\u000a");
        assert_eq!(printable("\u{e0041}"), r"\udb40\udc41");
    }

    #[test]
    fn json_keeps_order_and_numbers() {
        let text = r#"{ "b":1e400,"a":[ ],"c":{"d":[1,"x, \"y\" {"]},"e":{}}"#;
        let expected = r#"  {
    "b": 1e400,
    "a": [],
    "c": {
      "d": [
        1,
        "x, \"y\" {"
      ]
    },
    "e": {}
  }"#;
        assert_eq!(json(text, "  "), expected);
    }

    #[test]
    fn json_strings_cannot_write_on_the_terminal() {
        assert_eq!(json("\"\u{9b}2J\"", ""), r#""\u009b2J""#);
    }
}
