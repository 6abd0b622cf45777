//! Relaxed ordering is set on payload, as far as nothing depends on the order.

use crate::common::{Bench, MEMORY};
use silico_model::Card;
use silico_spec::frame::{Flags, FrameHeader};
use silico_spec::params::CardParams;
use silico_spec::registers::c2h;
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
