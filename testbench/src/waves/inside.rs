//! What is inside a card, as its simulator tells it: declarations once, and what has changed clock by clock, both as the text of a VCD file (IEEE 1364-2005,
//! clause 18). Makes signals of the one file of it. Knows nothing of cards.

use super::tree::{Out, Tree, Var};
use std::collections::HashMap;

/// What was declared, in the order of the text.
#[derive(Debug)]
enum Line {
    Open(String),
    Close,
    Name(String, usize),
}

/// All signals that a simulator has declared.
#[derive(Debug, Default)]
pub(super) struct Names {
    lines: Vec<Line>,
    /// By the code that the simulator uses for it; several names may have one code.
    codes: HashMap<Box<[u8]>, usize>,
    bits: Vec<u32>,
}

impl Names {
    /// Reads declarations. What is not one is passed over, and so are numbers that are no vectors of bits.
    pub(super) fn read(text: &str) -> Self {
        let mut names = Self::default();
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            let about: Vec<&str> = match word {
                "$scope" | "$var" | "$upscope" => words.by_ref().take_while(|word| *word != "$end").collect(),
                _ => continue,
            };
            match (word, &about[..]) {
                ("$scope", [_, name, ..]) => names.lines.push(Line::Open((*name).to_owned())),
                ("$upscope", _) => names.lines.push(Line::Close),
                ("$var", ["real" | "realtime" | "event" | "string", ..]) => {}
                ("$var", [_, bits, code, name @ ..]) => {
                    if let Some(bits) = bits.parse().ok().filter(|bits| *bits > 0) {
                        names.declare(bits, code, name);
                    }
                }
                _ => {}
            }
        }
        names
    }

    fn declare(&mut self, bits: u32, code: &str, name: &[&str]) {
        // The range follows the name.
        let name = name.split_last().filter(|(last, rest)| !rest.is_empty() && last.starts_with('[')).map_or(name, |(_, rest)| rest);
        let index = *self.codes.entry(code.as_bytes().into()).or_insert(self.bits.len());
        if index == self.bits.len() {
            self.bits.push(bits);
        }
        self.lines.push(Line::Name(name.join(" "), index));
    }

    /// Declares all of them in a file. Each by its place.
    pub(super) fn declare_in(&self, tree: &mut Tree) -> Result<Vec<Var>, String> {
        let mut vars: Vec<Option<Var>> = vec![None; self.bits.len()];
        let mut depth = 0_u32;
        for line in &self.lines {
            match line {
                Line::Open(name) => {
                    depth += 1;
                    tree.open(name)?;
                }
                Line::Close if depth > 0 => {
                    depth -= 1;
                    tree.close()?;
                }
                Line::Close => {}
                Line::Name(name, index) => match vars[*index] {
                    Some(var) => tree.alias(name, var)?,
                    None => vars[*index] = Some(tree.bits(name, self.bits[*index])?),
                },
            }
        }
        (0..depth).try_for_each(|_| tree.close())?;
        // Each has a line.
        Ok(vars.into_iter().flatten().collect())
    }

    /// The places and the binary digits of what has changed. Instants, and what was never declared, are passed over.
    fn changes<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, &'a [u8])> {
        text.split(|byte| *byte == b'\n').filter_map(|line| {
            let (digits, code) = match line {
                [b'b' | b'B', rest @ ..] => {
                    let at = rest.iter().position(|byte| *byte == b' ')?;
                    (&rest[..at], &rest[at + 1..])
                }
                [b'0' | b'1' | b'x' | b'z', code @ ..] => (&line[..1], code),
                _ => return None,
            };
            Some((*self.codes.get(code)?, digits))
        })
    }
}

/// The values of all signals at an instant; none that nobody has told yet.
#[derive(Debug, Default)]
pub(super) struct Values(Vec<Vec<u8>>);

impl Values {
    /// Goes on by what has changed.
    pub(super) fn pass(&mut self, names: &Names, changes: &[u8]) {
        self.0.resize(names.bits.len(), Vec::new());
        for (index, digits) in names.changes(changes) {
            self.0[index].clear();
            self.0[index].extend_from_slice(digits);
        }
    }
}

/// The signals in a file.
#[derive(Default)]
pub(super) struct Inside(Vec<Var>);

impl Inside {
    pub(super) fn declare(tree: &mut Tree, names: &Names) -> Result<Self, String> {
        names.declare_in(tree).map(Self)
    }

    /// All of them as they are.
    pub(super) fn begin(&self, out: &mut Out, values: &Values) -> Result<(), String> {
        let mut known = self.0.iter().zip(&values.0).filter(|(_, digits)| !digits.is_empty());
        known.try_for_each(|(var, digits)| out.digits(*var, digits))
    }

    /// What has changed.
    pub(super) fn show(&self, out: &mut Out, names: &Names, changes: &[u8]) -> Result<(), String> {
        names.changes(changes).try_for_each(|(index, digits)| out.digits(self.0[index], digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "$version Generated by VerilatedVcd $end\n$timescale 1ps $end\n\n $scope module TOP $end\n  $var wire  1 # clk_i $end\n  $scope module silico_card $end\n   \
         $var wire  1 # clk_i $end\n   $var wire 40 $ tail_q [39:0] $end\n   $var real 64 % ratio $end\n   $scope module fifo[1] $end\n    $var wire  3 & used [2:0] $end\n   \
         $upscope $end\n  $upscope $end\n $upscope $end\n$enddefinitions $end\n\n\n";

    #[test]
    fn names_scopes_and_aliases_are_read() {
        let names = Names::read(TEXT);
        assert_eq!(names.bits, [1, 40, 3]);
        let said: Vec<String> = names
            .lines
            .iter()
            .map(|line| match line {
                Line::Open(name) => format!("{name} {{"),
                Line::Close => "}".into(),
                Line::Name(name, index) => format!("{name}={index}"),
            })
            .collect();
        assert_eq!(said, ["TOP {", "clk_i=0", "silico_card {", "clk_i=0", "tail_q=1", "fifo[1] {", "used=2", "}", "}", "}"]);
    }

    #[test]
    fn changes_go_to_their_signals_and_the_last_one_stays() {
        let names = Names::read(TEXT);
        let mut values = Values::default();
        values.pass(&names, b"#0\n0#\nb0000000000000000000000000000000000000101 $\nb110 &\nr1.5 %\nb1 ?\n");
        values.pass(&names, b"#1\n1#\nb001 &\nb");
        assert_eq!(values.0, [&b"1"[..], b"0000000000000000000000000000000000000101", b"001"]);
    }

    #[test]
    fn nonsense_declares_nothing() {
        for text in ["", "$var", "$var wire", "$var wire x # a $end", "$var wire 0 # a $end", "$scope $end $upscope"] {
            assert!(Names::read(text).bits.is_empty(), "{text}");
        }
    }
}
