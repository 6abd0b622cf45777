//! Runs a property on many cases, and makes of a failure something that can be had again.
//!
//! Case `n` of a property depends on the seed, the property's name and `n` alone, so that one case can be run without those before it, and shrinks to the
//! same minimal case each time. Its seed, its number and the minimal case are printed; the last line is the command that runs it again.

use crate::on;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use silico::target::Target;
use std::fmt::Debug;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Cases of each property, if `SILICO_CASES` does not say.
const CASES: u32 = 60;
/// Simpler cases that are tried at most when a failure is shrunk, if `SILICO_SHRINK` does not say.
const SHRINK_STEPS: u32 = 800;

/// Which cases are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) cases: u32,
    /// Only this one.
    pub(crate) case: Option<u32>,
    /// Simpler cases that are tried at most.
    pub(crate) shrink: u32,
}

fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(_) => panic!("{name} is {text}; it must be a number"),
    }
}

impl Settings {
    /// From `SILICO_SEED` (1 if absent; `random` draws one), `SILICO_CASES`, `SILICO_CASE` and `SILICO_SHRINK`.
    pub(crate) fn from_env() -> Self {
        let random = std::env::var("SILICO_SEED").is_ok_and(|seed| seed == "random");
        let seed = if random { std::hash::RandomState::new().build_hasher().finish() } else { number("SILICO_SEED").unwrap_or(1) };
        Self {
            seed,
            cases: number("SILICO_CASES").unwrap_or(CASES),
            case: number("SILICO_CASE"),
            shrink: number("SILICO_SHRINK").unwrap_or(SHRINK_STEPS),
        }
    }
}

/// A case that fails.
#[derive(Clone, Debug)]
pub(crate) struct Failure<V> {
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) case: u32,
    pub(crate) minimal: V,
    pub(crate) reason: String,
}

impl<V: Debug> Failure<V> {
    /// The command that finds and shrinks it again.
    pub(crate) fn command(&self) -> String {
        format!("SILICO_SEED={} SILICO_CASE={} {}", self.seed, self.case, test_command(&self.name))
    }

    /// Everything, the command first and last.
    pub(crate) fn text(&self, more: &str) -> String {
        let Self { name, seed, case, minimal, reason } = self;
        let command = self.command();
        format!("{command}\nproperty {name}, seed {seed}, case {case}: {reason}\nminimal case: {minimal:#?}\n{more}{command}")
    }
}

/// The command that runs one property.
pub(crate) fn test_command(name: &str) -> String {
    let target = on::target();
    let (before, features) = match target {
        Target::Model => (String::new(), ""),
        // All variants, as a case is fitted to those that there are.
        _ => (format!("SILICO_ON={target} SILICO_RTL={} ", option_env!("SILICO_RTL").unwrap_or("w256")), " --features rtl"),
    };
    format!("{before}cargo test -p silico-testbench{features} --test properties -- --exact --include-ignored {name}")
}

/// Runs `property` on cases of `strategy` until one fails; that one is shrunk.
pub(crate) fn search<S: Strategy>(
    name: &str,
    settings: Settings,
    strategy: &S,
    property: impl Fn(&S::Value) -> Result<(), String>,
) -> Result<(), Failure<S::Value>> {
    let property = |value: &S::Value| on::limited(value, &property);
    let cases = settings.case.map_or(0..settings.cases, |case| case..case + 1);
    for case in cases {
        let config =
            Config { cases: 1, failure_persistence: None, max_shrink_iters: settings.shrink, source_file: None, ..Config::default() };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &case_seed(name, settings.seed, case));
        let mut runner = TestRunner::new_with_rng(config, rng);
        let result = match settings.shrink {
            0 => once(&mut runner, strategy, &property),
            _ => runner.run(strategy, |value| on::judged(property(&value)).map_err(TestCaseError::fail)),
        };
        match result {
            Ok(()) => {}
            Err(TestError::Abort(why)) => panic!("property {name}, case {case} could not be made: {why}"),
            Err(TestError::Fail(reason, minimal)) => {
                return Err(Failure { name: name.into(), seed: settings.seed, case, minimal, reason: reason.message().into() });
            }
        }
    }
    Ok(())
}

/// One case, as drawn: a runner that may not shrink asks a state machine's tree for its case twice, which the tree does not stand.
fn once<S: Strategy>(
    runner: &mut TestRunner,
    strategy: &S,
    property: &impl Fn(&S::Value) -> Result<(), String>,
) -> Result<(), TestError<S::Value>> {
    // As proptest does for each case of a run: drawn like this, a case is the same whether it is shrunk or not.
    let mut drawer = TestRunner::new_with_rng(runner.config().clone(), runner.new_rng());
    let value = strategy.new_tree(&mut drawer).map_err(TestError::Abort)?.current();
    let said = match catch_unwind(AssertUnwindSafe(|| on::judged(property(&value)))) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(text.unwrap_or_else(|| "panicked".into()))
        }
    };
    said.map_err(|reason| TestError::Fail(reason.into(), value))
}

/// 32 bytes for one case (splitmix64 over all that it depends on).
fn case_seed(name: &str, seed: u64, case: u32) -> [u8; 32] {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut state = name.bytes().chain(seed.to_le_bytes()).chain(case.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, fnv);
    let mut out = [0; 32];
    for word in out.as_chunks_mut::<8>().0 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        *word = (z ^ z >> 31).to_le_bytes();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn a_case_is_the_same_whether_it_may_shrink_or_not() {
        let drawn = |shrink| {
            let seen = RefCell::new(Vec::new());
            let settings = Settings { seed: 1, cases: 20, case: None, shrink };
            search("x", settings, &proptest::collection::vec(0_u64..1 << 60, 0..9), |value| {
                seen.borrow_mut().push(value.clone());
                Ok(())
            })
            .expect("nothing is false");
            seen.into_inner()
        };
        assert_eq!(drawn(0), drawn(10));
    }
}
