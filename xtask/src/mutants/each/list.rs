//! What cargo-mutants would change: its list, as it prints it. Knows no syntax.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::shell::{Workspace, on_path};

/// The version whose list and outcomes we read.
const VERSION: &str = "27.1.0";

/// What a mutant replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Genre {
    /// The body of a function: by a value.
    Body,
    /// An operator with two operands: by another.
    Binary,
    /// An operator with one operand: by nothing.
    Unary,
    /// An arm of a match: by nothing.
    Arm,
    /// The guard of an arm: by true or false.
    Guard,
    /// A field of a struct expression that has a base: by nothing.
    Field,
    /// Anything else.
    Other,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its number: what chooses it. Counted from one in the list of the package, whatever is asked for.
    pub(crate) number: u32,
    /// Its name, which says place and change; unique.
    pub(crate) name: String,
    /// The file, from the root.
    pub(crate) file: PathBuf,
    /// Where what it replaces begins: line and column, in characters, from one.
    pub(crate) start: (usize, usize),
    /// Where that ends: the first place behind it.
    pub(crate) end: (usize, usize),
    /// What is replaced.
    pub(crate) genre: Genre,
    /// What stands there instead.
    pub(crate) replacement: String,
}

/// The `cargo mutants` of the path.
///
/// # Errors
/// If there is none; says how to get it.
pub(crate) fn cargo_mutants(workspace: &Workspace) -> Result<Command> {
    ensure!(on_path("cargo-mutants"), "cargo-mutants is not on the path: cargo install cargo-mutants --locked --version {VERSION}");
    let mut command = workspace.command("cargo-mutants");
    command.arg("mutants");
    Ok(command)
}

/// All mutants of `package`, in its order.
///
/// # Errors
/// If cargo-mutants does not run, or says what we cannot read.
pub(crate) fn list(workspace: &Workspace, package: &str) -> Result<Vec<Listed>> {
    let mut command = cargo_mutants(workspace)?;
    command.args(["--list", "--json", "--package", package]);
    let output = command.output().context("can't start cargo-mutants")?;
    ensure!(output.status.success(), "cargo mutants --list failed:\n{}", String::from_utf8_lossy(&output.stderr));
    parse(&output.stdout)
}

fn parse(text: &[u8]) -> Result<Vec<Listed>> {
    let all: Vec<Value> = serde_json::from_slice(text).context("the list of cargo-mutants is not JSON")?;
    (1..)
        .zip(&all)
        .map(|(number, mutant)| read(number, mutant).with_context(|| format!("cargo-mutants {VERSION} lists otherwise: {mutant}")))
        .collect()
}

fn read(number: u32, mutant: &Value) -> Option<Listed> {
    let text = |name: &str| mutant[name].as_str().map(str::to_owned);
    let number_of = |side: &str, name: &str| mutant["span"][side][name].as_u64().map(|value| value as usize);
    let place = |side: &str| Some((number_of(side, "line")?, number_of(side, "column")?));
    let genre = match mutant["genre"].as_str()? {
        "FnValue" => Genre::Body,
        "BinaryOperator" => Genre::Binary,
        "UnaryOperator" => Genre::Unary,
        "MatchArm" => Genre::Arm,
        "MatchArmGuard" => Genre::Guard,
        "StructField" => Genre::Field,
        _ => Genre::Other,
    };
    let (start, end) = (place("start")?, place("end")?);
    Some(Listed { number, name: text("name")?, file: text("file")?.into(), start, end, genre, replacement: text("replacement")? })
}

/// Where a line and column are in a text, in bytes.
pub(crate) fn offset(text: &str, (line, column): (usize, usize)) -> Option<usize> {
    let begins = |line: usize| if line == 1 { Some(0) } else { text.match_indices('\n').nth(line.checked_sub(2)?).map(|(at, _)| at + 1) };
    let begin = begins(line)?;
    let before = column.checked_sub(1)?;
    let mut within = text[begin..].split_inclusive('\n').next().unwrap_or_default().char_indices().map(|(at, _)| at).skip(before);
    within.next().map(|within| begin + within)
}

/// `all` in an order of which every beginning is spread evenly over the whole: what is known after half of a run is no one-sided sample.
pub(crate) fn spread<T>(all: Vec<T>) -> Vec<T> {
    let bits = usize::BITS - all.len().leading_zeros();
    let turned = |at: usize| if bits == 0 { 0 } else { at.reverse_bits() >> (usize::BITS - bits) };
    let mut all: Vec<(usize, T)> = all.into_iter().enumerate().map(|(at, one)| (turned(at), one)).collect();
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read() {
        let text = br#"[{"name":"a/b.rs:3:7: replace + with -","file":"a/b.rs","genre":"BinaryOperator","replacement":"-","function":null,
                        "span":{"start":{"line":3,"column":7},"end":{"line":3,"column":8}}}]"#;
        let all = parse(text).unwrap();
        let name = "a/b.rs:3:7: replace + with -".into();
        assert_eq!(
            all,
            [Listed { number: 1, name, file: "a/b.rs".into(), start: (3, 7), end: (3, 8), genre: Genre::Binary, replacement: "-".into() }]
        );
        assert!(parse(br#"[{"name":"x"}]"#).unwrap_err().to_string().contains("lists otherwise"));
    }

    #[test]
    fn every_beginning_is_spread_evenly() {
        assert_eq!(
            spread((0..8).collect()),
            [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15].into_iter().filter(|at| *at < 8).collect::<Vec<_>>()
        );
        let order = spread((0..1000).collect());
        for few in [10, 100, 500] {
            let low = order[..few].iter().filter(|at| **at < 500).count();
            assert!(low.abs_diff(few / 2) <= 2, "{low} of {few}");
        }
        assert_eq!((spread(Vec::<u8>::new()), spread(vec![7])), (vec![], vec![7]));
    }
}
