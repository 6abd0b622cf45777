//! Builds the card's RTL with Verilator, for the feature `rtl`; without it there is nothing to do, and no C++ is needed.

#[cfg(feature = "rtl")]
mod rtl {
    use std::env;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::{Command, exit};

    /// Where Verilator is, if not on the path.
    const VARIABLE: &str = "SILICO_VERILATOR";
    /// What of the RTL is counted while it runs: `line`, `toggle`, or both by a comma. Nothing, usually: toggles make it many times slower.
    const COVERAGE: &str = "SILICO_RTL_COVERAGE";
    /// The oldest that will do.
    const FLOOR: (u32, u32) = (5, 6);

    /// A card as it is built: its name, and its parameters where they are not the module's defaults.
    struct Variant {
        name: &'static str,
        parameters: &'static [(&'static str, u32)],
    }

    const VARIANTS: &[Variant] = &[Variant { name: "w256", parameters: &[] }];

    /// One clear line, and no trace of this script.
    fn fail(message: &str) -> ! {
        println!("cargo::error={message}");
        exit(1);
    }

    pub(super) fn build() {
        let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("Cargo says where")).join("../rtl");
        let out = PathBuf::from(env::var("OUT_DIR").expect("Cargo says where"));
        println!("cargo::rerun-if-env-changed={VARIABLE}");
        println!("cargo::rerun-if-env-changed={COVERAGE}");
        let coverage = coverage();
        println!("cargo::rerun-if-changed={}", root.display());
        println!("cargo::rerun-if-changed=src/rtl");
        let verilator = Verilator::find();
        let sources = sources(&root);
        let mut build = cxx_build::bridge("src/rtl/ffi.rs");
        let mut runtime = Vec::new();
        for variant in VARIANTS {
            let folder = out.join(variant.name);
            verilator.run(variant, &coverage, &sources, &root, &folder);
            let classes = Classes::read(&folder, variant);
            build.files(classes.ours.iter().map(|name| folder.join(format!("{name}.cpp"))));
            build.include(&folder);
            runtime = classes.runtime;
        }
        let include = verilator.root.join("include");
        build.files(runtime.iter().map(|name| include.join(format!("{name}.cpp"))));
        build.file("src/rtl/card.cpp").include("src/rtl").include(&include).include(include.join("vltstd"));
        for (name, value) in [
            ("VERILATOR", "1"),
            ("VM_SC", "0"),
            ("VM_TIMING", "0"),
            ("VM_COVERAGE", if coverage.is_empty() { "0" } else { "1" }),
            ("VM_TRACE", "0"),
            ("VM_TRACE_FST", "0"),
            ("VM_TRACE_VCD", "0"),
        ] {
            build.define(name, value);
        }
        build.define("VL_TIME_CONTEXT", None);
        build
            .std("c++17")
            .opt_level(if env::var("PROFILE").is_ok_and(|profile| profile == "release") { 3 } else { 1 })
            .warnings(false)
            .flag_if_supported("-faligned-new")
            .flag_if_supported("-fcf-protection=none");
        build.compile("silico_rtl");
        println!("cargo::rustc-link-lib=pthread");
    }

    /// Verilator's options for what is to be counted.
    fn coverage() -> Vec<&'static str> {
        let asked = env::var(COVERAGE).unwrap_or_default();
        let words = asked.split(',').filter(|word| !word.is_empty());
        let option = |word: &str| match word {
            "line" => "--coverage-line",
            "toggle" => "--coverage-toggle",
            _ => fail(&format!("{COVERAGE} is `{asked}`; it must be line, toggle, or line,toggle")),
        };
        words.map(option).collect()
    }

    /// The sources in `silico.f`, packages first.
    fn sources(root: &Path) -> Vec<PathBuf> {
        let list = root.join("silico.f");
        let text = fs::read_to_string(&list)
            .unwrap_or_else(|error| fail(&format!("can't read the list of RTL sources {}: {error}", list.display())));
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).map(|line| root.join(line)).collect()
    }

    struct Verilator {
        program: PathBuf,
        /// Holds `include`.
        root: PathBuf,
    }

    impl Verilator {
        fn find() -> Self {
            let asked = env::var_os(VARIABLE).map(PathBuf::from);
            let program = asked.clone().unwrap_or_else(|| "verilator".into());
            let version = Command::new(&program).arg("--version").output();
            let text = match &version {
                Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
                _ => fail(&format!(
                    "the feature `rtl` needs Verilator {}.{:03} or newer, and `{} --version` does not run: run `cargo xtask setup`, or set {VARIABLE} to the program",
                    FLOOR.0,
                    FLOOR.1,
                    program.display()
                )),
            };
            if let Some(found) = parse_version(&text)
                && found < FLOOR
            {
                fail(&format!(
                    "Verilator {}.{:03} is too old: the feature `rtl` needs {}.{:03} or newer ({})",
                    found.0,
                    found.1,
                    FLOOR.0,
                    FLOOR.1,
                    text.trim()
                ));
            }
            let root = env::var_os("VERILATOR_ROOT").map(PathBuf::from).or_else(|| Self::root_of(&program));
            let Some(root) = root.filter(|root| root.join("include/verilated.h").is_file()) else {
                fail(&format!("`{}` does not say where its include folder is (set VERILATOR_ROOT)", program.display()))
            };
            Self { program, root }
        }

        fn root_of(program: &Path) -> Option<PathBuf> {
            let output = Command::new(program).args(["--getenv", "VERILATOR_ROOT"]).output().ok()?;
            let text = String::from_utf8(output.stdout).ok()?;
            Some(PathBuf::from(text.trim())).filter(|path| path.is_dir())
        }

        fn run(&self, variant: &Variant, coverage: &[&str], sources: &[PathBuf], root: &Path, folder: &Path) {
            let mut command = Command::new(&self.program);
            command.args(["--cc", "--top-module", "silico_card", "--no-timing", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-O3"]);
            command.args(["--x-assign", "fast", "--x-initial", "fast", "--prefix"]).arg(format!("V{}", variant.name));
            command.arg("--Mdir").arg(folder).args(variant.parameters.iter().map(|(name, value)| format!("-G{name}={value}")));
            command.args(coverage).arg(format!("-I{}", root.display())).args(sources);
            match command.output() {
                Ok(output) if output.status.success() => {}
                Ok(output) => {
                    let text = String::from_utf8_lossy(&output.stderr);
                    let first = text.lines().find(|line| line.contains("%Error")).unwrap_or("no error named");
                    for line in text.lines().filter(|line| line.contains("%Error")).take(20) {
                        println!("cargo::warning={line}");
                    }
                    fail(&format!("Verilator does not take the RTL (variant {}): {first}", variant.name));
                }
                Err(error) => fail(&format!("can't run {}: {error}", self.program.display())),
            }
        }
    }

    fn parse_version(text: &str) -> Option<(u32, u32)> {
        let number = text.split_whitespace().nth(1)?;
        let (major, minor) = number.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    }

    /// What `V*_classes.mk` lists.
    struct Classes {
        ours: Vec<String>,
        runtime: Vec<String>,
    }

    impl Classes {
        fn read(folder: &Path, variant: &Variant) -> Self {
            let path = folder.join(format!("V{}_classes.mk", variant.name));
            let text = fs::read_to_string(&path).unwrap_or_else(|error| fail(&format!("can't read {}: {error}", path.display())));
            let (mut ours, mut runtime, mut into) = (Vec::new(), Vec::new(), 0);
            for line in text.lines() {
                if let Some((name, _)) = line.split_once(" += ") {
                    into = match name {
                        name if name.starts_with("VM_GLOBAL") => 2,
                        name if name.starts_with("VM_CLASSES") || name.starts_with("VM_SUPPORT") => 1,
                        _ => 0,
                    };
                } else if line.starts_with('\t') {
                    let file = line.trim().trim_end_matches('\\').trim();
                    match into {
                        1 if !file.is_empty() => ours.push(file.into()),
                        2 if !file.is_empty() => runtime.push(file.into()),
                        _ => {}
                    }
                }
            }
            Self { ours, runtime }
        }
    }
}

fn main() {
    #[cfg(feature = "rtl")]
    rtl::build();
}
