//! Host-to-card channels at the port: whatever a legal completer does, frames come out whole and in order; what is not legal is logged, stops
//! the channel it hits, and costs no tag.

mod beats;
mod ends;
mod errors;
mod frames;
mod joins;
mod loops;
mod progress;
mod views;

use crate::common::{BAR0, Bench, Fault, H2C_BLOCK, Host, MEMORY};
use proptest::prelude::*;
use rstest::rstest;
use silico_model::Card;
use silico_spec::crc::crc32c;
use silico_spec::credit::Limit;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::frame::{Flags, FrameHeader};
use silico_spec::generator::XorShift64;
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::TlpPort;
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::tlp::Kind;
use silico_spec::units::Cycle;
use silico_spec::writeback::{ChannelError, ChannelState, WriteBack};

const STREAM: u32 = 0;
const SINK: u32 = 1;
const LOOPBACK: u32 = 2;
const WRITE_BACK: u32 = 1 << 2;
const END: u32 = DescriptorFlags::END_OF_FRAME;
/// Where payload lies in the bench's memory.
const PAYLOAD: u64 = 0x9_0000;

fn bench(params: CardParams, seed: u64) -> Bench<Card> {
    around(Card::new(params.clone()).unwrap(), &params, seed)
}

/// As [`bench`], with the card in something else.
fn around<P: TlpPort>(card: P, params: &CardParams, seed: u64) -> Bench<P> {
    let mut bench = Bench::new(card, params);
    bench.bring_up(params.msix_vectors);
    bench.set_sizes(1, 2);
    bench.enable();
    let mut random = XorShift64::new(seed | 1);
    for byte in &mut bench.memory[PAYLOAD as usize..0xe_0000] {
        *byte = random.step() as u8;
    }
    let mut host = Host::new(seed | 1);
    (host.limits.max_payload, host.limits.max_read_request) = (256, 512);
    bench.host = Some(host);
    bench
}

fn descriptor(at: u64, length: u32, flags: u32) -> H2cDescriptor {
    H2cDescriptor { address: MEMORY + PAYLOAD + at, length, flags: DescriptorFlags(flags), cookie: 0xc00c_0000 + at }
}

/// What the descriptors say is to come out: bytes, and the ends of frames in them.
fn expected(bench: &Bench<Card>, descriptors: &[H2cDescriptor]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for descriptor in descriptors {
        let at = (descriptor.address - MEMORY) as usize;
        bytes.extend_from_slice(&bench.memory[at..at + descriptor.length as usize]);
        if descriptor.flags.contains(END) {
            ends.push(bytes.len());
        }
    }
    (bytes, ends)
}

/// Gives all descriptors of a run as the ring has room, and waits until they are done.
fn submit<P: TlpPort>(bench: &mut Bench<P>, channel: u32, entries: u32, descriptors: &[H2cDescriptor]) {
    let mut given = 0;
    for _ in 0..20_000 {
        let done = bench.h2c_get64(channel, h2c::DONE);
        let upto = (done + u64::from(entries)).min(descriptors.len() as u64);
        if upto > given {
            for index in given..upto {
                bench.put(channel, entries, index, &descriptors[index as usize]);
            }
            given = upto;
            bench.h2c_set64(channel, h2c::TAIL, given);
        }
        if done == descriptors.len() as u64 {
            return;
        }
        assert_eq!(bench.h2c_get32(channel, h2c::ERROR), 0);
        bench.run(200);
    }
    panic!("{} of {} descriptors done", bench.h2c_get64(channel, h2c::DONE), descriptors.len());
}

fn start<P: TlpPort>(bench: &mut Bench<P>, channel: u32, entries: u32, config: u32) {
    bench.set_up_h2c(channel, entries, config);
    bench.h2c_set32(channel, h2c::CONTROL, 1);
}

fn state(bench: &mut Bench<Card>, channel: u32) -> u64 {
    let status = bench.h2c_get32(channel, h2c::STATUS);
    h2c::status::STATE.get(status.into())
}

fn tags_in_use(bench: &mut Bench<Card>) -> u64 {
    card::read_tags::IN_USE.get(bench.read(BAR0 + u64::from(card::READ_TAGS), 4))
}
