//! A byte of frame payload turns over on its way to the host.

use super::Planted;
use super::classify::{WriteKind, classify};
use silico_spec::frame::HEADER_BYTES;
use silico_spec::params::DataWidth;
use silico_spec::port::{Response, Stimulus, TlpPort};
use silico_spec::units::{Cycle, Cycles};

/// Flips all bits of the first byte of payload in the Nth write that has any.
#[derive(Debug)]
pub struct FlipByte<P> {
    inner: P,
    left: u64,
    planted: Planted,
}

impl<P: TlpPort> FlipByte<P> {
    /// `nth` counts from 1.
    pub fn new(inner: P, nth: u64, planted: Planted) -> Self {
        Self { inner, left: nth, planted }
    }
}

impl<P: TlpPort> TlpPort for FlipByte<P> {
    fn width(&self) -> DataWidth {
        self.inner.width()
    }

    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        self.inner.run(now, limit, stimulus, response);
        if self.left == 0 || !response.tlp_done {
            return;
        }
        let first = match classify(&response.tlp) {
            WriteKind::Payload => 0,
            WriteKind::FrameHeader(header) if header.length > 0 => HEADER_BYTES as usize,
            _ => return,
        };
        if first == response.tlp.payload().len() {
            return;
        }
        self.left -= 1;
        if self.left == 0 {
            // The first byte of the payload: the last ones may be padding, which nobody looks at.
            if let Some(byte) = response.tlp.payload_mut().get_mut(first) {
                *byte ^= 0xff;
                self.planted.at(now.0 + response.clocks.0 - 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, header, interrupt, payload, sent};
    use super::*;

    #[test]
    fn only_the_nth_payload_write_changes_and_it_reaches_the_far_side() {
        let tlps = vec![payload(0x1000, 1), header(0x1100, 0), interrupt(0), payload(0x1200, 2), payload(0x1300, 3)];
        let planted = Planted::default();
        let got = sent(FlipByte::new(Script::new(tlps.clone()), 2, planted.clone()), 5);
        for (i, (got, want)) in got.iter().zip(&tlps).enumerate() {
            let changed = got.payload().iter().zip(want.payload()).filter(|(a, b)| a != b).count();
            assert_eq!(changed, usize::from(i == 3), "TLP {i}");
        }
        assert_eq!(planted.cycle(), Some(3));
    }
}
