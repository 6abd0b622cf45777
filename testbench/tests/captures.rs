//! Every pcap at hand runs through: those of `vectors/`, and those of the folder that SILICO_CAPTURES names.

mod common;

use common::{silico, vectors};
use std::path::{Path, PathBuf};

fn pcaps(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            pcaps(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "pcap") {
            found.push(path);
        }
    }
}

fn run_all(folder: &Path) -> usize {
    let mut found = Vec::new();
    pcaps(folder, &mut found);
    for path in &found {
        let ran = silico(&[Path::new("run"), Path::new("--quiet"), path]);
        assert_eq!(ran.status, 0, "{}\n{}\n{}", path.display(), ran.stdout, ran.stderr);
    }
    found.len()
}

#[test]
fn the_vectors_run_through() {
    assert!(run_all(&vectors()) >= 1);
}

#[test]
fn captures_from_elsewhere_run_through() {
    let Some(folder) = std::env::var_os("SILICO_CAPTURES") else {
        eprintln!("SKIPPED: set SILICO_CAPTURES to a folder of pcap files to run them all");
        return;
    };
    let count = run_all(Path::new(&folder));
    assert!(count > 0, "SILICO_CAPTURES is {}; it must hold pcap files", folder.display());
}
