//! All mutants of a file put into its text, each a choice made while running. Text is put in, nothing is printed anew: an operand is copied
//! for each mutant of its operator as it was, since only one mutant is ever chosen. Knows no compiler.

use std::collections::BTreeMap;

use super::list::{Genre, Listed, offset};
use super::site::{Bytes, Kind, Site};

/// What asks for the number that is chosen.
const CHOSEN: &str = "crate::mutant_switch()";

/// Which mutant is where.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// The place of each mutant that can be chosen, as an index of the file's sites, by its number.
    pub(crate) chosen: BTreeMap<u32, usize>,
    /// What can be chosen for it, by its number: text instead of the expression or body; empty for an arm.
    texts: BTreeMap<u32, String>,
    /// Those that cannot be compiled, by number, and why.
    pub(crate) unviable: Vec<(u32, String)>,
    /// Those that only a build of their own can try, and why.
    pub(crate) alone: Vec<(u32, &'static str)>,
}

/// A part of the planted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Where it is in the planted text.
    pub(crate) range: Bytes,
    /// The mutant whose own text it is; `None`: what is there without any.
    pub(crate) mutant: Option<u32>,
    /// The site, as an index of the file's.
    pub(crate) site: usize,
}

/// A file with mutants in it.
#[derive(Debug, Default)]
pub(crate) struct Planted {
    pub(crate) text: String,
    /// Outer ones before inner ones.
    pub(crate) marks: Vec<Mark>,
}

/// Finds the site of each of `mutants`, all of one file.
pub(crate) fn place(text: &str, sites: &[Site], mutants: &[&Listed]) -> Places {
    let mut places = Places::default();
    for mutant in mutants {
        let found = offset(text, mutant.start).and_then(|at| change(text, sites, mutant, at));
        let Some((index, changed)) = found else {
            places.alone.push((mutant.number, "it is in a macro, or of a kind that is not known"));
            continue;
        };
        let site = &sites[index];
        let broken = changed.as_ref().is_some_and(|text| syn::parse_str::<syn::Expr>(text).is_err());
        if matches!(site.kind, Kind::LetChain(_)) {
            places.unviable.push((mutant.number, "a `let` is joined by && only".into()));
        } else if broken {
            places.unviable.push((mutant.number, "no syntax".into()));
        } else if site.constant {
            places.alone.push((mutant.number, "the compiler computes it"));
        } else {
            places.chosen.insert(mutant.number, index);
            places.texts.insert(mutant.number, changed.unwrap_or_default());
        }
    }
    places
}

/// The site of a mutant at `at`, and what it makes of it if that is an expression.
fn change(text: &str, sites: &[Site], mutant: &Listed, at: usize) -> Option<(usize, Option<String>)> {
    let put =
        |whole: &Bytes, part: &Bytes| format!("{}{}{}", &text[whole.start..part.start], mutant.replacement, &text[part.end..whole.end]);
    // An inner function comes later than the one that it is in.
    let sites = sites.iter().enumerate().rev();
    match mutant.genre {
        Genre::Body => {
            let inside = |site: &Site| matches!(&site.kind, Kind::Body { block, .. } if block.start < at && at < block.end);
            sites.filter(|(_, site)| inside(site)).map(|(index, _)| (index, Some(mutant.replacement.clone()))).next()
        }
        Genre::Arm => {
            sites.filter(|(_, site)| matches!(site.kind, Kind::Arm { start, .. } if start == at)).map(|(index, _)| (index, None)).next()
        }
        Genre::Guard => {
            let here = |site: &Site| matches!(&site.kind, Kind::Arm { guard: Some(guard), .. } if guard.start == at);
            sites.filter(|(_, site)| here(site)).map(|(index, _)| (index, Some(mutant.replacement.clone()))).next()
        }
        Genre::Binary | Genre::Unary | Genre::Field => sites
            .filter_map(|(index, site)| {
                let parts = match (&site.kind, mutant.genre) {
                    (Kind::Operators(parts), Genre::Binary) | (Kind::Struct(parts), Genre::Field) => parts.as_slice(),
                    (Kind::LetChain(part), Genre::Binary) | (Kind::Unary(part), Genre::Unary) => std::slice::from_ref(part),
                    _ => return None,
                };
                let part = parts.iter().find(|part| part.start == at)?;
                // What joins a `let` is no expression of its own.
                Some((index, (!matches!(site.kind, Kind::LetChain(_))).then(|| put(&site.range, part))))
            })
            .next(),
        Genre::Other => None,
    }
}

/// The text with those of `places` in it that `wanted` names.
pub(crate) fn plant(text: &str, sites: &[Site], places: &Places, wanted: impl Fn(u32) -> bool) -> Planted {
    let mut at_site: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for (number, site) in &places.chosen {
        if wanted(*number) {
            at_site.entry(*site).or_default().push(*number);
        }
    }
    let all: Vec<(usize, &Site, Vec<u32>)> = at_site.into_iter().map(|(index, numbers)| (index, &sites[index], numbers)).collect();
    let mut planter = Planter { text, places, planted: Planted::default() };
    planter.plain(0..text.len(), &all);
    planter.planted
}

/// A site with the mutants that are put there.
type Chosen<'a> = (usize, &'a Site, Vec<u32>);

struct Planter<'a> {
    text: &'a str,
    places: &'a Places,
    planted: Planted,
}

impl Planter<'_> {
    fn put(&mut self, text: &str) {
        self.planted.text.push_str(text);
    }

    /// What `work` puts is marked so.
    fn marked(&mut self, site: usize, mutant: Option<u32>, work: impl FnOnce(&mut Self)) {
        let (mark, start) = (self.planted.marks.len(), self.planted.text.len());
        self.planted.marks.push(Mark { range: start..start, mutant, site });
        work(self);
        self.planted.marks[mark].range.end = self.planted.text.len();
    }

    /// The text of `range`, with the sites in it.
    fn plain(&mut self, range: Bytes, mut sites: &[Chosen<'_>]) {
        let mut at = range.start;
        while let [first, rest @ ..] = sites {
            let end = first.1.range.end;
            let inner = if first.1.range.is_empty() { 0 } else { rest.iter().take_while(|(_, site, _)| site.range.start < end).count() };
            self.put(&self.text[at..first.1.range.start]);
            self.site(first, &rest[..inner]);
            at = end;
            sites = &rest[inner..];
        }
        self.put(&self.text[at..range.end]);
    }

    fn site(&mut self, chosen: &Chosen<'_>, inner: &[Chosen<'_>]) {
        let (index, site, numbers) = chosen;
        match &site.kind {
            Kind::Body { .. } => self.body(*index, numbers),
            Kind::Arm { guard, .. } => self.arm(*index, guard.as_ref(), numbers, inner),
            _ => self.choice(*index, &site.range, numbers, inner),
        }
    }

    /// An early return for each.
    fn body(&mut self, site: usize, numbers: &[u32]) {
        self.put(&format!(" match {CHOSEN} {{ "));
        for number in numbers {
            self.put(&format!("{number} => "));
            self.marked(site, Some(*number), |planter| planter.put(&format!("return {}", planter.places.texts[number])));
            self.put(", ");
        }
        self.put("_ => {} }");
    }

    /// A guard that is false for the one that deletes the arm.
    fn arm(&mut self, site: usize, guard: Option<&Bytes>, numbers: &[u32], inner: &[Chosen<'_>]) {
        let (guards, deletes): (Vec<u32>, Vec<u32>) = numbers.iter().partition(|number| !self.places.texts[number].is_empty());
        self.put(" if ");
        for number in &deletes {
            self.marked(site, Some(*number), |planter| planter.put(&format!("{CHOSEN} != {number}")));
            self.put(if guard.is_some() { " && " } else { "" });
        }
        match guard {
            Some(guard) if guards.is_empty() => {
                self.put("(");
                self.plain(guard.clone(), inner);
                self.put(")");
            }
            Some(guard) => self.choice(site, guard, &guards, inner),
            None => {}
        }
    }

    /// An expression, or what one of them makes of it. What is there without any comes first: it says the type.
    fn choice(&mut self, site: usize, range: &Bytes, numbers: &[u32], inner: &[Chosen<'_>]) {
        let none = numbers.iter().map(|number| format!("mutant_number != {number}")).collect::<Vec<_>>().join(" && ");
        self.put(&format!("(match {CHOSEN} {{ mutant_number if {none} => "));
        // The compiler counts the parentheses to what is in them.
        self.marked(site, None, |planter| {
            planter.put("(");
            planter.plain(range.clone(), inner);
            planter.put(")");
        });
        for (at, number) in numbers.iter().enumerate() {
            self.put(&if at + 1 == numbers.len() { ", _ => ".into() } else { format!(", {number} => ") });
            self.marked(site, Some(*number), |planter| planter.put(&format!("({})", planter.places.texts[number])));
        }
        self.put(" })");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::site::sites;
    use super::*;

    /// Mutants of `text` at the places `@`, which are taken out of it: what each replaces, and by what.
    pub(crate) fn mutants(text: &str, changes: &[(Genre, &str)]) -> (String, Vec<Listed>) {
        let (mut plain, mut places) = (String::new(), Vec::new());
        for c in text.chars() {
            if c == '@' {
                places.push((1, plain.chars().count() + 1));
            } else {
                plain.push(c);
            }
        }
        assert_eq!(places.len(), changes.len());
        let listed = |number: usize, start: (usize, usize), (genre, replacement): (Genre, &str)| Listed {
            number: number as u32,
            name: number.to_string(),
            file: "lib.rs".into(),
            start,
            end: start,
            genre,
            replacement: replacement.into(),
        };
        let all = places.iter().zip(changes).enumerate().map(|(at, (start, change))| listed(at + 1, *start, *change)).collect();
        (plain, all)
    }

    fn planted(text: &str, changes: &[(Genre, &str)]) -> String {
        let (plain, mutants) = mutants(text, changes);
        let sites = sites(&plain).unwrap();
        let places = place(&plain, &sites, &mutants.iter().collect::<Vec<_>>());
        assert_eq!((places.unviable.len(), places.alone.len()), (0, 0), "{places:?}");
        let planted = plant(&plain, &sites, &places, |_| true);
        assert!(syn::parse_file(&planted.text).is_ok(), "{}", planted.text);
        for mark in &planted.marks {
            assert!(mark.mutant.is_none() || !planted.text[mark.range.clone()].is_empty());
        }
        planted.text.replace(CHOSEN, "M").replace("mutant_number", "n")
    }

    #[test]
    fn an_operator_is_chosen_within_all_that_no_parentheses_part() {
        let text = planted("fn f() { a @- b @* (c @+ d) }", &[(Genre::Binary, "+"), (Genre::Binary, "/"), (Genre::Binary, "-")]);
        // Of the whole: `-` for `*` would bind otherwise.
        let inner = "((match M { n if n != 3 => (c + d), _ => (c - d) }))";
        assert_eq!(
            text,
            format!(
                "fn f() {{ (match M {{ n if n != 1 && n != 2 => (a - b * {inner}), 1 => (a + b * (c + d)), _ => (a - b / (c + d)) }}) }}"
            )
        );
    }

    #[test]
    fn an_assignment_is_chosen_as_a_statement() {
        let text = planted("fn f() { a @+= b @- 1; }", &[(Genre::Binary, "-="), (Genre::Binary, "+")]);
        assert_eq!(
            text,
            "fn f() { (match M { n if n != 1 => (a += (match M { n if n != 2 => (b - 1), _ => (b + 1) })), _ => (a -= b - 1) }); }"
        );
    }

    #[test]
    fn operands_of_a_let_chain_are_chosen_and_the_chain_stays() {
        let text = planted("fn f() { if let Some(a) = @!b && a @== c {} }", &[(Genre::Unary, ""), (Genre::Binary, "!=")]);
        let parts = ["(match M { n if n != 1 => (!b), _ => (b) })", "(match M { n if n != 2 => (a == c), _ => (a != c) })"];
        assert_eq!(text, format!("fn f() {{ if let Some(a) = {} && {} {{}} }}", parts[0], parts[1]));
    }

    #[test]
    fn guards_are_chosen_and_deleted_arms_have_one() {
        let text = "fn f() { match a { @B => 1, @C if @d @< e => 2, _ => 3 } }";
        let text = planted(text, &[(Genre::Arm, ""), (Genre::Arm, ""), (Genre::Guard, "true"), (Genre::Binary, ">")]);
        let guard = "(match M { n if n != 3 => ((match M { n if n != 4 => (d < e), _ => (d > e) })), _ => (true) })";
        assert_eq!(text, format!("fn f() {{ match a {{ B if M != 1 => 1, C if M != 2 && {guard} => 2, _ => 3 }} }}"));
    }

    #[test]
    fn a_body_returns_early_and_an_inner_function_its_own() {
        let text =
            planted("impl A { fn f(&self) -> &B { @fn g() -> u8 { @1 } &self.b } }", &[(Genre::Body, "x(C::c())"), (Genre::Body, "0")]);
        assert_eq!(
            text,
            "impl A { fn f(&self) -> &B { match M { 1 => return x(C::c()), _ => {} } fn g() -> u8 { match M { 2 => return 0, _ => {} } 1 } &self.b } }"
        );
    }

    #[test]
    fn a_field_is_left_to_the_base() {
        let text = planted("fn f() { S { @a: 1, @b, ..c } }", &[(Genre::Field, ""), (Genre::Field, "")]);
        assert_eq!(
            text,
            "fn f() { (match M { n if n != 1 && n != 2 => (S { a: 1, b, ..c }), 1 => (S {  b, ..c }), _ => (S { a: 1,  ..c }) }) }"
        );
    }

    #[test]
    fn what_cannot_be_chosen_is_told() {
        let told = |text: &str, change: (Genre, &str)| {
            let (plain, mutants) = mutants(text, &[change]);
            let places = place(&plain, &sites(&plain).unwrap(), &mutants.iter().collect::<Vec<_>>());
            assert!(places.chosen.is_empty());
            (places.unviable.len(), places.alone.len())
        };
        assert_eq!(told("const A: u8 = 1 @+ 2;", (Genre::Binary, "-")), (0, 1));
        assert_eq!(told("fn f() { a!(1 @+ 2) }", (Genre::Binary, "-")), (0, 1));
        assert_eq!(told("fn f() { if let A = b @&& c {} }", (Genre::Binary, "||")), (1, 0));
        // A comparison cannot stand behind a type.
        assert_eq!(told("fn f() { a as u8 @> b }", (Genre::Binary, "<")), (1, 0));
        assert_eq!(
            planted("const fn f() -> u8 { 1 @+ 2 }", &[(Genre::Binary, "-")]),
            "const fn f() -> u8 { (match M { n if n != 1 => (1 + 2), _ => (1 - 2) }) }"
        );
    }
}
