//! A status list as a picture.

use std::collections::BTreeSet;
use std::io::Write as _;

use anyhow::{Context as _, bail};
use portcullis_host::Portcullis;
use portcullis_host::status::{Status, StatusList, ValueCount};
use serde::Serialize;

/// The most pixels in one direction: what every viewer shows, and 64 MiB where one unpacks it.
const MAX_SIDE: u64 = 4096;

/// Bytes of a pixel: red, green, blue, and how opaque it is.
type Pixel = [u8; 4];

/// What is drawn where there is no entry.
const NOTHING: Pixel = [0; 4];

/// How the picture came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) entries_per_pixel: u64,
    pub(crate) colours: Vec<Colour>,
}

/// What a colour stands for: the lowest value that has it in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Colour {
    pub(crate) value: u8,
    pub(crate) status: &'static str,
    /// `#rrggbb`
    pub(crate) rgb: String,
}

/// The size of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    width: u32,
    height: u32,
    entries_per_pixel: u64,
}

impl Size {
    /// As square as it can be, and as few entries a pixel as fit.
    fn of(entries: u64) -> anyhow::Result<Self> {
        if entries == 0 {
            bail!("the list has no entries, so there is nothing to draw");
        }
        let entries_per_pixel = entries.div_ceil(MAX_SIDE * MAX_SIDE);
        let pixels = entries.div_ceil(entries_per_pixel);
        let root = pixels.isqrt();
        let width = if root * root == pixels { root } else { root + 1 };
        let (width, height) = (u32::try_from(width)?, u32::try_from(pixels.div_ceil(width))?);
        Ok(Self { width, height, entries_per_pixel })
    }
}

/// Draws a list of so many entries, with these values in it, as a PNG.
pub(crate) fn draw(
    portcullis: &mut Portcullis,
    list: &StatusList,
    entries: u64,
    counts: &[ValueCount],
) -> anyhow::Result<(Picture, Vec<u8>)> {
    let size = Size::of(entries)?;
    let palette = palette(counts);
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, size.width, size.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    let mut stream = writer.stream_writer()?;
    let entries_per_line = u64::from(size.width) * size.entries_per_pixel;
    for y in 0..u64::from(size.height) {
        let first = y * entries_per_line;
        let values = values(portcullis, list, first, entries_per_line.min(entries - first))?;
        stream.write_all(&pixels(&values, size, &palette))?;
    }
    stream.finish()?;
    writer.finish()?;
    let mut colours: Vec<Colour> = counts
        .iter()
        .map(|ValueCount { value, status, .. }| {
            let [red, green, blue, _] = colour(*value, *status);
            let rgb = format!("#{red:02x}{green:02x}{blue:02x}");
            Colour { value: *value, status: status.as_str(), rgb }
        })
        .collect();
    // Reserved values share a colour, and need no line each: the lowest stands for all.
    let mut told = BTreeSet::new();
    colours.retain(|colour| told.insert(colour.rgb.clone()));
    let Size { width, height, entries_per_pixel } = size;
    Ok((Picture { width, height, entries_per_pixel, colours }, png))
}

/// The values of exactly so many entries.
fn values(portcullis: &mut Portcullis, list: &StatusList, first: u64, count: u64) -> anyhow::Result<Vec<u8>> {
    let mut all = Vec::new();
    while (all.len() as u64) < count {
        let done = all.len() as u64;
        let wanted = u32::try_from(count - done).unwrap_or(u32::MAX);
        let some = portcullis.status_values(list, first + done, wanted)?;
        let some = some.ok().filter(|some| !some.is_empty()).context("the component told fewer entries than it has")?;
        all.extend_from_slice(&some);
    }
    Ok(all)
}

/// One line of the picture.
fn pixels(values: &[u8], size: Size, palette: &[Pixel; 256]) -> Vec<u8> {
    let per_pixel = usize::try_from(size.entries_per_pixel).unwrap_or(usize::MAX);
    let mut line: Vec<u8> = values.chunks(per_pixel).flat_map(|values| palette[usize::from(shown(values))]).collect();
    let width = size.width as usize;
    line.extend(std::iter::repeat_n(NOTHING, width.saturating_sub(line.len() / NOTHING.len())).flatten());
    line
}

/// The value that stands for several: the most frequent one other than 0, the lower of two; 0 where there is no other.
fn shown(values: &[u8]) -> u8 {
    let (mut shown, mut most) = (0, 0);
    for value in values {
        // What was counted already is not counted again: most lists have long stretches of one value.
        if *value == 0 || *value == shown {
            continue;
        }
        let count = values.iter().filter(|other| *other == value).count();
        if count > most || (count == most && *value < shown) {
            (shown, most) = (*value, count);
        }
    }
    shown
}

/// The colour of every value that occurs.
fn palette(counts: &[ValueCount]) -> [Pixel; 256] {
    let mut palette = [NOTHING; 256];
    for ValueCount { value, status, .. } in counts {
        palette[usize::from(*value)] = colour(*value, *status);
    }
    palette
}

/// Pale where all is well, so that what is not stands out.
fn colour(value: u8, status: Status) -> Pixel {
    let [red, green, blue] = match status {
        Status::Valid => [0xcd, 0xeb, 0xd0],
        Status::Invalid => [0xd1, 0x24, 0x2f],
        Status::Suspended => [0xe3, 0xa0, 0x08],
        // Five values at most, so five shades of blue, the lowest value the darkest.
        Status::ApplicationSpecific => {
            let lighter = value.min(15) * 8;
            [0x10 + lighter, 0x40 + lighter, 0xb0 + lighter / 2]
        }
        Status::Reserved => [0x82, 0x50, 0xdf],
    };
    [red, green, blue, 0xff]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(entries: u64) -> (u32, u32, u64) {
        Size::of(entries).map_or((0, 0, 0), |size| (size.width, size.height, size.entries_per_pixel))
    }

    #[test]
    fn every_entry_has_its_place() {
        assert_eq!(size(0), (0, 0, 0));
        assert_eq!(size(1), (1, 1, 1));
        assert_eq!(size(2), (2, 1, 1));
        assert_eq!(size(16), (4, 4, 1));
        assert_eq!(size(17), (5, 4, 1));
        assert_eq!(size(4096 * 4096), (4096, 4096, 1));
        assert_eq!(size(4096 * 4096 + 1), (2897, 2896, 2));
        let (width, height, scale) = size(64 * 1024 * 1024 * 8);
        assert_eq!((width, height, scale), (4096, 4096, 32));
        for entries in (1..70_000).step_by(7) {
            let (width, height, scale) = size(entries);
            let places = u64::from(width) * u64::from(height) * scale;
            assert!(places >= entries && places - entries < u64::from(width) * scale, "{entries}");
        }
    }

    #[test]
    fn what_is_not_valid_is_never_drawn_as_valid() {
        assert_eq!(shown(&[0, 0, 0]), 0);
        assert_eq!(shown(&[0, 0, 1]), 1);
        assert_eq!(shown(&[2, 1, 2, 0]), 2);
        assert_eq!(shown(&[2, 1]), 1);
        assert_eq!(shown(&[255, 0]), 255);
        assert_eq!(shown(&[7]), 7);
    }

    #[test]
    fn a_short_line_ends_in_nothing() {
        let counts = [ValueCount { value: 0, status: Status::Valid, entries: 3 }];
        let line = pixels(&[0, 0, 0], Size { width: 3, height: 1, entries_per_pixel: 2 }, &palette(&counts));
        let valid = colour(0, Status::Valid);
        assert_eq!(line, [valid, valid, NOTHING].concat());
    }

    #[test]
    fn every_status_has_its_colour() {
        let values = [
            (0, Status::Valid),
            (1, Status::Invalid),
            (2, Status::Suspended),
            (3, Status::ApplicationSpecific),
            (12, Status::ApplicationSpecific),
            (13, Status::ApplicationSpecific),
            (14, Status::ApplicationSpecific),
            (15, Status::ApplicationSpecific),
            (4, Status::Reserved),
        ];
        let colours: std::collections::BTreeSet<_> =
            values.iter().map(|(value, status)| colour(*value, *status)).collect();
        assert_eq!(colours.len(), values.len());
    }
}
