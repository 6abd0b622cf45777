//! What `--stress` and `--link-errors` mean for the machine. Only what PCI Express allows: a sound card and driver must not notice, but for the delay.

use crate::cli::options::StressKind;
use silico_sim::{CompletionSplit, Distribution, LinkErrors, MachineConfig, Ordering, Stalls, Starvation, Torn};
use silico_spec::units::Cycles;

/// Makes one thing hard.
pub(super) fn apply(kind: StressKind, machine: &mut MachineConfig) {
    let (link, host) = (&mut machine.link, &mut machine.host);
    match kind {
        StressKind::Order => {
            (host.reorder, host.split) = (true, CompletionSplit::Random);
            let relaxed_latency = Some(Distribution::Uniform { min: 0, max: 2000 });
            host.ordering = Ordering { relaxed_writes: true, relaxed_latency, relaxed_completions: true, arbitrate: true, late: 2000 };
        }
        StressKind::Torn => host.torn = Some(Torn::default()),
        StressKind::Credits => {
            *link = link.clone().with_minimal_credits();
            link.starvation = Starvation::Withhold { per_mille: 100, longest: Cycles(400) };
        }
        StressKind::Stalls => {
            (link.tx_stalls, link.rx_gaps) = (Stalls::Random { per_mille: 250 }, Stalls::Bursts { period: 96, longest: 40 });
            link.rx_pause = Distribution::Uniform { min: 0, max: 20 };
        }
        StressKind::Replay => link.dll.replay_tlps = Some(4),
    }
}

/// Damages so many of a million TLPs and DLLPs, both ways; 0: none.
pub(super) fn damage(per_million: u32, machine: &mut MachineConfig) {
    if per_million > 0 {
        let errors = LinkErrors::per_million(per_million);
        (machine.link.dll.to_host, machine.link.dll.to_card) = (errors, errors);
    }
}
