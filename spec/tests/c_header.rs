//! The generated C header agrees with the generated Rust map: every offset, size, field and reset value, as C and as C++ compile it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use silico_spec::registers::{BLOCKS, MAP, Register};

/// A source that compiles only if the header says what the map says.
fn source() -> String {
    let mut text = String::from("#include <stddef.h>\n#include \"silico_card.h\"\n");
    let mut claim = |claim: String, what: &str| writeln!(text, "static_assert({claim}, \"{what}\");").unwrap();
    for register in MAP {
        let place = place(register);
        let Register { offset, .. } = register;
        claim(format!("offsetof(silico_card_t, {place}) == {offset:#x}"), &format!("offset of {place}"));
        claim(format!("sizeof(((silico_card_t *)0)->{place}) == {}", register.bytes()), &format!("size of {place}"));
        for info in register.fields {
            let name = format!("SILICO_CARD__{}__{}__{}", upper_block(register), upper_name(register), info.name.to_uppercase());
            claim(format!("{name}_bm == {:#x}ULL", info.field().mask()), &format!("mask of {name}"));
            claim(format!("{name}_bp == {}", info.low), &format!("position of {name}"));
            if !info.volatile {
                claim(format!("{name}_reset == {:#x}ULL", info.reset), &format!("reset of {name}"));
            }
        }
    }
    text
}

fn is_array(register: &Register) -> bool {
    MAP.iter().any(|other| (other.block, other.name) == (register.block, register.name) && other.element > 0)
}

fn block_is_array(register: &Register) -> bool {
    BLOCKS.iter().any(|block| block.name == register.block && block.count > 1)
}

/// The register as a member of the header's structure.
fn place(register: &Register) -> String {
    let index = if block_is_array(register) { format!("[{}]", register.index) } else { String::new() };
    let element = if is_array(register) { format!("[{}]", register.element) } else { String::new() };
    format!("{}{index}.{}{element}", register.block, register.name)
}

/// The block in the header's macros, where an X stands for an index.
fn upper_block(register: &Register) -> String {
    register.block.to_uppercase() + if block_is_array(register) { "X" } else { "" }
}

/// The register in the header's macros.
fn upper_name(register: &Register) -> String {
    register.name.to_owned() + if is_array(register) { "X" } else { "" }
}

/// Compiles `source`; what the compiler says if it refuses.
fn compile(compiler: &str, arguments: &[&str], source: &str) -> Result<(), String> {
    let mut child = Command::new(compiler)
        .args(arguments)
        .args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", concat!(env!("CARGO_MANIFEST_DIR"), "/../rtl/generated"), "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{compiler}: {error}; `cargo xtask setup` installs it"));
    // A compiler that refuses its arguments reads nothing: its own message tells more than a broken pipe.
    let _ = child.stdin.take().expect("stdin is piped").write_all(source.as_bytes());
    let output = child.wait_with_output().expect("the compiler ends");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn the_header_agrees_with_the_map_in_c() {
    compile("gcc", &["-std=gnu17", "-x", "c"], &source()).unwrap();
}

#[test]
fn the_header_agrees_with_the_map_in_cpp() {
    compile("g++", &["-std=gnu++17", "-x", "c++", "-Wno-invalid-offsetof"], &source()).unwrap();
}

#[test]
fn a_wrong_offset_is_refused() {
    let wrong = source().replacen("c2h[3].SW_COUNT) == 0x1620", "c2h[3].SW_COUNT) == 0x1624", 1);
    assert_ne!(wrong, source());
    let error = compile("gcc", &["-std=gnu17", "-x", "c"], &wrong).unwrap_err();
    assert!(error.contains("offset of c2h[3].SW_COUNT"), "{error}");
}
