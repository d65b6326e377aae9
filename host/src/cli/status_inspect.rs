//! `portcullis status inspect`.

use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use clap::Args;
use portcullis_host::Finding;
use portcullis_host::status::{Status, StatusListDescription, StatusReport, ValueCount};
use serde::Serialize;

use super::context::{Context, Format};
use super::output::{self, HEADING, Readers};
use super::pretty::printable;
use super::report::{self, Answer, line};
use super::status_list::{self, Described, List};
use super::status_picture::{self, Picture};
use super::{Outcome, status_lookup};

/// Count what is in a status list, and draw it
///
/// The list is verified first, and nothing is shown of one that is refused. What the values say about single tokens does
/// not matter here: the exit code is 0 where the list is accepted, and 2 where it is refused.
///
/// The picture has one pixel an entry, in the order of the indices from the top left, line by line. Valid entries are
/// pale green, invalid ones red, suspended ones yellow, application-specific ones blue (darker for lower values) and
/// reserved ones violet; where the last line has no entry, it is transparent. It has at most 4096 by 4096 pixels. In the
/// picture of a longer list each pixel stands for several entries, and shows the most frequent of their values other
/// than 0, if there is one: how many they are is printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis status inspect @list.jwt --keys jwks.json --uri https://example.com/statuslists/1
  portcullis status inspect @list.jwt --keys jwks.json --uri https://example.com/statuslists/1 --png list.png
  portcullis status inspect --cwt @list.cwt --cose-keys keys.cbor --uri https://example.com/statuslists/1")]
pub(crate) struct Inspect {
    #[command(flatten)]
    list: List,

    /// Where to put a picture of the list
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

/// The longest bar, in characters.
const BAR: u64 = 40;

pub(crate) fn run(inspect: &Inspect, context: &Context) -> anyhow::Result<Outcome> {
    let (mut portcullis, StatusReport { findings, outcome }) = inspect.list.open(context)?;
    let at = context.at();
    let human = context.format() == Format::Human;
    let list = match outcome {
        Ok(list) => list,
        Err(rejection) => return status_lookup::refused(&rejection, &findings, human, at),
    };
    let description = portcullis.describe_status_list(&list)?;
    let counts = portcullis.status_counts(&list)?;
    let drawn = match &inspect.png {
        None => None,
        Some(path) => {
            let (picture, png) = status_picture::draw(&mut portcullis, &list, description.entries, &counts)?;
            output::write(path, &png, Readers::Everybody)?;
            Some((path.display().to_string(), picture))
        }
    };
    if human {
        let mut text = String::new();
        report::verdict(&mut text, None);
        report::checks(&mut text, &findings);
        status_list::describe(&mut text, &inspect.list.uri, &description, at);
        chart(&mut text, &counts, description.entries);
        if let Some((path, picture)) = &drawn {
            legend(&mut text, path, picture);
        }
        output::print(&text)?;
    } else {
        json(&findings, &description, &counts, drawn)?;
    }
    Ok(Outcome::Accepted)
}

/// The colour of a status on a terminal, near to that in the picture.
fn style(status: Status) -> Style {
    match status {
        Status::Valid => AnsiColor::Green,
        Status::Invalid => AnsiColor::Red,
        Status::Suspended => AnsiColor::Yellow,
        Status::ApplicationSpecific => AnsiColor::Blue,
        Status::Reserved => AnsiColor::Magenta,
    }
    .on_default()
}

fn chart(text: &mut String, counts: &[ValueCount], entries: u64) {
    line(text, format_args!("\n{HEADING}Statuses{HEADING:#}"));
    let digits = counts.iter().map(|count| count.entries.to_string().len()).max().unwrap_or(0);
    for ValueCount { value, status, entries: count } in counts {
        let style = style(*status);
        line(
            text,
            format_args!(
                "  0x{value:02x}  {:20}  {count:digits$}  {:>6}  {style}{}{style:#}",
                status.as_str(),
                percent(*count, entries),
                bar(*count, entries),
            ),
        );
    }
}

/// A share in percent with one digit. Where there is any, it is not nothing; where any is missing, it is not all.
fn percent(part: u64, whole: u64) -> String {
    let per_mille = u128::from(part) * 1000 / u128::from(whole.max(1));
    if part > 0 && per_mille == 0 {
        return String::from("<0.1 %");
    }
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

/// A bar in eighths of a character, never empty where there is any.
fn bar(part: u64, whole: u64) -> String {
    /// From one eighth to seven.
    const PARTS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = u128::from(part) * u128::from(BAR) * 8 / u128::from(whole.max(1));
    let eighths = usize::try_from(eighths).unwrap_or(0).max(usize::from(part > 0));
    let mut bar = "█".repeat(eighths / 8);
    bar.extend((eighths % 8).checked_sub(1).and_then(|part| PARTS.get(part)));
    bar
}

fn legend(text: &mut String, path: &str, picture: &Picture) {
    line(text, format_args!("\n{HEADING}Picture{HEADING:#}"));
    line(text, format_args!("  file        {}", printable(path)));
    line(text, format_args!("  size        {} × {} pixels", picture.width, picture.height));
    match picture.entries_per_pixel {
        1 => line(text, format_args!("  scale       one entry a pixel")),
        many => line(
            text,
            format_args!(
                "  scale       {many} entries a pixel, which shows the most frequent value other than 0 of them"
            ),
        ),
    }
    for colour in &picture.colours {
        line(text, format_args!("  {}     0x{:02x} {}", colour.rgb, colour.value, colour.status));
    }
}

fn json(
    findings: &[Finding],
    description: &StatusListDescription,
    counts: &[ValueCount],
    drawn: Option<(String, Picture)>,
) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Result {
        #[serde(flatten)]
        list: Described,
        counts: Vec<Count>,
        #[serde(skip_serializing_if = "Option::is_none")]
        png: Option<Png>,
    }
    #[derive(Serialize)]
    struct Count {
        value: u8,
        status: &'static str,
        entries: u64,
    }
    #[derive(Serialize)]
    struct Png {
        file: String,
        #[serde(flatten)]
        picture: Picture,
    }
    let count =
        |count: &ValueCount| Count { value: count.value, status: count.status.as_str(), entries: count.entries };
    let result = Result {
        list: description.into(),
        counts: counts.iter().map(count).collect(),
        png: drawn.map(|(file, picture)| Png { file, picture }),
    };
    output::json(&Answer::new(Ok(result), findings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_never_empty_and_never_too_long() {
        assert_eq!(bar(0, 10), "");
        assert_eq!(bar(1, u64::MAX), "▏");
        assert_eq!(bar(1, 2), "█".repeat(20));
        assert_eq!(bar(u64::MAX, u64::MAX), "█".repeat(40));
        assert_eq!(bar(1, 320), "▏");
        assert_eq!(bar(15, 320), "█▉");
        assert_eq!(bar(0, 0), "");
    }

    #[test]
    fn shares_are_never_rounded_to_nothing_or_all() {
        assert_eq!(percent(1, 1_000_000), "<0.1 %");
        assert_eq!(percent(999_999, 1_000_000), "99.9 %");
        assert_eq!(percent(7, 7), "100.0 %");
        assert_eq!(percent(0, 7), "0.0 %");
    }
}
