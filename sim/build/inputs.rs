//! Teaches a Verilated card to leave out what only its inputs decide while they have not changed, which the bridge tells it by `silico_changed`.
//!
//! Verilator evaluates that logic in every call of `eval`, since it does not compare inputs: twice a clock, once for each edge, which is more than half of
//! all that the card costs. One assignment is changed: that by which the loop over this logic (`ico`) begins. It holds with both Verilators that we know; of
//! another one nothing is changed, and its card is as it was, and slower.

use std::fs;
use std::path::Path;

/// How the loop begins, in each generation of Verilator, and how it begins then.
const BEGINNINGS: [(&str, &str); 2] = [
    // 5.006: nothing but a change within the card counts where the first pass has been.
    ("    vlSelf->__VicoIterCount = 0U;\n", "    vlSelf->__VicoIterCount = !vlSelf->silico_changed;\n"),
    // 5.048
    ("    vlSelfRef.__VicoFirstIteration = 1U;\n", "    vlSelfRef.__VicoFirstIteration = vlSelfRef.silico_changed;\n"),
];

/// Changes the card in `folder`. Whether it could: else all is as it was.
pub(super) fn teach(folder: &Path, name: &str) -> Result<bool, String> {
    let header = folder.join(format!("V{name}___024root.h"));
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("can't read {}: {error}", path.display()));
    let write = |path: &Path, text: &str| fs::write(path, text).map_err(|error| format!("can't write {}: {error}", path.display()));
    let mut files: Vec<_> = fs::read_dir(folder)
        .map_err(|error| format!("can't read {}: {error}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cpp"))
        .collect();
    files.sort();
    // One place, and no other, or it is not what it is taken for.
    let mut places = Vec::new();
    for file in files {
        let text = read(&file)?;
        for (find, put) in BEGINNINGS {
            places.extend(text.match_indices(find).map(|_| (file.clone(), text.replace(find, put))));
        }
    }
    let ([(file, text)], Some(root)) = (places.as_slice(), with_field(&read(&header)?, name)) else { return Ok(false) };
    write(&header, &root)?;
    write(file, text)?;
    Ok(true)
}

/// The header of a card, with the field.
fn with_field(text: &str, name: &str) -> Option<String> {
    let class = text.find(&format!("V{name}___024root final"))?;
    let public = "  public:\n";
    let at = class + text[class..].find(public)? + public.len();
    Some(format!("{}    bool silico_changed = true;\n{}", &text[..at], &text[at..]))
}
