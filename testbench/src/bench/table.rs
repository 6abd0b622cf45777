//! The table that a benchmark prints.

use serde::Serialize;
use std::fmt;

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: &'static str,
    /// The figure; `None`: not to be had yet.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
    /// The best Python PCIe model (cocotbext-pcie) on a machine of this kind, in the same unit.
    pub reference: Option<f64>,
    /// What the figure is of, where its name does not say it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

impl Row {
    /// The figure as a multiple of the reference.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        Some(self.value? / self.reference?)
    }
}

/// All figures.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Table {
    /// In the order of the table.
    pub rows: Vec<Row>,
    /// What has no rows in this build, and how to get them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<&'static str>,
}

/// Some significant digits and an SI prefix.
fn show(value: f64) -> String {
    match value.abs() {
        v if v >= 1e12 => format!("{:.2} T", value / 1e12),
        v if v >= 1e9 => format!("{:.2} G", value / 1e9),
        v if v >= 1e6 => format!("{:.2} M", value / 1e6),
        v if v >= 1e3 => format!("{:.1} k", value / 1e3),
        _ => format!("{value:.3} "),
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<44}{:>20}{:>16}{:>12}", "per second of CPU, checkers on", "silico", "Python model", "ratio")?;
        for row in &self.rows {
            let value = row.value.map_or("not built yet".into(), |value| format!("{}{}", show(value), row.unit));
            let reference = row.reference.map_or(String::new(), |value| format!("{}{}", show(value), row.unit));
            let ratio = row.ratio().map_or(String::new(), |ratio| format!("{ratio:.0} x"));
            writeln!(f, "{:<44}{value:>20}{reference:>16}{ratio:>12}", row.name)?;
            if let Some(of) = &row.of {
                writeln!(f, "    {of}")?;
            }
        }
        match self.left_out {
            Some(what) => writeln!(f, "left out: {what}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_how_many_times_the_reference_it_is() {
        let row = Row { name: "payload", value: Some(386e6), unit: "B/s", reference: Some(386e3), of: Some("of 4 KiB".into()) };
        assert_eq!(row.ratio(), Some(1000.0));
        let reads = Row { name: "reads", value: None, unit: "B/s", reference: Some(280e3), of: None };
        let text = Table { rows: vec![row, reads], left_out: Some("all that is none") }.to_string();
        assert!(text.contains("386.00 MB/s") && text.contains("386.0 kB/s") && text.contains("1000 x"), "{text}");
        assert!(text.contains("\n    of 4 KiB\n"), "{text}");
        assert!(text.ends_with("left out: all that is none\n"), "{text}");
        assert!(text.contains("not built yet") && text.contains("280.0 kB/s"), "{text}");
    }
}
