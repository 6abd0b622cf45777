//! How channels of a case wait, and what they must be told for it.

use serde::{Deserialize, Serialize};
use silico_driver::channel::WaitMode;

/// Longest polling of a hybrid wait, in ns.
const HYBRID_POLL_NS: u64 = 2_000;

/// How a wait waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WaitKind {
    Poll,
    Interrupt,
    Hybrid,
}

/// Coalescing (count, clocks), with a timer where less than it waits for may be the last; `None`: no interrupts.
pub(super) fn coalescing(wanted: Option<(u32, u32)>, wait: WaitKind) -> Option<(u32, u32)> {
    let needed = wanted.or((wait != WaitKind::Poll).then_some((1, 0)));
    needed.map(|(count, time)| (count, if count > 1 { time.max(1) } else { time }))
}

/// The driver's mode for a wait of this kind: without interrupts, all poll.
pub(super) const fn wait_mode(kind: WaitKind, interrupts: bool) -> WaitMode {
    match kind {
        _ if !interrupts => WaitMode::Poll,
        WaitKind::Poll => WaitMode::Poll,
        WaitKind::Interrupt => WaitMode::Interrupt,
        WaitKind::Hybrid => WaitMode::Hybrid { max_poll_ns: HYBRID_POLL_NS },
    }
}
