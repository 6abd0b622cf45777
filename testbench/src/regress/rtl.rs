//! Coverage of the RTL's lines and signals, as Verilator counts it in a build that asks for it: read, summed up, and told per file. Empty in any other build.

use crate::run::CouldNotRun;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Points of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FilePoints {
    /// Points of lines and branches: all, and those that were reached.
    pub lines: (u64, u64),
    /// Points of signals' bits, each both ways: all, and those that toggled.
    pub toggles: (u64, u64),
    /// Lines with a point of a line or branch that was never reached.
    pub missed: Vec<u32>,
}

/// All files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RtlCoverage {
    /// By name, within `rtl/`.
    pub files: BTreeMap<String, FilePoints>,
}

impl RtlCoverage {
    /// Sums up all that cards left in `folder`; `None` if they left nothing.
    ///
    /// # Errors
    /// If a file can't be read, or is none of Verilator's.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, CouldNotRun> {
        let mut points: BTreeMap<String, u64> = BTreeMap::new();
        let mut entries: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        entries.retain(|path| path.extension().is_some_and(|extension| extension == "dat"));
        entries.sort();
        for path in entries {
            // Keys hold control characters, and nothing keeps them from holding others that are no UTF-8.
            let bytes = std::fs::read(&path).map_err(|error| CouldNotRun(format!("{}: {error}", path.display())))?;
            let text = String::from_utf8_lossy(&bytes);
            for (number, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with("C '")) {
                let counted = line[3..].rsplit_once("' ").and_then(|(key, count)| Some((key, count.trim().parse::<u64>().ok()?)));
                let (key, count) =
                    counted.ok_or_else(|| CouldNotRun(format!("{}:{}: no point of coverage", path.display(), number + 1)))?;
                let sum = points.entry(key.into()).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        Ok((!points.is_empty()).then(|| Self::of(&points)))
    }

    /// Points of one place in several instances of a module are one: reached if any of them was.
    fn of(points: &BTreeMap<String, u64>) -> Self {
        let mut places: BTreeMap<(String, bool, u32, String), u64> = BTreeMap::new();
        for (key, count) in points {
            let field = |name: &str| {
                key.split('\u{1}').find_map(|part| part.split_once('\u{2}').filter(|(found, _)| *found == name).map(|(_, value)| value))
            };
            let (Some(file), Some(line)) = (field("f"), field("l").and_then(|line| line.parse().ok())) else { continue };
            let file = file.rsplit_once("/rtl/").map_or(file, |(_, name)| name).to_string();
            let toggles = field("page").is_some_and(|page| page.starts_with("v_toggle"));
            let what = format!("{} {}", field("n").unwrap_or_default(), field("o").unwrap_or_default());
            let sum = places.entry((file, toggles, line, what)).or_default();
            *sum = sum.saturating_add(*count);
        }
        let mut files: BTreeMap<String, FilePoints> = BTreeMap::new();
        for ((file, toggles, line, _), count) in places {
            let points = files.entry(file).or_default();
            let (all, reached) = if toggles { &mut points.toggles } else { &mut points.lines };
            *all += 1;
            *reached += u64::from(count > 0);
            if !toggles && count == 0 && points.missed.last() != Some(&line) {
                points.missed.push(line);
            }
        }
        Self { files }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_runs_and_instances_are_summed_up() {
        let folder = std::env::temp_dir().join(format!("silico-rtl-coverage-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let point = |line: u32, page: &str, what: &str, place: &str, count: u32| {
            format!(
                "C '\u{1}f\u{2}/x/rtl/c2h/a.sv\u{1}l\u{2}{line}\u{1}n\u{2}3\u{1}page\u{2}{page}\u{1}o\u{2}{what}\u{1}h\u{2}{place}' {count}\n"
            )
        };
        let one = point(5, "v_line/a", "block", "top.a0", 0)
            + &point(5, "v_line/a", "block", "top.a1", 0)
            + &point(9, "v_branch/a", "if", "top.a0", 0);
        let two = point(5, "v_line/a", "block", "top.a1", 7)
            + &point(2, "v_toggle/a", "x[0]", "top.a0", 1)
            + &point(2, "v_toggle/a", "x[1]", "top.a0", 0);
        std::fs::write(folder.join("1.dat"), format!("# SystemC::Coverage-3\n{one}")).unwrap();
        std::fs::write(folder.join("2.dat"), two).unwrap();
        let read = RtlCoverage::read(&folder).unwrap().unwrap();
        assert_eq!(read.files["c2h/a.sv"], FilePoints { lines: (2, 1), toggles: (2, 1), missed: vec![9] });
        std::fs::write(folder.join("3.dat"), "C 'nonsense\n").unwrap();
        assert!(RtlCoverage::read(&folder).unwrap_err().to_string().contains("3.dat:1"));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(RtlCoverage::read(&folder).unwrap(), None);
    }

    /// As Verilator 5.006 wrote it of this RTL.
    #[test]
    fn what_verilator_writes_is_read() {
        let folder = std::env::temp_dir().join(format!("silico-rtl-coverage-real-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let place = "TOP.silico_card.gen_c2h[*].u_c2h";
        let text = format!(
            "# SystemC::Coverage-3\n\
             C '\u{1}f\u{2}/x/sim/../rtl/c2h/silico_c2h.sv\u{1}l\u{2}100\u{1}n\u{2}32\u{1}page\u{2}v_toggle/silico_c2h__pi5\u{1}o\u{2}fired_o[0].number[0]\u{1}h\u{2}{place}' 2\n\
             C '\u{1}f\u{2}/x/sim/../rtl/c2h/silico_c2h.sv\u{1}l\u{2}100\u{1}n\u{2}32\u{1}page\u{2}v_toggle/silico_c2h__pi5\u{1}o\u{2}fired_o[0].number[1]\u{1}h\u{2}{place}' 0\n\
             C '\u{1}f\u{2}/x/sim/../rtl/c2h/silico_c2h.sv\u{1}l\u{2}139\u{1}n\u{2}5\u{1}page\u{2}v_branch/silico_c2h__pi5\u{1}o\u{2}if\u{1}S\u{2}139\u{1}h\u{2}{place}' 65658\n\
             C '\u{1}f\u{2}/x/sim/../rtl/c2h/silico_c2h.sv\u{1}l\u{2}139\u{1}n\u{2}6\u{1}page\u{2}v_branch/silico_c2h__pi5\u{1}o\u{2}else\u{1}h\u{2}{place}' 0\n"
        );
        std::fs::write(folder.join("1-0.dat"), text).unwrap();
        let read = RtlCoverage::read(&folder).unwrap().unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(read.files.len(), 1);
        assert_eq!(read.files["c2h/silico_c2h.sv"], FilePoints { lines: (2, 1), toggles: (2, 1), missed: vec![139] });
    }
}
