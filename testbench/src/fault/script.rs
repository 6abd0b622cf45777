//! A port that sends given TLPs, one a clock: the inside of a middleware under test.

use silico_spec::frame::FrameHeader;
use silico_spec::params::DataWidth;
use silico_spec::port::{Response, Stimulus, TlpBuf, TlpPort};
use silico_spec::tlp::{Header, Kind};
use silico_spec::units::{Bdf, BusAddr, Cycle, Cycles, Dwords, Tag};
use std::collections::VecDeque;

pub(super) struct Script(VecDeque<TlpBuf>);

impl Script {
    pub(super) fn new(tlps: Vec<TlpBuf>) -> Self {
        Self(tlps.into())
    }
}

impl TlpPort for Script {
    fn width(&self) -> DataWidth {
        DataWidth::W256
    }

    fn run(&mut self, _now: Cycle, _limit: Cycles, _stimulus: &mut Stimulus, response: &mut Response) {
        response.clocks = Cycles(1);
        response.tlp_done = false;
        if let Some(tlp) = self.0.pop_front() {
            response.tlp = tlp;
            response.tlp_done = true;
        }
    }
}

/// What comes out of `port` in `clocks` clocks.
pub(super) fn sent(mut port: impl TlpPort, clocks: u64) -> Vec<TlpBuf> {
    let (mut stimulus, mut response, mut out) = (Stimulus::new(0), Response::default(), Vec::new());
    for now in 0..clocks {
        port.run(Cycle(now), Cycles(1), &mut stimulus, &mut response);
        if response.tlp_done {
            out.push(response.tlp.clone());
        }
    }
    out
}

fn write(address: u64, bytes: &[u8]) -> TlpBuf {
    let mut tlp = TlpBuf::new();
    tlp.set(Header::memory(Kind::MemWrite, Bdf::default(), Tag(0), BusAddr(address), Dwords(bytes.len() as u32 / 4)).0, bytes);
    tlp
}

pub(super) fn payload(address: u64, fill: u8) -> TlpBuf {
    write(address, &[fill; 64])
}

pub(super) fn header(address: u64, sequence: u64) -> TlpBuf {
    write(address, &FrameHeader { length: 64, sequence, ..FrameHeader::default() }.emit())
}

pub(super) fn interrupt(vector: u32) -> TlpBuf {
    write(0xfee0_0000, &vector.to_le_bytes())
}
