//! The catalogue: `testbench/mutants/*.mutants`, read strictly. Its README says how it is written.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::patch::Patch;

/// Where the catalogue is.
const FOLDER: &str = "testbench/mutants";

/// One bug.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mutant {
    /// Its name, unique.
    pub(crate) name: String,
    /// The file of the catalogue, without its ending: what part of the system it is in.
    pub(crate) area: String,
    /// What is wrong with it.
    pub(crate) what: String,
    /// The real bug that it stands for.
    pub(crate) like: String,
    /// What it does to which file.
    pub(crate) patches: Vec<(PathBuf, Patch)>,
}

/// Reads all of it, in the order of file names and lines.
///
/// # Errors
/// If a line is none of the format, or a mutant says too little.
pub(crate) fn read(root: &Path) -> Result<Vec<Mutant>> {
    read_in(root, FOLDER)
}

/// The same of another folder.
///
/// # Errors
/// The same.
pub(crate) fn read_in(root: &Path, folder: &str) -> Result<Vec<Mutant>> {
    let entries = fs::read_dir(root.join(folder)).with_context(|| format!("can't read {folder}"))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|ending| ending == "mutants"));
    files.sort();
    let mut all: Vec<Mutant> = Vec::new();
    for path in files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
        all.extend(parse(&name, &text).with_context(|| format!("{folder}/{name}.mutants"))?);
    }
    for (at, mutant) in all.iter().enumerate() {
        ensure!(all[..at].iter().all(|other| other.name != mutant.name), "two mutants are called {}", mutant.name);
    }
    Ok(all)
}

fn parse(area: &str, text: &str) -> Result<Vec<Mutant>> {
    let mut all: Vec<Mutant> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        take(&mut all, area, line).with_context(|| format!("line {}: {line}", number + 1))?;
    }
    all.iter().try_for_each(check)?;
    Ok(all)
}

fn take(all: &mut Vec<Mutant>, area: &str, line: &str) -> Result<()> {
    if line.is_empty() || line.starts_with("# ") {
        return Ok(());
    }
    if let Some(name) = line.strip_prefix("mutant: ") {
        all.push(Mutant { name: name.into(), area: area.into(), ..Mutant::default() });
        return Ok(());
    }
    let mutant = all.last_mut().context("a `mutant: NAME` line comes first")?;
    match line.split_once(": ") {
        Some(("what", text)) => mutant.what = text.into(),
        Some(("like", text)) => mutant.like = text.into(),
        Some(("file", path)) => mutant.patches.push((path.into(), Patch::default())),
        _ => {
            let (_, patch) = mutant.patches.last_mut().context("a `file: PATH` line comes before the lines of a patch")?;
            if !patch.take(line) {
                bail!("a line is `mutant:`, `what:`, `like:`, `file:`, `- old`, `+ new`, `= both`, `# comment` or empty");
            }
        }
    }
    Ok(())
}

fn check(mutant: &Mutant) -> Result<()> {
    let said = !mutant.what.is_empty() && !mutant.like.is_empty() && !mutant.patches.is_empty();
    ensure!(said, "mutant {} must say `what:`, `like:` and at least one `file:`", mutant.name);
    let plain = mutant.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    ensure!(plain, "mutant {}: a name is of lower-case letters, digits and _", mutant.name);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# ring\nmutant: lap\nwhat: a\nlike: b\nfile: x.rs\n- one\n+ two\n";

    #[test]
    fn a_mutant_is_read_whole() {
        let all = parse("ring", GOOD).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].name.as_str(), all[0].area.as_str(), all[0].what.as_str(), all[0].like.as_str()), ("lap", "ring", "a", "b"));
        assert_eq!(all[0].patches[0].1.apply("one\n").unwrap(), "two\n");
    }

    #[test]
    fn each_bad_line_is_told() {
        for (text, why) in [
            ("what: a", "`mutant: NAME` line comes first"),
            ("mutant: a\n- x", "`file: PATH` line comes before"),
            ("mutant: a\nwhat: a\nlike: b\nfile: x\nnonsense", "a line is"),
            ("mutant: a\nwhat: a\n", "must say"),
            (&GOOD.replace("lap", "La p"), "a name is of"),
        ] {
            let error = format!("{:#}", parse("ring", text).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }

    /// A catalogue that no longer fits the tree is worth nothing: it is told at once, not when somebody runs it.
    #[test]
    fn the_catalogue_fits_the_tree() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let all = read(root).unwrap();
        assert!(all.len() >= 40, "{} mutants", all.len());
        let stale: Vec<String> = all.iter().flat_map(|mutant| misfits(root, mutant)).collect();
        assert!(stale.is_empty(), "{}", stale.join("\n"));
    }

    fn misfits(root: &Path, mutant: &Mutant) -> Vec<String> {
        let fits = |(path, patch): &(PathBuf, Patch)| -> Result<()> { patch.apply(&fs::read_to_string(root.join(path))?).map(drop) };
        mutant
            .patches
            .iter()
            .filter_map(|patch| fits(patch).err().map(|error| format!("{}, {}: {error}", mutant.name, patch.0.display())))
            .collect()
    }
}
