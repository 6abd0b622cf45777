//! An MSI-X message is lost on its way to the host.

use super::Planted;
use super::classify::{WriteKind, classify};
use silico_spec::params::DataWidth;
use silico_spec::port::{Response, Stimulus, TlpPort};
use silico_spec::units::{Cycle, Cycles};

/// The Nth interrupt message never comes out.
#[derive(Debug)]
pub struct DropInterrupt<P> {
    inner: P,
    left: u64,
    planted: Planted,
}

impl<P: TlpPort> DropInterrupt<P> {
    /// `nth` counts from 1.
    pub fn new(inner: P, nth: u64, planted: Planted) -> Self {
        Self { inner, left: nth, planted }
    }
}

impl<P: TlpPort> TlpPort for DropInterrupt<P> {
    fn width(&self) -> DataWidth {
        self.inner.width()
    }

    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        self.inner.run(now, limit, stimulus, response);
        if self.left == 0 || !response.tlp_done || classify(&response.tlp) != WriteKind::Interrupt {
            return;
        }
        self.left -= 1;
        if self.left == 0 {
            // The clocks have passed; what came in them has not.
            response.tlp_done = false;
            self.planted.at(now.0 + response.clocks.0 - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, interrupt, payload, sent};
    use super::*;

    #[test]
    fn the_nth_interrupt_and_nothing_else_is_missing() {
        let tlps = vec![interrupt(0), payload(0x1000, 1), interrupt(1), interrupt(2)];
        let planted = Planted::default();
        let got = sent(DropInterrupt::new(Script::new(tlps.clone()), 2, planted.clone()), 4);
        assert_eq!(got, [tlps[0].clone(), tlps[1].clone(), tlps[3].clone()]);
        assert_eq!(planted.cycle(), Some(2));
    }
}
