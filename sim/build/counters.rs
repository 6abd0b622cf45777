//! Finds in a Verilated card what only counts: registers that grow by themselves while nothing happens. **The list is here.** Nothing else looks at the counters
//! but the clock, which is what timers are compared with.
//!
//! Verilator names a register by where it is; one that it names otherwise is not found, and the card then passes each clock by itself.

use crate::variants::Variant;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// How many a variant has.
type Count = fn(&Variant) -> u32;

/// How the names of those registers end, and how many there are.
const COUNTERS: [(&str, Count); 3] = [
    // The card's clock: CYCLES, stamps, timers. It must be the first.
    ("silico_card__DOT__cycles_q", |_| 1),
    // Of the card: PERF_CYCLES, clocks without a credit or a tag.
    ("u_registers__DOT__perf_q", |_| 1),
    // Of each channel, of both directions: clocks in which it has nothing, no room, no credit; and BUSY.
    ("u_perf__DOT__perf_q", |variant| variant.c2h + variant.h2c),
];

/// A class of the card: its name, its fields, and the instances that it points to with their classes.
struct Class {
    name: String,
    fields: Vec<String>,
    instances: Vec<(String, String)>,
}

fn classes(folder: &Path, name: &str) -> Result<Vec<Class>, String> {
    let prefix = format!("V{name}_");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("can't read {}: {error}", folder.display()))?.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let Some(class) = file.strip_suffix(".h").filter(|class| class.starts_with(&prefix) && !class.ends_with("__Syms")) else {
            continue;
        };
        let text = fs::read_to_string(entry.path()).map_err(|error| format!("can't read {}: {error}", entry.path().display()))?;
        let (mut fields, mut instances) = (Vec::new(), Vec::new());
        for line in text.lines().filter_map(|line| line.trim().strip_suffix(';')) {
            let Some((kind, field)) = line.rsplit_once(' ') else { continue };
            if kind.starts_with("QData/*63:0*/") || kind.starts_with("VlWide<") {
                fields.push(field.to_owned());
            } else if let Some(class) = kind.strip_suffix('*').filter(|class| class.starts_with(&prefix)) {
                instances.push((field.to_owned(), class.to_owned()));
            }
        }
        found.push(Class { name: class.to_owned(), fields, instances });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// C++ that goes through the counters of a variant; `None`: they are not as they should be.
pub(super) fn visitor(folder: &Path, variant: &Variant) -> Result<Option<String>, String> {
    let (name, classes) = (variant.name, classes(folder, variant.name)?);
    let root = format!("V{name}___024root");
    let top = fs::read_to_string(folder.join(format!("V{name}.cpp"))).unwrap_or_default();
    let settle = format!("{root}___eval_settle");
    let Some(of_root) =
        classes.iter().find(|class| class.name == root).filter(|_| top.contains(&format!("void {settle}({root}* vlSelf);")))
    else {
        return Ok(None);
    };
    let mut places = Vec::new();
    for (end, count) in COUNTERS {
        let before = places.len();
        let ours = |class: &Class| class.fields.iter().filter(|field| field.ends_with(end)).cloned().collect::<Vec<_>>();
        places.extend(ours(of_root).into_iter().map(|field| format!("root->{field}")));
        for (instance, kind) in &of_root.instances {
            let fields = classes.iter().filter(|class| class.name == *kind).flat_map(ours);
            places.extend(fields.map(|field| format!("root->{instance}->{field}")));
        }
        if places.len() - before != count(variant) as usize {
            return Ok(None);
        }
    }
    let mut text = String::new();
    for class in classes.iter().filter(|class| !class.name.ends_with("_pkg")) {
        let _ = writeln!(text, "#include \"{}.h\"", class.name);
    }
    let visits: String = places.iter().map(|place| format!("        visit({place});\n")).collect();
    let _ = write!(
        text,
        "void {settle}({root}* vlSelf);\nnamespace silico {{\ntemplate <> struct Counting<V{name}> {{\n    static constexpr bool known = true;\n    \
         template <typename Visit> static void each({root}* root, Visit visit) {{\n{visits}    }}\n    \
         static void settle({root}* root) {{ {settle}(root); }}\n}};\n}}  // namespace silico\n"
    );
    Ok(Some(text))
}
