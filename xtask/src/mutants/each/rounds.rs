//! Build, take out what does not compile, build again: until what is left compiles. Which mutant an error belongs to is told by where
//! it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::super::tree::Tree;
use super::list::Listed;
use super::plant::{Mark, Places, Planted, place, plant};
use super::site::{Kind, Site, sites};
use super::switch::with_switch;

/// No tree needs more: each round takes at least one mutant out, most take all that the compiler looks at by then.
const ROUNDS: usize = 60;

/// One test binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binary {
    /// `lib` or the name of the test target.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// A place: the index of the file, and the byte of its planted text.
type At = (usize, usize);

/// Why one of them is not chosen while running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Out {
    /// It compiles nowhere: what the compiler said.
    Unviable(String),
    /// It needs a build of its own, and why.
    Alone(String),
}

/// All files of a package with what is planted in them.
pub(crate) struct Plantation {
    files: Vec<File>,
    /// Those that cannot be chosen while running.
    pub(crate) out: BTreeMap<u32, Out>,
}

struct File {
    path: PathBuf,
    text: String,
    sites: Vec<Site>,
    places: Places,
    planted: Planted,
}

impl Plantation {
    /// Finds the places of `mutants` in the tree at `root`. Nothing is planted yet.
    pub(crate) fn new(root: &Path, mutants: &[Listed]) -> Result<Self> {
        let mut of_file: BTreeMap<&Path, Vec<&Listed>> = BTreeMap::new();
        for mutant in mutants {
            of_file.entry(&mutant.file).or_default().push(mutant);
        }
        let (mut files, mut out) = (Vec::new(), BTreeMap::new());
        for (path, mutants) in of_file {
            let text = fs::read_to_string(root.join(path)).with_context(|| format!("can't read {}", path.display()))?;
            let sites = sites(&text).with_context(|| format!("can't parse {}", path.display()))?;
            let places = place(&text, &sites, &mutants);
            out.extend(places.unviable.iter().map(|(number, why)| (*number, Out::Unviable(why.clone()))));
            out.extend(places.alone.iter().map(|(number, why)| (*number, Out::Alone((*why).into()))));
            files.push(File { path: path.into(), text, sites, places, planted: Planted::default() });
        }
        Ok(Self { files, out })
    }

    /// Whether the compiler too may compute what this one changes: that it is missed while running says nothing then.
    pub(crate) fn is_in_const_fn(&self, number: u32) -> bool {
        self.files.iter().any(|file| file.places.chosen.get(&number).is_some_and(|site| file.sites[*site].const_fn))
    }

    /// Plants and builds `package`, as often as it needs. Its test binaries.
    pub(crate) fn build(&mut self, tree: &Tree, package: &str) -> Result<Vec<Binary>> {
        let library = PathBuf::from(package.trim_start_matches("silico-")).join("src").join("lib.rs");
        for round in 1..=ROUNDS {
            self.plant(tree.root(), &library)?;
            let messages = match cargo_test(tree, package)? {
                Ok(binaries) => return Ok(binaries),
                Err(messages) => messages,
            };
            let before = self.out.len();
            self.take_out(&messages)?;
            println!("mutants: round {round}: {} do not compile or need a build of their own", self.out.len());
            if self.out.len() == before {
                bail!("the copy with the mutants in it does not build, and no error is one mutant's:\n{}", rendered(&messages));
            }
        }
        bail!("the copy with the mutants in it does not build after {ROUNDS} rounds")
    }

    fn plant(&mut self, root: &Path, library: &Path) -> Result<()> {
        let mut has_switch = false;
        for file in &mut self.files {
            file.planted = plant(&file.text, &file.sites, &file.places, |number| !self.out.contains_key(&number));
            let is_library = file.path == library;
            has_switch |= is_library;
            let text = if is_library { with_switch(&file.planted.text) } else { file.planted.text.clone() };
            write(&root.join(&file.path), &text)?;
        }
        if !has_switch {
            let path = root.join(library);
            let text = fs::read_to_string(&path)?;
            if !text.contains("fn mutant_switch") {
                write(&path, &with_switch(&text))?;
            }
        }
        Ok(())
    }

    /// Takes out the mutants that the errors among `messages` belong to.
    fn take_out(&mut self, messages: &[Value]) -> Result<()> {
        for message in messages {
            let (first, others) = self.places_of(message);
            let why = message["message"].as_str().unwrap_or_default().to_owned();
            let owner = first.iter().find_map(|(file, at)| self.owner(*file, *at));
            let owner = owner.or_else(|| others.iter().find_map(|(file, at)| self.owner(*file, *at)));
            match owner {
                // What a body returns may be another type, where its type is what it returns.
                Some((file, mark @ Mark { mutant: Some(number), .. })) => {
                    let opaque = matches!(self.files[file].sites[mark.site].kind, Kind::Body { opaque: true, .. });
                    let out = if opaque { Out::Alone("its type is what the function returns".into()) } else { Out::Unviable(why) };
                    self.out.entry(number).or_insert(out);
                }
                Some((file, mark)) => self.take_out_of(file, |site| site == mark.site, &why),
                None => {
                    let (file, at) = *first
                        .first()
                        .with_context(|| format!("an error at no place of a mutant: {}", rendered(std::slice::from_ref(message))))?;
                    // Somewhere in a function: one of its mutants, but who knows which.
                    let numbers = self.function_at(file, at);
                    self.take_out_of(file, |site| numbers.contains(&site), &why);
                }
            }
        }
        Ok(())
    }

    fn take_out_of(&mut self, file: usize, wanted: impl Fn(usize) -> bool, why: &str) {
        for (number, site) in &self.files[file].places.chosen {
            if wanted(*site) {
                self.out.entry(*number).or_insert_with(|| Out::Alone(format!("not with others: {why}")));
            }
        }
    }

    /// The innermost part of what is planted in which `at` is.
    fn owner(&self, file: usize, at: usize) -> Option<(usize, Mark)> {
        let mark = self.files[file].planted.marks.iter().rfind(|mark| mark.range.contains(&at))?;
        Some((file, mark.clone()))
    }

    /// The sites of the functions that have something planted around `at`: those between the body's begin before it and the next one after it.
    fn function_at(&self, file: usize, at: usize) -> BTreeSet<usize> {
        let file = &self.files[file];
        let original = file.places.chosen.values().copied().collect::<BTreeSet<_>>();
        let bodies = file.sites.iter().filter_map(|site| match &site.kind {
            Kind::Body { block, .. } => Some(block),
            _ => None,
        });
        let before: usize = file.planted.marks.iter().filter(|mark| mark.range.end <= at).map(|mark| mark.site).max().unwrap_or(0);
        let near = file.sites.get(before).map_or(0, |site| site.range.start);
        let function = bodies.filter(|block| block.contains(&near)).min_by_key(|block| block.len());
        original
            .into_iter()
            .filter(|site| {
                function
                    .is_some_and(|block| block.contains(&file.sites[*site].range.start) || file.sites[*site].range.start == block.start + 1)
            })
            .collect()
    }

    /// Where a message points in our files: its first places, and its other ones.
    fn places_of(&self, message: &Value) -> (Vec<At>, Vec<At>) {
        let (mut first, mut others) = (Vec::new(), Vec::new());
        for span in message["spans"].as_array().into_iter().flatten() {
            let is_primary = span["is_primary"] == true;
            let mut place = span;
            // What a macro made of it is at no place of ours; where the macro is called may be.
            loop {
                if let Some(found) = self.place_of(place) {
                    if is_primary { &mut first } else { &mut others }.push(found);
                    break;
                }
                let outer = &place["expansion"]["span"];
                if outer.is_null() {
                    break;
                }
                place = outer;
            }
        }
        (first, others)
    }

    fn place_of(&self, span: &Value) -> Option<At> {
        let path = Path::new(span["file_name"].as_str()?);
        let at = usize::try_from(span["byte_start"].as_u64()?).ok()?;
        let index = self.files.iter().position(|file| path.ends_with(&file.path))?;
        Some((index, at))
    }
}

/// Files that stay what they are keep their time.
fn write(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
}

fn rendered(messages: &[Value]) -> String {
    messages.iter().filter_map(|message| message["rendered"].as_str()).take(5).collect()
}

/// Builds the tests of `package` in the copy: its binaries, the unit tests first, or the errors.
pub(crate) fn cargo_test(tree: &Tree, package: &str) -> Result<Result<Vec<Binary>, Vec<Value>>> {
    let mut build = tree.cargo();
    build.args(["test", "--no-run", "--quiet", "--tests", "--profile", "mutants", "--message-format", "json", "--package", package]);
    // Only what is denied counts: cargo-mutants would report that too.
    build.env("RUSTFLAGS", "-Awarnings").env("RUSTC_BOOTSTRAP", package.replace('-', "_"));
    let built = build.output().context("can't start cargo")?;
    let text = String::from_utf8_lossy(&built.stdout);
    let messages: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if !built.status.success() {
        let mut errors: Vec<Value> =
            messages.into_iter().map(|message| message["message"].clone()).filter(|message| message["level"] == "error").collect();
        // The last one only counts the others.
        errors.retain(|error| error["spans"].as_array().is_some_and(|spans| !spans.is_empty()));
        ensure!(!errors.is_empty(), "the copy does not build:\n{}", String::from_utf8_lossy(&built.stderr));
        return Ok(Err(errors));
    }
    let mut binaries: Vec<(bool, Binary)> = messages.iter().filter_map(binary).collect();
    binaries.sort_by(|(a, first), (b, second)| b.cmp(a).then_with(|| first.name.cmp(&second.name)));
    Ok(Ok(binaries.into_iter().map(|(_, binary)| binary).collect()))
}

fn binary(message: &Value) -> Option<(bool, Binary)> {
    let path = message["executable"].as_str()?.into();
    let is_library = message["target"]["kind"][0] != "test";
    let name = if is_library { "lib" } else { message["target"]["name"].as_str()? };
    Some((is_library, Binary { name: name.into(), path }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::list::Genre;
    use super::super::plant::tests::mutants;
    use super::*;

    /// A plantation of one file, `lib.rs`.
    fn plantation(text: &str, changes: &[(Genre, &str)]) -> Plantation {
        let (text, mutants) = mutants(text, changes);
        let sites = sites(&text).unwrap();
        let places = place(&text, &sites, &mutants.iter().collect::<Vec<_>>());
        let planted = plant(&text, &sites, &places, |_| true);
        Plantation { files: vec![File { path: "lib.rs".into(), text, sites, places, planted }], out: BTreeMap::new() }
    }

    /// An error where `find` is in the planted text.
    fn error(plantation: &Plantation, find: &str) -> Value {
        let at = plantation.files[0].planted.text.find(find).unwrap();
        json!({ "message": "why", "level": "error", "spans": [{ "file_name": "lib.rs", "byte_start": at, "is_primary": true, "expansion": null }] })
    }

    #[test]
    fn an_error_in_a_mutants_text_is_its_own() {
        let mut all = plantation("fn f() { a @+ b; c @- d }", &[(Genre::Binary, "*"), (Genre::Binary, "/")]);
        all.take_out(&[error(&all, "(a * b)")]).unwrap();
        assert_eq!(all.out, [(1, Out::Unviable("why".into()))].into());
    }

    #[test]
    fn an_error_in_the_plain_text_is_of_all_that_stand_there() {
        let mut all = plantation("fn f() { a @+ b @- c; c @- d }", &[(Genre::Binary, "*"), (Genre::Binary, "/"), (Genre::Binary, "+")]);
        all.take_out(&[error(&all, "(a + b - c)")]).unwrap();
        assert_eq!(
            all.out.into_iter().map(|(number, out)| (number, matches!(out, Out::Alone(_)))).collect::<Vec<_>>(),
            [(1, true), (2, true)]
        );
    }

    #[test]
    fn an_error_beside_all_mutants_is_of_those_of_its_function() {
        let mut all = plantation("fn f() { a @+ b; there } fn g() { @c }", &[(Genre::Binary, "*"), (Genre::Body, "()")]);
        all.take_out(&[error(&all, "there")]).unwrap();
        assert_eq!(all.out.keys().collect::<Vec<_>>(), [&1]);
        let mut beside = plantation("fn f() { a @+ b; there } fn g() { @c }", &[(Genre::Binary, "*"), (Genre::Body, "()")]);
        beside.take_out(&[error(&beside, "c }")]).unwrap();
        assert_eq!(beside.out.keys().collect::<Vec<_>>(), [&2]);
    }

    #[test]
    fn what_a_body_returns_instead_may_be_of_another_type_alone() {
        let mut all = plantation("fn f() -> impl A { @a } fn g() -> B { @b }", &[(Genre::Body, "c"), (Genre::Body, "d")]);
        all.take_out(&[error(&all, "return c"), error(&all, "return d")]).unwrap();
        assert!(matches!(&all.out[&1], Out::Alone(_)) && matches!(&all.out[&2], Out::Unviable(_)));
    }

    #[test]
    fn test_binaries_are_told_apart() {
        let message = |kind: &str, name: &str| json!({ "executable": "/x", "target": { "kind": [kind], "name": name } });
        assert_eq!(binary(&message("lib", "a")), Some((true, Binary { name: "lib".into(), path: "/x".into() })));
        assert_eq!(binary(&message("test", "all")), Some((false, Binary { name: "all".into(), path: "/x".into() })));
        assert_eq!(binary(&json!({ "executable": null })), None);
    }
}
