//! Relaxed ordering is set on payload, as far as nothing depends on the order.

use crate::common::{Bench, H2C_BLOCK, H2C_RING, Host, MEMORY};
use rstest::rstest;
use silico_model::Card;
use silico_spec::credit::Limits;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::frame::{Flags, FrameHeader};
use silico_spec::params::CardParams;
use silico_spec::registers::{c2h, h2c};
use silico_spec::tlp::{Attributes, Kind};
use silico_spec::units::Cycle;

const DROP_AND_RELAXED: u32 = 1 << 1 | 1 << 3;

/// A frame that is dropped when part of it has gone out leaves writes on their way. What is written to the same place afterwards must stay behind
/// them; what goes beyond is free again.
#[test]
fn what_overwrites_a_dropped_frame_is_not_relaxed() {
    let params = CardParams { fifo_bytes: 2048, ..CardParams::default() };
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(1);
    bench.enable();
    bench.set_up_ring(0, 0x4000, DROP_AND_RELAXED, 5000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(20);
    bench.feed(0, &[1; 4000], bench.now);
    bench.run(12);
    // The link takes nothing for a while: the FIFO runs full, the rest of the frame is dropped.
    bench.stimulus.tx_ready_at = Cycle(bench.now + 300);
    bench.run(200);
    bench.feed(0, &[2; 700], bench.now);
    bench.feed(0, &[3; 700], bench.now);
    bench.run(400);

    let header = FrameHeader::parse(bench.ring(0, 0, 32).try_into().unwrap()).unwrap();
    assert_eq!((header.length, header.flags), (700, Flags::DROPPED_BEFORE));
    let writes: Vec<_> = bench.sent.iter().filter(|sent| sent.header.address().0 >= MEMORY).collect();
    let lost = writes
        .iter()
        .filter(|sent| sent.payload[0] == 1 && sent.payload[31] == 1)
        .map(|sent| sent.header.address().0 + sent.payload.len() as u64);
    let lost = lost.max().expect("some of the first frame has gone out");
    let (mut strict, mut relaxed) = (0, 0);
    for sent in writes.iter().skip_while(|sent| sent.payload[31] == 1) {
        let overwrites = sent.header.address().0 < lost;
        assert_eq!(sent.header.attributes().relaxed, !overwrites, "{:?}, lost up to {lost:#x}", sent.header);
        strict += u32::from(overwrites);
        relaxed += u32::from(!overwrites);
    }
    assert!(strict > 0 && relaxed > 0, "{strict} and {relaxed}");
    assert!(writes[0].header.attributes().relaxed);
}

/// Device Control says what the function may set (PCIe 4.0 §7.5.3.4), a channel's configuration what it wants; payload has what both say, and what is told
/// of it (blocks, descriptors) is in order always.
#[rstest]
fn payload_has_the_attributes_that_are_wanted_and_allowed(
    #[values(false, true)] relaxed: bool,
    #[values(false, true)] no_snoop: bool,
    #[values(false, true)] relaxed_allowed: bool,
    #[values(false, true)] no_snoop_allowed: bool,
) {
    let params = CardParams::default();
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(1);
    bench.config_write(0x88, 2 << 12 | u32::from(relaxed_allowed) << 4 | u32::from(no_snoop_allowed) << 11);
    bench.enable();
    bench.host = Some(Host::new(3));
    let wanted = u32::from(relaxed) << 3 | u32::from(no_snoop) << 4;
    bench.set_up_ring(0, 0x4000, 1 << 2 | wanted, 5000);
    bench.set32(0, c2h::CONTROL, 1);
    // Stream, with blocks.
    bench.set_up_h2c(0, 8, 1 << 2 | wanted);
    bench.h2c_set32(0, h2c::CONTROL, 1);
    let from = bench.sent.len();
    bench.put(
        0,
        8,
        0,
        &H2cDescriptor { address: MEMORY + 0x9_0000, length: 700, flags: DescriptorFlags(DescriptorFlags::END_OF_FRAME), cookie: 0 },
    );
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.feed(0, &[1; 700], bench.now);
    bench.run(2000);
    let right = Attributes { relaxed: relaxed && relaxed_allowed, no_snoop: no_snoop && no_snoop_allowed, id_based: false };
    let mut seen = [0; 4];
    for sent in &bench.sent[from..] {
        let (kind, at) = (sent.header.kind(), sent.header.address().0.wrapping_sub(MEMORY));
        let (which, payload) = match (kind, at) {
            (Kind::MemWrite, 0..0x4000) => (0, true),
            (Kind::MemRead, 0x9_0000..) => (1, true),
            (Kind::MemWrite, 0xf_0000 | H2C_BLOCK) => (2, false),
            (Kind::MemRead, H2C_RING..0x9_0000) => (3, false),
            _ => continue,
        };
        seen[which] += 1;
        let attributes = sent.header.attributes();
        assert_eq!(attributes.relaxed, payload && right.relaxed, "{}", sent.header);
        if payload {
            assert_eq!(attributes, right, "{}", sent.header);
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

/// A frame that is dropped before anything of it went has left nothing on its way: the next one has nothing to stay behind.
#[test]
fn what_comes_after_a_frame_that_never_went_is_relaxed() {
    let params = CardParams { fifo_bytes: 2048, ..CardParams::default() };
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(1);
    bench.enable();
    bench.set_up_ring(0, 0x4000, DROP_AND_RELAXED, 5000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(20);
    let credits = std::mem::replace(&mut bench.stimulus.credits, Limits::NONE);
    bench.feed(0, &[1; 4000], bench.now);
    bench.run(200);
    bench.stimulus.credits = credits;
    let from = bench.sent.len();
    bench.feed(0, &[2; 20], bench.now);
    bench.run(50);
    let relaxed: Vec<_> = bench.sent[from..].iter().map(|sent| sent.header.attributes().relaxed).collect();
    assert_eq!((relaxed, bench.get64(0, c2h::DROPPED)), (vec![true], 1));
}
