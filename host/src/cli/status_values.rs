//! Values of a list as they are written: one a line, `index,value` lines, or packed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use portcullis_status::build::Packing;
use portcullis_status::{Bits, MAX_INFLATED};

use super::status_build::refused;
use super::status_progress::Progress;

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layout {
    /// One value a line, in the order of the indices
    Lines,
    /// `index,value` a line, in any order; every other entry has the initial value
    Pairs,
    /// Bytes, packed as in a list: least significant bits first
    Packed,
}

/// How many bits an entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BitCount {
    #[value(name = "1")]
    One,
    #[value(name = "2")]
    Two,
    #[value(name = "4")]
    Four,
    #[value(name = "8")]
    Eight,
}

impl From<BitCount> for Bits {
    fn from(bits: BitCount) -> Self {
        match bits {
            BitCount::One => Self::One,
            BitCount::Two => Self::Two,
            BitCount::Four => Self::Four,
            BitCount::Eight => Self::Eight,
        }
    }
}

/// The list that values are for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) bits: Bits,
    /// How many entries; as many as there are values if absent.
    pub(crate) entries: Option<u64>,
    /// What entries have of which nothing is said.
    pub(crate) initial: u8,
}

/// The longest line: an index of 20 digits, a comma, and the longest name. Anything longer is no value.
const MAX_LINE: u64 = 64;

/// How much is read at once.
const BUFFER: usize = 64 * 1024;

/// A value by its number, or by the name of its status: 0 or `valid`, 1 or `invalid`, 2 or `suspended`. What the numbers from 3
/// to 255 mean is for an application, or for nobody yet, to say.
pub(crate) fn value(text: &str) -> Result<u8, String> {
    match text {
        "valid" => Ok(0),
        "invalid" => Ok(1),
        "suspended" => Ok(2),
        _ if text.starts_with('+') => Err(String::from("it is no number from 0 to 255")),
        _ => text.parse().map_err(|_| String::from("it is no number from 0 to 255, `valid`, `invalid` or `suspended`")),
    }
}

/// A file, or `-` for standard input.
pub(crate) fn open(argument: &Path) -> anyhow::Result<Box<dyn Read>> {
    if argument == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    Ok(Box::new(File::open(argument).with_context(|| format!("cannot read {}", argument.display()))?))
}

/// Reads a list. What is held is the packed list, and of pairs a bit an entry: which were there.
pub(crate) fn read(input: impl Read, layout: Layout, shape: Shape, progress: &mut Progress) -> anyhow::Result<Packing> {
    let mut packing = match layout {
        Layout::Lines => lines(input, shape, progress)?,
        Layout::Pairs => pairs(input, shape, progress)?,
        Layout::Packed => packed(input, shape)?,
    };
    if let Some(entries) = shape.entries {
        ensure!(packing.entries() <= entries, "there are {} values, and --entries says {entries}", packing.entries());
        packing.extend_to(entries, shape.initial).map_err(refused)?;
    }
    packing.complete(shape.initial).map_err(refused)?;
    Ok(packing)
}

fn lines(input: impl Read, shape: Shape, progress: &mut Progress) -> anyhow::Result<Packing> {
    let mut packing = Packing::empty(shape.bits);
    each_line(input, |number, text| {
        let value = value(text).map_err(anyhow::Error::msg)?;
        packing.push(value).map_err(refused)?;
        progress.at(number, shape.entries.unwrap_or(0));
        Ok(())
    })?;
    ensure!(packing.entries() > 0, "there are no values");
    Ok(packing)
}

fn pairs(input: impl Read, shape: Shape, progress: &mut Progress) -> anyhow::Result<Packing> {
    let entries = shape.entries.context("with pairs, --entries says how many entries the list has")?;
    let mut packing = Packing::new(shape.bits, entries, shape.initial).map_err(refused)?;
    // Which indices were there: of two values for one, nobody knows the right one.
    let mut seen = Packing::new(Bits::One, entries, 0).map_err(refused)?;
    for_each_pair(input, |number, index, value| {
        packing.set(index, value).map_err(refused)?;
        ensure!(seen.get(index) == Some(0), "the index {index} occurs twice");
        seen.set(index, 1).map_err(refused)?;
        progress.at(number, 0);
        Ok(())
    })?;
    Ok(packing)
}

/// Reads `index,value` lines. The first one may be that heading.
pub(crate) fn for_each_pair(
    input: impl Read,
    mut take: impl FnMut(u64, u64, u8) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    each_line(input, |number, text| {
        if number == 1 && text == "index,value" {
            return Ok(());
        }
        let (index, told) = text.split_once(',').context("it is no `index,value`")?;
        ensure!(index.bytes().all(|byte| byte.is_ascii_digit()), "the index is no number");
        let index = index.parse().ok().context("the index is no number of 64 bits")?;
        take(number, index, value(told).map_err(anyhow::Error::msg)?)
    })
}

fn packed(input: impl Read, shape: Shape) -> anyhow::Result<Packing> {
    let mut bytes = Vec::new();
    input.take(MAX_INFLATED as u64 + 1).read_to_end(&mut bytes).context("cannot read the values")?;
    Packing::from_bytes(shape.bits, bytes).map_err(refused)
}

/// Calls with each line, counted from 1, without its end. An error names the line, and never what stands there: it may be a file
/// of something else.
fn each_line(input: impl Read, mut take: impl FnMut(u64, &str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        let read = (&mut input).take(MAX_LINE + 1).read_until(b'\n', &mut line).context("cannot read the values")?;
        if read == 0 {
            return Ok(());
        }
        number += 1;
        if read as u64 > MAX_LINE {
            bail!("line {number} is longer than {MAX_LINE} bytes: it is no value");
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let text = std::str::from_utf8(text).ok().with_context(|| format!("line {number} is no text"))?;
        take(number, text).with_context(|| format!("line {number}"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &[u8], layout: Layout, shape: Shape) -> Result<Vec<u8>, String> {
        let packing = read(text, layout, shape, &mut Progress::new("reading")).map_err(|error| format!("{error:#}"))?;
        Ok((0..packing.entries()).filter_map(|index| packing.get(index)).collect())
    }

    const TWO: Shape = Shape { bits: Bits::Two, entries: None, initial: 3 };

    #[test]
    fn lines_are_values_in_their_order() {
        assert_eq!(read_all(b"0\n1\n2\n3\n", Layout::Lines, TWO), Ok(vec![0, 1, 2, 3]));
        assert_eq!(read_all(b"valid\r\ninvalid\r\nsuspended\r\n2", Layout::Lines, TWO), Ok(vec![0, 1, 2, 2]));
        // The last byte is filled.
        assert_eq!(read_all(b"0", Layout::Lines, TWO), Ok(vec![0, 3, 3, 3]));
        let longer = Shape { entries: Some(6), ..TWO };
        assert_eq!(read_all(b"0", Layout::Lines, longer), Ok(vec![0, 3, 3, 3, 3, 3, 3, 3]));
    }

    #[test]
    fn pairs_are_in_any_order() {
        let eight = Shape { bits: Bits::Eight, entries: Some(5), initial: 9 };
        assert_eq!(read_all(b"index,value\n4,255\n0,invalid\n", Layout::Pairs, eight), Ok(vec![1, 9, 9, 9, 255]));
        assert_eq!(read_all(b"", Layout::Pairs, eight), Ok(vec![9; 5]));
    }

    #[test]
    fn packed_bytes_are_taken_as_they_are() {
        let one = Shape { bits: Bits::One, entries: None, initial: 0 };
        let wanted = vec![1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1];
        assert_eq!(read_all(&[0xb9, 0xa3], Layout::Packed, one), Ok(wanted));
        let longer = Shape { entries: Some(17), ..one };
        assert_eq!(read_all(&[0xb9, 0xa3], Layout::Packed, longer).map(|values| values.len()), Ok(24));
    }

    #[test]
    fn errors_name_the_line_and_not_what_stands_there() {
        let five = Shape { bits: Bits::Two, entries: Some(5), initial: 0 };
        let long = "0".repeat(65);
        for (text, layout, words) in [
            ("0\n\n1", Layout::Lines, "line 2: it is no number from 0 to 255"),
            ("0\nsecret\n", Layout::Lines, "line 2: it is no number from 0 to 255"),
            ("0\n256\n", Layout::Lines, "line 2: it is no number from 0 to 255"),
            ("+1\n", Layout::Lines, "line 1: it is no number from 0 to 255"),
            ("0\n4\n", Layout::Lines, "line 2: the list that was to be made is refused: status.build_value"),
            (&long, Layout::Lines, "line 1 is longer than 64 bytes"),
            ("0\n1\n0\n1\n0\n1\n", Layout::Lines, "there are 6 values, and --entries says 5"),
            ("", Layout::Lines, "there are no values"),
            ("0\n", Layout::Pairs, "line 1: it is no `index,value`"),
            ("0,1\nindex,value\n", Layout::Pairs, "line 2: the index is no number"),
            ("-1,1\n", Layout::Pairs, "line 1: the index is no number"),
            ("99999999999999999999,1\n", Layout::Pairs, "line 1: the index is no number of 64 bits"),
            ("5,1\n", Layout::Pairs, "line 1: the list that was to be made is refused: status.build_index"),
            ("1,1\n2,1\n1,0\n", Layout::Pairs, "line 3: the index 1 occurs twice"),
            ("", Layout::Packed, "status.build_empty"),
        ] {
            let error = read_all(text.as_bytes(), layout, five).err().unwrap_or_default();
            assert!(error.contains(words) && !error.contains("secret"), "{text:?}: {error}");
        }
        let error = read_all(b"\xff\n", Layout::Lines, five).err().unwrap_or_default();
        assert_eq!(error, "line 1 is no text");
        let open = Shape { entries: None, ..five };
        let error = read_all(b"0,1\n", Layout::Pairs, open).err().unwrap_or_default();
        assert!(error.contains("--entries"), "{error}");
    }

    #[test]
    fn a_million_values_come_back() {
        let mut text = String::new();
        let value = |index: u64| u8::try_from(index.wrapping_mul(2_654_435_761) >> 7 & 3).unwrap_or(0);
        for index in 0..1_000_000 {
            text.push(char::from(b'0' + value(index)));
            text.push('\n');
        }
        let packing = read(text.as_bytes(), Layout::Lines, TWO, &mut Progress::new("reading"));
        let packing = packing.unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(packing.entries(), 1_000_000);
        assert!((0..1_000_000).all(|index| packing.get(index) == Some(value(index))));
    }
}
