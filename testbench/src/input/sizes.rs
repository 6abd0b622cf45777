//! Frame sizes as typed: one size, a range, or a list used in turn. And byte counts with units. Knows neither files nor cards.

use super::error::BadInput;
use silico_spec::generator::{LengthMode, TABLE_ENTRIES, XorShift64};
use std::fmt;
use std::str::FromStr;

/// A count of bytes as people type it: `4096`, `64KiB`, `1MiB`, `2GB`.
///
/// # Errors
/// What would be right.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    const RIGHT: &str = "a number of bytes, plain or with a unit: B, kB, MB, GB, KiB, MiB, GiB, TiB";
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let number: u64 = text[..split].replace('_', "").parse().map_err(|_| RIGHT.to_string())?;
    let unit: u64 = match text[split..].trim_start() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" | "K" | "k" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        "TiB" | "T" => 1 << 40,
        _ => return Err(RIGHT.into()),
    };
    number.checked_mul(unit).ok_or_else(|| RIGHT.into())
}

/// A byte count for people: exact in the largest binary unit that divides it, else bytes.
#[must_use]
pub fn show_bytes(bytes: u64) -> String {
    let units = [(1u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}"),
    }
}

/// How long frames are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameSizes {
    /// All the same.
    Fixed(u32),
    /// Uniform between both, included.
    Uniform(u32, u32),
    /// In turn.
    List(Vec<u32>),
}

impl FrameSizes {
    /// The longest frame.
    #[must_use]
    pub fn max(&self) -> u32 {
        match self {
            Self::Fixed(size) => *size,
            Self::Uniform(_, max) => *max,
            Self::List(sizes) => sizes.iter().copied().max().unwrap_or(0),
        }
    }

    /// What the card's generator needs for the same lengths: mode, shortest, longest, table.
    ///
    /// # Errors
    /// If the list does not fill the generator's table of 16 entries evenly.
    pub fn generator(&self) -> Result<(LengthMode, u32, u32, [u32; TABLE_ENTRIES]), BadInput> {
        let mut table = [0; TABLE_ENTRIES];
        Ok(match self {
            Self::Fixed(size) => (LengthMode::Fixed, *size, *size, table),
            Self::Uniform(min, max) => (LengthMode::Uniform, *min, *max, table),
            Self::List(sizes) => {
                if sizes.is_empty() || !TABLE_ENTRIES.is_multiple_of(sizes.len()) {
                    let right = "a list of 1, 2, 4, 8 or 16 sizes for the generator, whose table has 16 entries";
                    return Err(BadInput::setting("--frame-size", format_args!("a list of {}", sizes.len()), right));
                }
                table.iter_mut().zip(sizes.iter().cycle()).for_each(|(entry, size)| *entry = *size);
                (LengthMode::Table, *sizes.iter().min().unwrap_or(&0), self.max(), table)
            }
        })
    }

    /// The sizes in order, without end.
    pub fn iter(&self, seed: u64) -> impl Iterator<Item = u32> + '_ {
        let mut random = XorShift64::new(seed);
        (0..).map(move |index: usize| match self {
            Self::Fixed(size) => *size,
            Self::Uniform(min, max) => min + ((random.step() >> 32) * (u64::from(max - min) + 1) >> 32) as u32,
            Self::List(sizes) => sizes[index % sizes.len()],
        })
    }
}

impl FromStr for FrameSizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = |text: &str| {
            let bytes = parse_bytes(text.trim()).map_err(|_| "a size (256), a range (64..1500) or a list (64,128,1500) in bytes")?;
            u32::try_from(bytes).map_err(|_| "below 4 GiB".to_string())
        };
        if let Some((min, max)) = text.split_once("..") {
            let (min, max) = (size(min)?, size(max.trim_start_matches('='))?);
            return if min <= max { Ok(Self::Uniform(min, max)) } else { Err("a range from the shorter to the longer".into()) };
        }
        let sizes = text.split(',').map(size).collect::<Result<Vec<_>, _>>()?;
        Ok(if let [only] = sizes[..] { Self::Fixed(only) } else { Self::List(sizes) })
    }
}

impl fmt::Display for FrameSizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => f.write_str(&show_bytes((*size).into())),
            Self::Uniform(min, max) => write!(f, "{}..{}", show_bytes((*min).into()), show_bytes((*max).into())),
            Self::List(sizes) => f.write_str(&sizes.iter().map(|&size| show_bytes(size.into())).collect::<Vec<_>>().join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("4096", 4096)]
    #[case("4KiB", 4096)]
    #[case("1MiB", 1 << 20)]
    #[case("2 GB", 2_000_000_000)]
    #[case("1TiB", 1 << 40)]
    fn bytes_with_units(#[case] text: &str, #[case] bytes: u64) {
        assert_eq!(parse_bytes(text), Ok(bytes));
    }

    #[rstest::rstest]
    #[case("")]
    #[case("-1")]
    #[case("4 parsecs")]
    #[case("99999999TiB")]
    fn bad_bytes(#[case] text: &str) {
        assert!(parse_bytes(text).unwrap_err().contains("number of bytes"));
    }

    #[rstest::rstest]
    #[case("256", FrameSizes::Fixed(256))]
    #[case("64..1500", FrameSizes::Uniform(64, 1500))]
    #[case("64,128,1KiB", FrameSizes::List(vec![64, 128, 1024]))]
    fn sizes_round_trip(#[case] text: &str, #[case] sizes: FrameSizes) {
        assert_eq!(text.parse(), Ok(sizes.clone()));
        assert_eq!(sizes.to_string(), text);
    }

    #[rstest::rstest]
    #[case("9..3")]
    #[case("a")]
    #[case("5000000000")]
    #[case("1,,2")]
    fn bad_sizes(#[case] text: &str) {
        assert!(text.parse::<FrameSizes>().is_err());
    }

    #[test]
    fn a_list_must_fill_the_generators_table() {
        let (mode, min, max, table) = FrameSizes::List(vec![3, 9]).generator().unwrap();
        assert_eq!((mode, min, max, &table[..4]), (LengthMode::Table, 3, 9, &[3, 9, 3, 9][..]));
        assert!(FrameSizes::List(vec![1, 2, 3]).generator().unwrap_err().to_string().contains("1, 2, 4, 8 or 16"));
    }

    #[test]
    fn uniform_reaches_both_ends() {
        let seen: std::collections::BTreeSet<u32> = FrameSizes::Uniform(3, 5).iter(1).take(100).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [3, 4, 5]);
    }
}
