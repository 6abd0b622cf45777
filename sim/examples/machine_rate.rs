//! What a TLP costs in the machine: wall-clock nanoseconds per 256-byte MWr of a card that does nothing else. Run with `--release`.

use silico_sim::{LinkConfig, Machine, MachineConfig};
use silico_spec::config::capabilities::standard_header;
use silico_spec::credit::{Class, Consumed, Limits, data_credits};
use silico_spec::params::DataWidth;
use silico_spec::port::{Response, Stimulus, TlpPort};
use silico_spec::tlp::{CompletionStatus, Header, Kind};
use silico_spec::units::{Bdf, BusAddr, Cycle, Cycles, Dwords, Tag};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const BYTES: u32 = 256;
const BUFFER: u64 = 1 << 20;

/// Answers config requests with zeros (or a PCI Express capability), then writes for ever to a buffer.
struct Writer {
    /// Bus address of the buffer; 0: do not write yet.
    target: Arc<AtomicU64>,
    offset: u64,
    used: Consumed,
    answer: Option<Header>,
    beats_left: u32,
}

impl Writer {
    fn config(&mut self, request: Header) {
        let read = request.kind() == Kind::CfgRead0;
        let status = if request.kind() == Kind::CfgRead1 { CompletionStatus::UnsupportedRequest } else { CompletionStatus::Success };
        let (requester, tag) = (request.requester(), request.tag());
        let mut header = Header::completion(read, request.destination(), status, 4, requester, tag, 0, Dwords(1));
        // The data rides in a place of the header that the wire does not carry.
        header.0[3] = match request.config_offset() {
            0 => 0x51c0_10dc,
            4 => 1 << 20,
            0x34 => 0x40,
            0x40 => standard_header(0x10, 0, 2),
            0x44 => 3,
            _ => 0,
        };
        self.answer = Some(header);
    }

    /// Skips to the TLP's last beat. Returns clocks, or `None` if there is nothing to send.
    fn send(&mut self, now: Cycle, limit: u64, stimulus: &Stimulus, response: &mut Response) -> Option<u64> {
        let start = stimulus.tx_ready_at.since(now).0;
        if let Some(mut answer) = self.answer.take() {
            let data = std::mem::take(&mut answer.0[3]).to_le_bytes();
            response.tlp.set(answer.0, if answer.has_data() { &data } else { &[] });
            response.tlp_first = Cycle(now.0 + start);
            return Some(start + 1);
        }
        let target = self.target.load(Ordering::Relaxed);
        if self.beats_left == 0 {
            let data = data_credits(BYTES);
            if target == 0 || !self.used.allows(stimulus.credits.of(Class::Posted), data) {
                return None;
            }
            self.used.take(data);
            self.beats_left = DataWidth::W256.beats(BYTES);
            response.tlp_first = Cycle(now.0 + start.max(1));
        }
        let clocks = start + u64::from(self.beats_left);
        if clocks > limit {
            self.beats_left -= limit.saturating_sub(start) as u32;
            return None;
        }
        self.beats_left = 0;
        let header = Header::memory(Kind::MemWrite, Bdf::from_bits(0x100), Tag(0), BusAddr(target + self.offset), Dwords(BYTES / 4));
        self.offset = (self.offset + u64::from(BYTES)) % BUFFER;
        response.tlp.header = header.0;
        response.tlp.set_len(BYTES as usize);
        response.tlp.payload_mut().fill((self.offset >> 8) as u8 | 1);
        Some(clocks)
    }
}

impl TlpPort for Writer {
    fn width(&self) -> DataWidth {
        DataWidth::W256
    }

    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        response.credits = Some(Limits::INFINITE);
        response.clocks = limit;
        if let Some(at) = stimulus.rx.front().map(|rx| rx.at).filter(|at| at.0 < now.0 + limit.0) {
            self.config(Header(stimulus.rx[0].tlp.header));
            stimulus.rx_done();
            response.clocks = Cycles(at.since(now).0 + 1);
        } else if let Some(clocks) = self.send(now, limit.0, stimulus, response) {
            response.clocks = Cycles(clocks);
            response.tlp_done = true;
        }
    }
}

fn main() {
    let target = Arc::new(AtomicU64::new(0));
    let writer = Writer { target: target.clone(), offset: 0, used: Consumed::default(), answer: None, beats_left: 0 };
    let config = MachineConfig { link: LinkConfig { max_payload: BYTES, ..LinkConfig::default() }, ..MachineConfig::default() };
    let mut machine = Machine::new(config, Box::new(writer), 0).expect("the configuration is legal");
    machine.enumerate().expect("the card answers");
    let region = machine.memory().alloc(BUFFER, 4096).expect("there is memory");
    let word = region.load64(0);
    target.store(region.bus_addr().0, Ordering::Relaxed);
    let mut best = f64::INFINITY;
    for _ in 0..9 {
        let (tlps, clocks, runs) = (machine.stats().to_host.mem_writes.tlps, machine.now(), machine.stats().runs);
        let start = Instant::now();
        machine.advance_to(clocks.after(Cycles(2_000_000)));
        let tlps = machine.stats().to_host.mem_writes.tlps - tlps;
        let ns = start.elapsed().as_nanos() as f64 / tlps as f64;
        best = best.min(ns);
        let gbps = tlps as f64 * f64::from(BYTES) * 8.0 / (2_000_000.0 * 4.0);
        println!("{ns:.1} ns per TLP, {:.2} runs per TLP, {gbps:.2} Gb/s simulated", (machine.stats().runs - runs) as f64 / tlps as f64);
    }
    println!("best {best:.1} ns per {BYTES}-byte MWr; first word {word:#x} -> {:#x}", region.load64(0));
    assert_eq!(machine.violation(), None);
}
