//! Verilates the variants that are asked for, and compiles each into a library of its own: what has not changed since is left as it is.

mod counters;
mod inputs;
mod verilated;
mod verilator;

use crate::variants::{VARIANTS, Variant};
use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::exit;
use verilated::Verilated;
use verilator::Verilator;

/// Where Verilator is, if not on the path.
const VERILATOR: &str = "SILICO_VERILATOR";
/// The variants to be built: names with commas, or `all`.
const WANTED: &str = "SILICO_RTL";
/// What of the RTL is counted while it runs: `line`, `toggle`, or both by a comma. Nothing, usually: toggles make it many times slower.
const COVERAGE: &str = "SILICO_RTL_COVERAGE";
/// Whether the RTL can tell of its inside, for waveforms: 0 or 1. It runs slower then, and takes longer to build.
const WAVES: &str = "SILICO_RTL_WAVES";
/// Whether assertions are built in: 0 or 1. Else they are in all profiles but `release`.
const ASSERT: &str = "SILICO_RTL_ASSERT";

/// One clear line, and no trace of this script.
fn fail(message: &str) -> ! {
    println!("cargo::error={message}");
    exit(1);
}

/// What all variants have in common.
struct Build {
    rtl: PathBuf,
    out: PathBuf,
    sources: Vec<PathBuf>,
    /// Verilator's options beyond those that it always gets.
    options: Vec<&'static str>,
    release: bool,
    verilator: Verilator,
    /// All that a variant depends on, but its parameters.
    stamp: u64,
}

pub(crate) fn main() {
    let rtl = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("Cargo says where")).join("../rtl");
    for name in [VERILATOR, WANTED, ASSERT, COVERAGE, WAVES, "VERILATOR_ROOT", "CXX", "CXXFLAGS"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    println!("cargo::rerun-if-changed={}", rtl.display());
    println!("cargo::rerun-if-changed=src/rtl");
    println!("cargo::rerun-if-changed=build");
    let wanted = wanted(env::var(WANTED).ok().as_deref()).unwrap_or_else(|why| fail(&why));
    let verilator = Verilator::find(env::var_os(VERILATOR)).unwrap_or_else(|why| fail(&why));
    let build = Build::new(rtl, verilator).unwrap_or_else(|why| fail(&why));
    let libraries: Vec<String> = wanted.iter().map(|variant| build.variant(variant).unwrap_or_else(|why| fail(&why))).collect();
    build.bridge(&wanted);
    libraries.iter().for_each(|library| println!("cargo::rustc-link-lib=static={library}"));
    println!("cargo::rustc-link-lib=static={}", build.runtime());
    println!("cargo::rustc-link-search=native={}", build.out.display());
    println!("cargo::rustc-link-lib=stdc++");
    println!("cargo::rustc-link-lib=pthread");
    let names: Vec<&str> = wanted.iter().map(|variant| variant.name).collect();
    println!("cargo::rustc-env=SILICO_RTL_BUILT={}", names.join(","));
    // For build scripts of those that depend on this crate: `DEP_SILICO_RTL_BUILT`.
    println!("cargo::metadata=BUILT={}", names.join(","));
    println!("cargo::rustc-env=SILICO_RTL_TELLS={}", u8::from(build.tells()));
}

/// The variants of a list.
fn wanted(list: Option<&str>) -> Result<Vec<Variant>, String> {
    let list = match list {
        None | Some("") => return Ok(vec![VARIANTS[0]]),
        Some("all") => return Ok(VARIANTS.to_vec()),
        Some(list) => list,
    };
    let find = |name: &str| {
        VARIANTS.iter().find(|variant| variant.name == name).copied().ok_or_else(|| {
            let names: Vec<&str> = VARIANTS.iter().map(|variant| variant.name).collect();
            format!("{WANTED} is `{list}`: there is no variant `{name}` of the RTL; there are {}, or `all`", names.join(", "))
        })
    };
    list.split(',').map(str::trim).map(find).collect()
}

/// Verilator's options for what is to be counted.
fn coverage() -> Result<Vec<&'static str>, String> {
    let asked = env::var(COVERAGE).unwrap_or_default();
    let words = asked.split(',').filter(|word| !word.is_empty());
    let options = |word: &str| match word {
        "line" => Ok(&["--coverage-line"][..]),
        // Of wider signals every bit would be a point: gigabytes of C++.
        "toggle" => Ok(&["--coverage-toggle", "--coverage-max-width", "32"][..]),
        _ => Err(format!("{COVERAGE} is `{asked}`; it must be line, toggle, or line,toggle")),
    };
    words.map(options).collect::<Result<Vec<_>, _>>().map(|options| options.concat())
}

/// A variable that is 0 or 1, if it is there.
fn switch(name: &str) -> Result<Option<bool>, String> {
    match env::var(name).as_deref() {
        Ok("0") => Ok(Some(false)),
        Ok("1") => Ok(Some(true)),
        Err(_) | Ok("") => Ok(None),
        Ok(other) => Err(format!("{name} is `{other}`; it must be 0 or 1")),
    }
}

/// Verilator's options for RTL that tells of its inside: members of structures by name, the widest bus whole, arrays where they are no memories.
const INSIDE: [&str; 6] = ["--trace", "--trace-structs", "--trace-max-array", "64", "--trace-max-width", "4096"];

/// The files in `silico.f`, packages first.
fn sources(rtl: &Path) -> Result<Vec<PathBuf>, String> {
    let list = rtl.join("silico.f");
    let text = fs::read_to_string(&list).map_err(|error| format!("can't read the list of RTL sources {}: {error}", list.display()))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).map(|line| rtl.join(line)).collect())
}

impl Build {
    fn new(rtl: PathBuf, verilator: Verilator) -> Result<Self, String> {
        let sources = sources(&rtl)?;
        let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
        let mut options = coverage()?;
        if switch(WAVES)?.unwrap_or(false) {
            options.extend(INSIDE);
        }
        let asserts = switch(ASSERT)?.unwrap_or(!release);
        options.extend(asserts.then_some("--assert"));
        let mut hash = DefaultHasher::new();
        for file in sources.iter().chain([&rtl.join("silico_assert.svh")]) {
            file.hash(&mut hash);
            fs::read(file).map_err(|error| format!("can't read the RTL source {}: {error}", file.display()))?.hash(&mut hash);
        }
        (&verilator.text, &options, release, env::var_os("CXX"), env::var_os("CXXFLAGS")).hash(&mut hash);
        // This script itself.
        (include_str!("mod.rs"), include_str!("verilator.rs"), include_str!("verilated.rs"), include_str!("inputs.rs")).hash(&mut hash);
        let out = PathBuf::from(env::var("OUT_DIR").expect("Cargo says where"));
        Ok(Self { rtl, out, sources, options, release, verilator, stamp: hash.finish() })
    }

    fn counts(&self) -> bool {
        self.options.iter().any(|option| option.starts_with("--coverage"))
    }

    fn tells(&self) -> bool {
        self.options.contains(&INSIDE[0])
    }

    /// A compiler of Verilated C++ into `folder`.
    fn compiler(&self, folder: &Path, opt: u32) -> cc::Build {
        let mut build = cc::Build::new();
        let include = self.verilator.root.join("include");
        build.cpp(true).std("c++17").opt_level(opt).warnings(false).out_dir(folder).cargo_metadata(false);
        // Nobody steps through what Verilator wrote, and its debugging information costs much of the build.
        build.debug(false);
        build.include(folder).include(&include).include(include.join("vltstd"));
        self.define(&mut build);
        build
    }

    fn define(&self, build: &mut cc::Build) {
        for (name, value) in [
            ("VERILATOR", "1"),
            ("VM_SC", "0"),
            ("VM_TIMING", "0"),
            ("VM_COVERAGE", if self.counts() { "1" } else { "0" }),
            ("VM_TRACE", if self.tells() { "1" } else { "0" }),
            ("VM_TRACE_FST", "0"),
            ("VM_TRACE_VCD", if self.tells() { "1" } else { "0" }),
            ("VM_TRACE_SAIF", "0"),
            // What it says goes to us, and a failed assertion does not end the process.
            ("VL_USER_STOP", "1"),
            ("VL_USER_FATAL", "1"),
            ("VL_PRINTF", "silico_rtl_print"),
        ] {
            build.define(name, value);
        }
        build.define("VL_TIME_CONTEXT", None).flag_if_supported("-faligned-new").flag_if_supported("-fcf-protection=none");
        build.flag("-include").flag(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rtl/print.h").to_str().expect("a path in UTF-8"));
    }

    /// A library of one variant. Its name.
    fn variant(&self, variant: &Variant) -> Result<String, String> {
        let (folder, name) = (self.out.join(variant.name), format!("silico_rtl_{}", variant.name));
        let (stamp, mut hash) = (folder.join("stamp"), DefaultHasher::new());
        (self.stamp, variant.parameters()).hash(&mut hash);
        let key = format!("{:016x}", hash.finish());
        if fs::read_to_string(&stamp).is_ok_and(|text| text == key) {
            return Ok(name);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| format!("can't remove {}: {error}", folder.display()))?;
        }
        self.verilator.run(variant, &self.sources, &self.rtl, &folder, &self.options)?;
        let verilated = Verilated::read(&folder, variant)?;
        verilated.check_ports(variant)?;
        if !inputs::teach(&folder, variant.name)? {
            println!("cargo::warning=what {} makes is not known here: the RTL runs, but slower (sim/build/inputs.rs)", self.verilator.text);
        }
        // What runs once is compiled quickly, what runs in each clock well.
        let fast = self.compiler(&folder, if self.release { 3 } else { 2 }).files(verilated.fast).compile_intermediates();
        let slow = self.compiler(&folder, u32::from(self.release)).files(verilated.slow).compile_intermediates();
        self.compiler(&self.out, 0).objects(fast).objects(slow).compile(&name);
        fs::write(&stamp, key).map_err(|error| format!("can't write {}: {error}", stamp.display()))?;
        Ok(name)
    }

    /// Verilator's own library, once for all variants.
    fn runtime(&self) -> &'static str {
        let (folder, name) = (self.out.join("runtime"), "silico_rtl_runtime");
        let (stamp, key) = (
            folder.join("stamp"),
            format!(
                "savable {} {} {} {} {:?} {:?}",
                self.verilator.text,
                self.release,
                self.counts(),
                self.tells(),
                env::var_os("CXX"),
                env::var_os("CXXFLAGS")
            ),
        );
        if fs::read_to_string(&stamp).is_ok_and(|text| text == key) {
            return name;
        }
        let include = self.verilator.root.join("include");
        let files = ["verilated.cpp", "verilated_threads.cpp", "verilated_save.cpp"]
            .into_iter()
            .chain(self.counts().then_some("verilated_cov.cpp"));
        let files = files.chain(self.tells().then_some("verilated_vcd_c.cpp"));
        let objects = self.compiler(&folder, 2).files(files.map(|file| include.join(file))).compile_intermediates();
        self.compiler(&self.out, 0).objects(objects).compile(name);
        if let Err(error) = fs::write(&stamp, key) {
            fail(&format!("can't write {}: {error}", stamp.display()));
        }
        name
    }

    /// The bridge, and a list of the variants for it.
    fn bridge(&self, wanted: &[Variant]) {
        let includes: String =
            wanted.iter().map(|variant| format!("#include \"V{0}.h\"\n#include \"V{0}___024root.h\"\n", variant.name)).collect();
        let cases: String = wanted
            .iter()
            .map(|v| {
                format!(
                    "    if (variant == \"{0}\") return std::make_unique<CardOf<V{0}, {1}, {2}, {3}>>();\n",
                    v.name,
                    v.width / 32,
                    v.c2h,
                    v.h2c
                )
            })
            .collect();
        let write = |file: &str, text: String| {
            let path = self.out.join(file);
            // Written anew only if it differs: all else would be compiled again.
            if fs::read_to_string(&path).is_ok_and(|old| old == text) {
                return;
            }
            fs::write(&path, text).unwrap_or_else(|error| fail(&format!("can't write {}: {error}", path.display())));
        };
        let counting = |variant: &Variant| {
            let known = counters::visitor(&self.out.join(variant.name), variant).unwrap_or_else(|why| fail(&why));
            if known.is_none() {
                println!(
                    "cargo::warning=the counters of variant {} are not where they should be: it does not leap (sim/build/counters.rs)",
                    variant.name
                );
            }
            known.unwrap_or_default()
        };
        write("variants.h", includes);
        write("counting.inc", wanted.iter().map(counting).collect());
        write("make.inc", cases);
        let include = self.verilator.root.join("include");
        let mut build = cxx_build::bridge("src/rtl/ffi.rs");
        build
            .files(["src/rtl/card.cpp", "src/rtl/bare.cpp"])
            .include("src/rtl")
            .include(&self.out)
            .include(&include)
            .include(include.join("vltstd"));
        build.includes(wanted.iter().map(|variant| self.out.join(variant.name)));
        self.define(&mut build);
        build.std("c++17").opt_level(if self.release { 3 } else { 2 }).warnings(false);
        build.compile("silico_rtl");
    }
}
