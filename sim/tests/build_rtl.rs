//! What the build script says when something is wrong: Verilator absent, broken, too old, or not itself; RTL that it does not take; a port that is not as the
//! bridge takes it. By stand-ins for Verilator, so that neither it nor a C++ compiler is needed.
#![cfg(unix)]

use rstest::rstest;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "../src/variants.rs"]
mod variants;

#[path = "../build/inputs.rs"]
mod inputs;
#[path = "../build/verilated.rs"]
mod verilated;
#[path = "../build/verilator.rs"]
mod verilator;

use variants::VARIANTS;
use verilated::Verilated;
use verilator::Verilator;

/// As in the build script.
const VERILATOR: &str = "SILICO_VERILATOR";

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).expect("a folder for this test");
    folder
}

/// A program that says `version`, has an include folder, and does `rest` for all else.
fn stand_in(name: &str, version: &str, rest: &str) -> OsString {
    let (folder, root) = (folder(name), folder(name).join("root"));
    fs::create_dir_all(root.join("include")).expect("a folder");
    fs::write(root.join("include/verilated.h"), "").expect("a file");
    let program = folder.join("verilator");
    let text = format!("#!/bin/sh\ncase \"$1\" in\n--version) {version} ;;\n--getenv) echo '{}' ;;\n*) {rest} ;;\nesac\n", root.display());
    // Copied by a child: were it open to write here, a child that another test starts in that moment would hold it open too, and it could not be run
    // ("text file busy").
    let source = folder.join("source");
    fs::write(&source, text).expect("a file");
    fs::set_permissions(&source, fs::Permissions::from_mode(0o755)).expect("it may run");
    fs::remove_file(&program).ok();
    assert!(Command::new("cp").arg(&source).arg(&program).status().expect("cp runs").success());
    program.into()
}

fn refused(program: OsString) -> String {
    Verilator::find(Some(program)).err().expect("it is refused")
}

#[rstest]
#[case("old", "echo 'Verilator 4.228 2022-10-01 rev'", "Verilator 4.228 is too old: the feature `rtl` needs 5.006 or newer")]
#[case("other", "echo 'GNU Make 4.3'", "says `GNU Make 4.3`, which is no version of Verilator")]
#[case("broken", "echo 'no such library' >&2; exit 3", "--version` fails (exit status: 3): no such library; set SILICO_VERILATOR")]
fn a_verilator_that_will_not_do_is_told_apart(#[case] name: &str, #[case] version: &str, #[case] what: &str) {
    let program = stand_in(name, version, "exit 1");
    let said = refused(program.clone());
    assert!(said.contains(what), "{said}");
    // Named, so that one knows which of several it is.
    assert!(said.contains(&*program.to_string_lossy()), "{said}");
}

#[test]
fn an_absent_verilator_names_what_installs_it() {
    let said = refused("/nowhere/verilator".into());
    assert!(
        said.contains("there is no `/nowhere/verilator`") && said.contains("cargo xtask setup") && said.contains("SILICO_VERILATOR"),
        "{said}"
    );
}

#[test]
fn newer_ones_will_do() {
    for (name, version) in
        [("floor", "5.006 2023-01-22 rev (Debian 5.006-3)"), ("newer", "5.048 2026-01-01 rev vUNKNOWN"), ("next", "6.0 rev")]
    {
        let program = stand_in(name, &format!("echo 'Verilator {version}'"), "exit 1");
        assert_eq!(Verilator::find(Some(program)).expect("it is taken").text, format!("Verilator {version}"));
    }
    let unnumbered = stand_in("unnumbered", "echo ' rev vUNKNOWN-built20260516'", "exit 1");
    assert_eq!(Verilator::find(Some(unnumbered)).expect("it is taken").text, "rev vUNKNOWN-built20260516");
}

#[test]
fn rtl_that_is_not_taken_gives_the_first_error() {
    let program = stand_in("refuses", "echo 'Verilator 5.006'", "echo '%Error: rtl/x.sv:7:3: syntax error' >&2; exit 1");
    let verilator = Verilator::find(Some(program)).expect("it is taken");
    assert!(verilator.root.join("include").is_dir());
    let said = verilator.run(&VARIANTS[0], &[], Path::new("rtl"), &folder("refuses").join("out"), &["--assert"]).expect_err("it fails");
    assert!(said.contains("(variant w256, Verilator 5.006)") && said.ends_with("%Error: rtl/x.sv:7:3: syntax error"), "{said}");
}

/// Name, whether the card drives it, bits.
type Port = (&'static str, bool, u32);

/// What Verilator 5.006 writes for these ports, read again.
fn verilated(name: &str, ports: &[Port]) -> Verilated {
    written(name, ports, "\t").expect("it is read")
}

/// What a Verilator writes that indents the names of files by `indent`.
fn written(name: &str, ports: &[Port], indent: &str) -> Result<Verilated, String> {
    let (folder, variant) = (folder(name), VARIANTS[0].name);
    let line = |(port, driven, bits): &Port| {
        let (kind, words) = (if *driven { "OUT" } else { "IN" }, bits.div_ceil(32));
        match bits {
            1..=8 => format!("    VL_{kind}8(&{port},{},0);\n", bits - 1),
            9..=64 => format!("    VL_{kind}(&{port},{},0);\n", bits - 1),
            _ => format!("    VL_{kind}W(&{port},{},0,{words});\n", bits - 1),
        }
    };
    fs::write(folder.join(format!("V{variant}.h")), ports.iter().map(line).collect::<String>()).expect("a file");
    let classes = format!(
        "VM_CLASSES_FAST += \\\n{indent}V{variant} \\\n\nVM_CLASSES_SLOW += \\\n{indent}V{variant}__Slow \\\n\nVM_GLOBAL_FAST += \\\n{indent}verilated \\\n"
    );
    fs::write(folder.join(format!("V{variant}_classes.mk")), classes).expect("a file");
    Verilated::read(&folder, &VARIANTS[0])
}

/// 5.048 indents by blanks. Nothing was compiled then, and `ar` complained of a library that was not there.
#[test]
fn files_are_found_however_their_names_are_indented() {
    for (name, indent) in [("tabs", "\t"), ("blanks", "  ")] {
        let read = written(name, &VARIANTS[0].ports(), indent).expect("it is read");
        assert!(read.fast[0].ends_with("Vw256.cpp") && read.slow[0].ends_with("Vw256__Slow.cpp"));
        assert_eq!((read.fast.len(), read.slow.len()), (1, 1));
    }
    let said = written("none", &VARIANTS[0].ports(), "").err().expect("it is refused");
    assert!(said.contains("Vw256_classes.mk of variant w256 names no files to compile"), "{said}");
}

#[test]
fn the_ports_are_as_the_bridge_takes_them() {
    let variant = &VARIANTS[0];
    let right = variant.ports().to_vec();
    let read = verilated("right", &right);
    read.check_ports(variant).expect("all is right");
    assert!(read.fast[0].ends_with("Vw256.cpp") && read.slow[0].ends_with("Vw256__Slow.cpp") && read.fast.len() + read.slow.len() == 2);

    let said = |name: &str, change: &dyn Fn(&mut Vec<Port>)| {
        let mut ports = right.clone();
        change(&mut ports);
        verilated(name, &ports).check_ports(variant).expect_err("it is refused")
    };
    let at = |ports: &[Port], name: &str| ports.iter().position(|port| port.0 == name).expect("a port");
    let absent = said("absent", &|ports| {
        ports.remove(at(ports, "rx_digest_i"));
    });
    assert!(absent.contains("has no port `rx_digest_i`") && absent.contains("input of 32 bits"), "{absent}");
    let narrow = said("narrow", &|ports| {
        let at = at(ports, "tx_bytes_o");
        ports[at].2 = 6;
    });
    assert!(narrow.contains("port `tx_bytes_o`") && narrow.contains("output of 6 bits") && narrow.contains("output of 7 bits"), "{narrow}");
    let turned = said("turned", &|ports| {
        let at = at(ports, "tx_ready_i");
        ports[at].1 = true;
    });
    assert!(turned.contains("port `tx_ready_i`") && turned.contains("is an output of 1 bits"), "{turned}");
    let more = said("more", &|ports| ports.push(("debug_o", true, 3)));
    assert!(more.contains("a port `debug_o`, an output of 3 bits, which the bridge does not know"), "{more}");
}

/// A card as a Verilator writes it: its class, and what stands in a file of it.
fn card(name: &str, class: &str, lines: &str) -> (PathBuf, bool) {
    let (folder, variant) = (folder(name), VARIANTS[0].name);
    fs::write(folder.join(format!("V{variant}___024root.h")), format!("{class} {{\n  public:\n    // CELLS\n}};\n")).expect("a file");
    fs::write(folder.join(format!("V{variant}___024root__0.cpp")), lines).expect("a file");
    let taught = inputs::teach(&folder, variant).expect("the files are there");
    (folder, taught)
}

#[rstest]
#[case(
    "taught-5006",
    "class Vw256___024root final : public VerilatedModule",
    "    vlSelf->__VicoIterCount = 0U;\n",
    "!vlSelf->silico_changed"
)]
#[case(
    "taught-5048",
    "class alignas(64) Vw256___024root final",
    "    vlSelfRef.__VicoFirstIteration = 1U;\n",
    "= vlSelfRef.silico_changed"
)]
fn a_card_is_taught_to_listen(#[case] name: &str, #[case] class: &str, #[case] line: &str, #[case] then: &str) {
    let (folder, taught) = card(name, class, line);
    assert!(taught);
    assert!(fs::read_to_string(folder.join("Vw256___024root__0.cpp")).expect("a file").contains(then));
    let header = fs::read_to_string(folder.join("Vw256___024root.h")).expect("a file");
    assert!(header.contains("  public:\n    bool silico_changed = true;\n    // CELLS"), "{header}");
}

#[rstest]
#[case("untaught-none", "class Vw256___024root final", "    vlSelf->another = 0U;\n")]
#[case("untaught-two", "class Vw256___024root final", "    vlSelf->__VicoIterCount = 0U;\n    vlSelf->__VicoIterCount = 0U;\n")]
#[case("untaught-class", "class Other", "    vlSelf->__VicoIterCount = 0U;\n")]
fn a_card_that_is_not_known_is_left_alone(#[case] name: &str, #[case] class: &str, #[case] lines: &str) {
    let (folder, taught) = card(name, class, lines);
    assert!(!taught);
    assert_eq!(fs::read_to_string(folder.join("Vw256___024root__0.cpp")).expect("a file"), lines);
    assert!(!fs::read_to_string(folder.join("Vw256___024root.h")).expect("a file").contains("silico_changed"));
}
