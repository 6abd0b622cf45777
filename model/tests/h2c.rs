//! Host-to-card channels at the port: whatever a legal completer does, frames come out whole and in order; what is not legal is logged, stops
//! the channel it hits, and costs no tag.

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
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
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
fn submit(bench: &mut Bench<Card>, channel: u32, entries: u32, descriptors: &[H2cDescriptor]) {
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

fn start(bench: &mut Bench<Card>, channel: u32, entries: u32, config: u32) {
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

#[rstest]
fn frames_of_all_sizes_and_alignments_come_out(
    #[values(0, 1, 3, 31, 32, 33, 64, 511, 512, 513, 4095, 4096, 5000)] size: u32,
    #[values(0, 1, 2, 3, 7, 4093)] offset: u64,
    #[values(DataWidth::W64, DataWidth::W256, DataWidth::W512)] width: DataWidth,
) {
    let mut bench = bench(CardParams { width, ..CardParams::default() }, size.into());
    start(&mut bench, 0, 5, STREAM | WRITE_BACK);
    let descriptors: Vec<_> = (0..7).map(|n| descriptor(offset + 6000 * n, size, END)).collect();
    submit(&mut bench, 0, 5, &descriptors);
    bench.run(500);
    let (bytes, ends) = expected(&bench, &descriptors);
    assert_eq!((&bench.stimulus.out[0].bytes, &bench.stimulus.out[0].ends), (&bytes, &ends));
    assert_eq!((bench.h2c_get64(0, h2c::FRAMES), bench.h2c_get64(0, h2c::BYTES)), (7, bytes.len() as u64));
    let at = H2C_BLOCK as usize;
    let block: Vec<u64> = bench.memory[at..at + 64].as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect();
    let block = WriteBack::parse(&block.try_into().unwrap()).unwrap();
    assert_eq!((block.hw_count, block.frames, block.state), (7, 7, ChannelState::Running as u8));
    assert_eq!(tags_in_use(&mut bench), 0);
}

#[rstest]
fn every_read_size_and_number_of_tags_will_do(
    #[values(0, 1, 3, 5)] mrrs: u32,
    #[values(1, 2, 256)] tags: u16,
    #[values(2, 3, 64)] entries: u32,
) {
    let mut bench = bench(CardParams { read_tags: tags, ..CardParams::default() }, 7);
    bench.set_sizes(1, mrrs);
    bench.host.as_mut().unwrap().limits.max_read_request = 128 << mrrs;
    start(&mut bench, 1, entries, STREAM);
    let descriptors: Vec<_> =
        (0..40).map(|n| descriptor(n * 777, (n * n * 7 % 3000) as u32 + 1, if n % 3 == 2 { END } else { 0 })).collect();
    let mut descriptors = descriptors;
    descriptors.push(descriptor(0, 0, END));
    submit(&mut bench, 1, entries, &descriptors);
    bench.run(300);
    let (bytes, ends) = expected(&bench, &descriptors);
    assert_eq!((&bench.stimulus.out[1].bytes, &bench.stimulus.out[1].ends), (&bytes, &ends));
    assert!(bench.host.as_ref().unwrap().most_open <= tags.into());
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    if tags == 1 {
        assert!(bench.read(BAR0 + u64::from(card::PERF_NO_TAG), 8) > 0 && bench.h2c_get64(1, h2c::PERF_NO_TAG) > 0);
    }
}

#[test]
fn without_extended_tags_no_more_than_thirty_two_are_used() {
    let mut bench = bench(CardParams::default(), 3);
    let express = bench.find_capability(0x10);
    bench.config_write(express + 8, 0x2810 & !0x100 | 1 << 5);
    let host = bench.host.as_mut().unwrap();
    (host.limits.tag_bits, host.delay) = (5, (2000, 0));
    start(&mut bench, 0, 16, SINK);
    submit(&mut bench, 0, 16, &[descriptor(0, 0x3_0000, END)]);
    assert_eq!(bench.host.as_ref().unwrap().most_open, 32);
}

#[test]
fn the_sink_tells_length_and_crc_of_the_last_frame() {
    let mut bench = bench(CardParams::default(), 11);
    start(&mut bench, 0, 8, SINK);
    let descriptors = [descriptor(0, 100, END), descriptor(1003, 5001, 0), descriptor(9, 700, END)];
    submit(&mut bench, 0, 8, &descriptors);
    let (bytes, ends) = expected(&bench, &descriptors);
    let last = &bytes[ends[0]..];
    assert_eq!(bench.h2c_get32(0, h2c::CHECK_LENGTH) as usize, last.len());
    assert_eq!(bench.h2c_get32(0, h2c::CHECK_CRC), crc32c(last));
    assert!(bench.stimulus.out[0].bytes.is_empty());
}

#[test]
fn a_loop_brings_every_frame_back() {
    let mut bench = bench(CardParams::default(), 13);
    bench.set_up_ring(1, 0x8000, 0, 8000);
    bench.set32(1, c2h::CONTROL, 1);
    start(&mut bench, 0, 8, LOOPBACK | 1 << 8);
    bench.run(20);
    bench.feed(1, &[1; 100], bench.now);
    let descriptors: Vec<_> = [0, 1, 31, 32, 500, 6000].iter().map(|size| descriptor(77, *size, END)).collect();
    submit(&mut bench, 0, 8, &descriptors);
    bench.run(3000);
    let mut offset = 0;
    for (sequence, descriptor) in descriptors.iter().enumerate() {
        let header = FrameHeader::parse(bench.ring(1, offset, 32).try_into().unwrap()).unwrap();
        let (bytes, _) = expected(&bench, &[*descriptor]);
        assert_eq!((header.length, header.sequence, header.crc), (descriptor.length, sequence as u64, crc32c(&bytes)));
        assert_eq!(bench.ring(1, offset + 32, bytes.len()), bytes);
        offset += header.footprint() as usize;
    }
    // The front end's frame has waited, and comes once the loop is over.
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.run(500);
    let header = FrameHeader::parse(bench.ring(1, offset, 32).try_into().unwrap()).unwrap();
    assert_eq!((header.length, header.source, header.flags), (100, 7, Flags::default()));
}

#[test]
fn a_loop_that_is_cut_marks_its_frame_and_a_second_loop_is_refused() {
    let mut bench = bench(CardParams::default(), 17);
    bench.set_up_ring(0, 0x8000, 0, 8000);
    bench.set32(0, c2h::CONTROL, 1);
    start(&mut bench, 0, 8, LOOPBACK);
    start(&mut bench, 1, 8, LOOPBACK);
    assert_eq!(bench.h2c_get32(1, h2c::ERROR), ChannelError::BadOutput as u32);
    bench.put(0, 8, 0, &descriptor(0, 640, 0));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(1000);
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.run(500);
    let header = FrameHeader::parse(bench.ring(0, 0, 32).try_into().unwrap()).unwrap();
    assert!(
        header.flags.contains(Flags::ERROR) && header.length == 608,
        "{header:?}: the last beat is kept back, since it might end the frame"
    );
    start(&mut bench, 1, 8, LOOPBACK);
    submit(&mut bench, 1, 8, &[descriptor(5, 50, END)]);
    bench.run(500);
    let header = FrameHeader::parse(bench.ring(0, header.footprint() as usize, 32).try_into().unwrap()).unwrap();
    assert_eq!((header.length, header.flags), (50, Flags::default()));
}

#[test]
fn a_target_that_stops_in_mid_frame_gets_nothing_of_that_frame_later() {
    let mut bench = bench(CardParams::default(), 19);
    bench.set_up_ring(0, 0x8000, 0, 8000);
    bench.set32(0, c2h::CONTROL, 1);
    start(&mut bench, 0, 8, LOOPBACK);
    bench.put(0, 8, 0, &descriptor(0, 640, 0));
    bench.put(0, 8, 1, &descriptor(640, 640, END));
    bench.put(0, 8, 2, &descriptor(99, 60, END));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(1000);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(200);
    bench.set32(0, c2h::CONTROL, 1);
    bench.h2c_set64(0, h2c::TAIL, 3);
    bench.run(2000);
    let header = FrameHeader::parse(bench.ring(0, 0, 32).try_into().unwrap()).unwrap();
    assert_eq!((header.length, header.flags, bench.get64(0, c2h::FRAMES)), (60, Flags::default(), 1));
}

/// A start that fails for its ring leaves its output alone, be it one that there is not.
#[test]
fn a_start_that_fails_joins_no_loop() {
    let mut bench = bench(CardParams::default(), 29);
    for output in [LOOPBACK | 15 << 8, LOOPBACK | 1 << 8] {
        bench.set_up_h2c(0, 1, output | WRITE_BACK);
        bench.h2c_set32(0, h2c::CONTROL, 1);
        bench.run(50);
        assert_eq!(bench.h2c_get32(0, h2c::ERROR), ChannelError::BadDescriptorRing as u32);
    }
    bench.set_up_ring(1, 0x8000, 0, 1000);
    bench.set32(1, c2h::CONTROL, 1);
    bench.feed(1, &[3; 10], bench.now);
    bench.run(100);
    assert_eq!(bench.get64(1, c2h::FRAMES), 1);
}

/// The loop ends while its target, stopped in the middle of a frame of the loop, still has a TLP on the way: what is cut is no frame of the front end.
#[test]
fn a_frame_of_a_loop_that_is_cut_costs_the_front_end_none() {
    let mut bench = bench(CardParams::default(), 23);
    bench.set_up_ring(0, 0x8000, 0, 30_000);
    bench.set32(0, c2h::CONTROL, 1);
    start(&mut bench, 0, 8, LOOPBACK);
    bench.put(0, 8, 0, &descriptor(0, 30_000, 0));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(300);
    // The target's FIFO fills, so that the end of the frame has to wait.
    bench.stimulus.tx_ready_at = Cycle(bench.now + 4000);
    bench.run(2000);
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.run(100);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(3000);
    assert_eq!((state(&mut bench, 0), bench.get32(0, c2h::STATUS) & 7), (ChannelState::Idle as u64, 0));
    bench.set_up_ring(0, 0x8000, 0, 30_000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.feed(0, &[9; 100], bench.now);
    bench.run(300);
    assert_eq!(bench.get64(0, c2h::FRAMES), 1);
}

/// Errors of one read: the channel stops with code, address and cookie; the other runs on; all tags come back.
#[rstest]
#[case(Fault::Unsupported, ChannelError::UnsupportedRequest, 0)]
#[case(Fault::Abort, ChannelError::CompleterAbort, 0)]
#[case(Fault::Poison, ChannelError::PoisonedCompletion, 1 << 12)]
#[case(Fault::Silence, ChannelError::CompletionTimeout, 1 << 14)]
#[case(Fault::ByteCount, ChannelError::None, 1 << 18)]
#[case(Fault::LowerAddress, ChannelError::None, 1 << 18)]
#[case(Fault::Requester, ChannelError::None, 1 << 16)]
#[case(Fault::Twice, ChannelError::None, 1 << 16)]
#[case(Fault::Long, ChannelError::CompletionTimeout, 1 << 18 | 1 << 14)]
fn a_wrong_answer_stops_one_channel(#[case] fault: Fault, #[case] code: ChannelError, #[case] aer: u32) {
    let mut bench = bench(CardParams { read_timeout: 20_000, ..CardParams::default() }, 23);
    // The advisory kind of error is logged too.
    bench.config_write(0x114, 0);
    let host = bench.host.as_mut().unwrap();
    host.split = Some(128);
    host.delay = (20, 0);
    // The third read is the second of the payload.
    host.fault = Some((2, fault));
    start(&mut bench, 0, 8, STREAM | WRITE_BACK);
    bench.h2c_set32(0, h2c::INT_ERROR, 1 << 31 | 3);
    bench.put(0, 8, 0, &descriptor(0x100, 3000, END));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(60_000);
    let (control, status) = (bench.h2c_get32(0, h2c::ERROR), state(&mut bench, 0));
    assert_eq!(control, code as u32);
    if code == ChannelError::None {
        assert_eq!(status, ChannelState::Running as u64);
        let (bytes, ends) = expected(&bench, &[descriptor(0x100, 3000, END)]);
        assert_eq!((&bench.stimulus.out[0].bytes, &bench.stimulus.out[0].ends), (&bytes, &ends));
    } else {
        assert_eq!(status, ChannelState::Error as u64);
        assert_eq!(bench.h2c_get64(0, h2c::ERROR_ADDR), MEMORY + PAYLOAD + 0x200);
        assert_eq!(bench.h2c_get64(0, h2c::ERROR_COOKIE), 0xc00c_0100);
        let interrupts = bench.sent.iter().filter(|sent| sent.header.address().0 == 0xfee0_0000 && sent.payload[0] == 3).count();
        assert_eq!((interrupts, bench.h2c_get32(0, h2c::DISCARDED)), (1, 1));
        let summary = bench.read(BAR0 + u64::from(card::ERROR_SUMMARY), 4);
        assert_eq!(summary, 1 << 16);
    }
    let uncorrectable = bench.config_read(0x104);
    assert_eq!(uncorrectable & 0x1_d000 | uncorrectable & 1 << 18, aer, "{uncorrectable:#x}");
    let aborts = bench.config_read(0x04) >> 28 & 3;
    assert_eq!(
        aborts,
        match fault {
            Fault::Unsupported => 2,
            Fault::Abort => 1,
            _ => 0,
        }
    );
    assert_eq!(tags_in_use(&mut bench), 0);
    // The other channel, and then this one again.
    bench.host.as_mut().unwrap().fault = None;
    for channel in [1, 0] {
        bench.h2c_set32(channel, h2c::CONTROL, 0);
        bench.run(1000);
        start(&mut bench, channel, 8, SINK);
        submit(&mut bench, channel, 8, &[descriptor(3, 2000, END)]);
        assert_eq!(bench.h2c_get32(channel, h2c::CHECK_LENGTH), 2000);
    }
}

#[rstest]
#[case::not_answered(Some(true))]
#[case::answered_late(Some(false))]
#[case::disabled(None)]
fn the_timeout_is_as_device_control_2_says(#[case] silent: Option<bool>) {
    let mut bench = bench(CardParams { read_timeout: 20_000, ..CardParams::default() }, 29);
    let express = bench.find_capability(0x10);
    // Range A: 50 to 100 us, 25 000 clocks; or disabled.
    bench.config_write(express + 0x28, if silent.is_some() { 1 } else { 0x10 });
    let host = bench.host.as_mut().unwrap();
    host.delay = (24_500, 0);
    if silent != Some(false) {
        host.fault = Some((0, Fault::Silence));
    }
    start(&mut bench, 0, 8, SINK);
    bench.put(0, 8, 0, &descriptor(0, 10, END));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(22_000);
    assert_eq!(bench.h2c_get32(0, h2c::ERROR), 0);
    assert_ne!(bench.device_control() >> 16 & 1 << 5, 0, "transactions are pending");
    bench.run(60_000);
    let code = if silent == Some(true) { ChannelError::CompletionTimeout } else { ChannelError::None };
    assert_eq!(bench.h2c_get32(0, h2c::ERROR), code as u32);
    assert_eq!(bench.device_control() >> 21 & 1, u32::from(silent.is_none()));
}

#[rstest]
#[case::reserved(H2cDescriptor { flags: DescriptorFlags(1 << 9), ..descriptor(0, 100, 0) })]
#[case::empty(descriptor(0, 0, 0))]
#[case::beyond_the_end(H2cDescriptor { address: u64::MAX - 5, length: 100, ..descriptor(0, 0, END) })]
fn a_bad_descriptor_stops_the_channel(#[case] bad: H2cDescriptor) {
    let mut bench = bench(CardParams::default(), 31);
    start(&mut bench, 0, 8, STREAM);
    bench.put(0, 8, 0, &descriptor(0, 100, END));
    bench.put(0, 8, 1, &bad);
    bench.h2c_set64(0, h2c::TAIL, 2);
    bench.run(2000);
    assert_eq!(bench.h2c_get32(0, h2c::ERROR), ChannelError::BadDescriptor as u32);
    assert_eq!(bench.h2c_get64(0, h2c::ERROR_ADDR), MEMORY + crate::common::H2C_RING + 32);
    assert_eq!((bench.h2c_get64(0, h2c::ERROR_COOKIE), state(&mut bench, 0)), (bad.cookie, ChannelState::Error as u64));
    assert_eq!(tags_in_use(&mut bench), 0);
}

#[rstest]
#[case::base(h2c::RING_BASE, MEMORY + 32, ChannelError::BadDescriptorRing)]
#[case::entries(h2c::RING_ENTRIES, 1, ChannelError::BadDescriptorRing)]
#[case::many(h2c::RING_ENTRIES, 65537, ChannelError::BadDescriptorRing)]
#[case::output(h2c::CONFIG, 3, ChannelError::BadOutput)]
#[case::target(h2c::CONFIG, 2 | 4 << 8, ChannelError::BadOutput)]
fn a_start_with_bad_settings_is_refused(#[case] register: u32, #[case] value: u64, #[case] code: ChannelError) {
    let mut bench = bench(CardParams::default(), 37);
    bench.set_up_h2c(0, 8, 0);
    match register {
        h2c::RING_BASE => bench.h2c_set64(0, register, value),
        _ => bench.h2c_set32(0, register, value as u32),
    }
    bench.h2c_set32(0, h2c::CONTROL, 1);
    bench.run(20);
    assert_eq!((bench.h2c_get32(0, h2c::ERROR), bench.h2c_get64(0, h2c::ERROR_ADDR)), (code as u32, value));
}

#[rstest]
#[case::ahead(9)]
#[case::back(2)]
fn a_doorbell_out_of_bounds_stops_the_channel(#[case] tail: u64) {
    let mut bench = bench(CardParams::default(), 41);
    start(&mut bench, 0, 5, SINK);
    submit(&mut bench, 0, 5, &[descriptor(0, 10, END); 3]);
    let reads = bench.host.as_ref().unwrap().reads;
    bench.h2c_set64(0, h2c::TAIL, tail);
    bench.run(500);
    assert_eq!((bench.h2c_get32(0, h2c::ERROR), bench.h2c_get64(0, h2c::ERROR_ADDR)), (ChannelError::BadDoorbell as u32, tail));
    assert_eq!(bench.host.as_ref().unwrap().reads, reads, "it touches nothing");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Stop,
    Channel,
    Card,
    Function,
}

/// Whatever ends a run with reads in flight, the next run is a first one, and late completions are swallowed.
#[rstest]
fn nothing_of_an_old_run_comes_out(
    #[values(Cut::Stop, Cut::Channel, Cut::Card, Cut::Function)] cut: Cut,
    #[values(0, 40, 150, 700)] after: u64,
) {
    let mut bench = bench(CardParams::default(), 43 + after);
    bench.config_write(0x114, 0);
    bench.host.as_mut().unwrap().delay = (100, 900);
    start(&mut bench, 0, 8, SINK | WRITE_BACK);
    bench.put(0, 8, 0, &descriptor(0, 20_000, END));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(300 + after);
    let in_flight = bench.host.as_ref().unwrap().open.len();
    assert!(in_flight > 0);
    match cut {
        Cut::Stop => bench.h2c_set32(0, h2c::CONTROL, 0),
        Cut::Channel => bench.h2c_set32(0, h2c::CONTROL, 2),
        Cut::Card => bench.write(BAR0 + u64::from(card::CONTROL), 3, 4),
        Cut::Function => {
            let express = bench.find_capability(0x10);
            bench.config_write(express + 8, 1 << 15 | 0x2910);
        }
    }
    bench.run(20);
    if cut != Cut::Function {
        // What is in flight ends first, in a reset as in a stop: when the channel is idle, its memory may be freed.
        assert_eq!(state(&mut bench, 0), ChannelState::Stopping as u64);
        bench.run(5000);
        assert_eq!((tags_in_use(&mut bench), bench.host.as_ref().unwrap().owed()), (0, 0));
        assert_eq!(state(&mut bench, 0), ChannelState::Idle as u64);
    }
    if cut == Cut::Function {
        assert_eq!(bench.device_control() >> 21 & 1, 0, "FLR clears Transactions Pending");
        bench.bring_up(16);
        bench.set_sizes(1, 2);
    }
    bench.enable();
    // After a function-level reset, the new run starts while the old one's completions still come.
    start(&mut bench, 0, 8, SINK);
    let descriptors = [descriptor(0x7777, 3000, 0), descriptor(0x5555, 1111, END)];
    submit(&mut bench, 0, 8, &descriptors);
    let (bytes, _) = expected(&bench, &descriptors);
    assert_eq!((bench.h2c_get32(0, h2c::CHECK_LENGTH), bench.h2c_get32(0, h2c::CHECK_CRC)), (4111, crc32c(&bytes)));
    bench.run(5000);
    assert_eq!((tags_in_use(&mut bench), bench.host.as_ref().unwrap().owed()), (0, 0));
    assert_eq!(bench.config_read(0x104), 0, "a swallowed completion is no error");
}

#[test]
fn a_stream_that_is_cut_gets_the_end_of_its_frame_first() {
    let mut bench = bench(CardParams::default(), 47);
    start(&mut bench, 0, 8, STREAM);
    bench.put(0, 8, 0, &descriptor(0, 640, 0));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(1000);
    bench.stimulus.out[0].ready_at = Cycle(bench.now + 2000);
    bench.h2c_set32(0, h2c::CONTROL, 2);
    bench.run(100);
    assert_eq!(state(&mut bench, 0), ChannelState::Idle as u64, "a reset waits for no receiver");
    start(&mut bench, 0, 8, STREAM);
    bench.put(0, 8, 0, &descriptor(3, 40, END));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(4000);
    assert_eq!(bench.stimulus.out[0].ends, [608, 648]);
}

#[test]
fn space_is_signalled_after_its_block_by_count_flag_and_time() {
    let mut bench = bench(CardParams::default(), 53);
    start(&mut bench, 0, 16, SINK | WRITE_BACK);
    bench.h2c_set32(0, h2c::WB_EVERY, 0);
    bench.h2c_set32(0, h2c::INT_SPACE, 1 << 31 | 6);
    bench.h2c_set32(0, h2c::INT_SPACE_COUNT, 3);
    let mut given = 0;
    let mut interrupts = |bench: &mut Bench<Card>, descriptors: u64, flags: u32| {
        let from = bench.sent.len();
        for _ in 0..descriptors {
            bench.put(0, 16, given, &descriptor(0, 100, END | flags));
            given += 1;
        }
        bench.h2c_set64(0, h2c::TAIL, given);
        bench.run(1500);
        let tells = |sent: &&crate::common::Sent| sent.header.kind() == Kind::MemWrite;
        bench.sent[from..].iter().filter(tells).map(|sent| if sent.payload.len() == 4 { 'i' } else { 'w' }).collect::<String>()
    };
    // Taken at the start: by number, of one.
    bench.h2c_set64(0, h2c::INT_SPACE_ARM, 0);
    assert!(!interrupts(&mut bench, 2, 0).contains('i'));
    let told = interrupts(&mut bench, 1, 0);
    assert!(told.ends_with("wi") && told.matches('i').count() == 1, "{told}");
    assert!(!interrupts(&mut bench, 5, 0).contains('i'), "not armed");
    bench.h2c_set64(0, h2c::INT_SPACE_ARM, 8);
    let told = interrupts(&mut bench, 1, DescriptorFlags::INTERRUPT);
    assert!(told.ends_with("wi"), "{told}: the flag signals at once");
    bench.h2c_set32(0, h2c::INT_SPACE_TIME, 1000);
    bench.h2c_set64(0, h2c::INT_SPACE_ARM, 9);
    let told = interrupts(&mut bench, 1, 0);
    assert!(told.ends_with('i'), "{told}: the timer");
    bench.h2c_set64(0, h2c::INT_SPACE_ARM, 3);
    bench.run(200);
    assert_eq!(bench.sent.last().unwrap().payload.len(), 4, "armed with less than is there: at once");
}

#[test]
fn the_card_cause_tells_of_masked_in_errors_once() {
    let mut bench = bench(CardParams::default(), 59);
    bench.write(BAR0 + u64::from(card::INT_CARD), 1 << 31 | 9, 4);
    bench.write(BAR0 + u64::from(card::ERROR_MASK), 2 << 16, 4);
    let told = |bench: &Bench<Card>| bench.sent.iter().filter(|sent| sent.payload == [9, 0, 0, 0]).count();
    for (channel, expected) in [(0, 0), (1, 1), (1, 2)] {
        bench.set_up_h2c(channel, 1, 0);
        bench.h2c_set32(channel, h2c::CONTROL, 1);
        bench.run(100);
        assert_eq!(told(&bench), expected);
        bench.h2c_set32(channel, h2c::CONTROL, 2);
        bench.run(100);
    }
}

#[test]
fn reads_and_writes_do_not_wait_for_each_others_credits() {
    let mut bench = bench(CardParams::default(), 61);
    let count = |bench: &Bench<Card>, kind| bench.sent.iter().filter(|sent| sent.header.kind() == kind).count() as u8;
    bench.set_up_ring(0, 0x8000, 1, 2000);
    bench.set32(0, c2h::GEN_MIN, 500);
    start(&mut bench, 0, 8, SINK | WRITE_BACK);
    for index in 0..8 {
        bench.put(0, 8, index, &descriptor(0, 2000, END));
    }
    // No posted credits: reads go all the same.
    let posted = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemWrite);
    let data = posted.map(|sent| sent.payload.len().div_ceil(16) as u16).sum::<u16>();
    bench.stimulus.credits.0[0] = Limit::initial(count(&bench, Kind::MemWrite), data & 0xfff);
    bench.set32(0, c2h::CONTROL, 1);
    bench.h2c_set64(0, h2c::TAIL, 2);
    bench.run(4000);
    assert_eq!((bench.h2c_get64(0, h2c::DONE), bench.get64(0, c2h::FRAMES)), (2, 0));
    // No non-posted credits: writes and completions go all the same.
    bench.stimulus.credits.0[0] = Limit::INFINITE;
    bench.stimulus.credits.0[1] = Limit::initial(count(&bench, Kind::MemRead), 0);
    bench.h2c_set64(0, h2c::TAIL, 4);
    bench.run(4000);
    assert_eq!(bench.h2c_get64(0, h2c::DONE), 2);
    assert!(bench.get64(0, c2h::FRAMES) > 10);
    for _ in 0..20 {
        bench.stimulus.credits.0[1].grant(1, 0);
        bench.run(400);
    }
    assert_eq!(bench.h2c_get64(0, h2c::DONE), 4);
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    assert!(bench.h2c_get64(0, h2c::PERF_NO_CREDIT) > 3000);
}

#[test]
fn reads_share_the_port_with_full_writes() {
    let mut bench = bench(CardParams::default(), 67);
    bench.set_up_ring(0, 1 << 30, 1, 2000);
    bench.set32(0, c2h::GEN_MIN, 1900);
    bench.set64(0, c2h::RING_SIZE, 1 << 30);
    bench.set64(0, c2h::RING_BASE, 0x1_0000_0000);
    bench.set32(0, c2h::CONTROL, 1);
    start(&mut bench, 0, 8, SINK);
    start(&mut bench, 1, 8, SINK);
    submit(&mut bench, 0, 8, &[descriptor(0, 50_000, END)]);
    submit(&mut bench, 1, 8, &[descriptor(0, 50_000, END)]);
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 3, 4);
    bench.run(10_000);
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    assert!(bench.read(BAR0 + u64::from(card::PERF_TX_BUSY), 8) > 9800);
}

#[test]
fn the_receive_stream_is_busy_at_a_microsecond() {
    let mut bench = bench(CardParams::default(), 71);
    let host = bench.host.as_mut().unwrap();
    (host.delay, host.split) = ((250, 0), Some(256));
    start(&mut bench, 0, 64, STREAM);
    let mut given = 0;
    let mut busy = 0;
    for round in 0..40 {
        let done = bench.h2c_get64(0, h2c::DONE);
        while given < done + 64 {
            bench.put(0, 64, given, &descriptor(given % 16 * 4096, 4096, END));
            given += 1;
        }
        bench.h2c_set64(0, h2c::TAIL, given);
        if round == 10 {
            bench.write(BAR0 + u64::from(card::PERF_CONTROL), 3, 4);
            busy = bench.now;
        }
        bench.run(1000);
    }
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    let clocks = bench.now - busy;
    let beats = bench.read(BAR0 + u64::from(card::PERF_RX_BUSY), 8);
    assert!(beats * 100 >= clocks * 98, "{beats} beats in {clocks} clocks");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Any mix of descriptors over both channels, any completer, any receiver: what comes out is what was given.
    #[test]
    fn what_is_given_comes_out(
        seed: u64,
        mixes in prop::collection::vec(prop::collection::vec((0..0x4_0000_u64, prop_oneof![0..80_u32, 0..3000_u32], any::<bool>()), 1..60), 2),
        entries in prop::collection::vec(2..70_u32, 2),
        tags in prop_oneof![Just(1_u16), 1..20_u16, Just(256)],
        mrrs in 0..6_u32,
        split in prop_oneof![Just(None), Just(Some(64_u32)), Just(Some(256))],
        delay in (0..300_u64, 0..2000_u64),
        credits in prop_oneof![Just(None), (1..4_u8).prop_map(Some)],
        hold in 0..3000_u64,
    ) {
        let mut bench = bench(CardParams { read_tags: tags, h2c_buffer_bytes: 8192, ..CardParams::default() }, seed);
        bench.set_sizes(1, mrrs);
        let host = bench.host.as_mut().unwrap();
        (host.limits.max_read_request, host.split, host.delay) = (128 << mrrs, split, delay);
        let given: Vec<Vec<H2cDescriptor>> = mixes.iter().map(|mix| {
            let mut list: Vec<_> = mix.iter().map(|(at, length, end)| descriptor(*at, *length, if *end || *length == 0 { END } else { 0 })).collect();
            list.push(descriptor(1, 1, END));
            list
        }).collect();
        for channel in 0..2 {
            start(&mut bench, channel, entries[channel as usize], STREAM | WRITE_BACK);
            bench.stimulus.out[channel as usize].ready_at = Cycle(bench.now + hold * u64::from(channel));
        }
        if let Some(credits) = credits {
            bench.stimulus.credits.0[1] = Limit::initial(credits, 0);
        }
        let mut tails = [0; 2];
        for _ in 0..20_000 {
            if let Some(credits) = credits {
                let used = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemRead).count() as u8;
                bench.stimulus.credits.0[1] = Limit::initial(used.wrapping_add(credits), 0);
            }
            let mut finished = true;
            for channel in 0..2_u32 {
                let (list, entries) = (&given[channel as usize], entries[channel as usize]);
                let done = bench.h2c_get64(channel, h2c::DONE);
                let upto = (done + u64::from(entries)).min(list.len() as u64);
                for index in tails[channel as usize]..upto {
                    bench.put(channel, entries, index, &list[index as usize]);
                }
                if upto > tails[channel as usize] {
                    tails[channel as usize] = upto;
                    bench.h2c_set64(channel, h2c::TAIL, upto);
                }
                finished &= done == list.len() as u64;
            }
            if finished {
                break;
            }
            bench.run(100);
        }
        for (channel, list) in given.iter().enumerate() {
            let (bytes, ends) = expected(&bench, list);
            prop_assert_eq!(&bench.stimulus.out[channel].ends, &ends);
            prop_assert!(bench.stimulus.out[channel].bytes == bytes, "channel {}: other bytes", channel);
        }
        bench.run(100);
        prop_assert_eq!(tags_in_use(&mut bench), 0);
        prop_assert_eq!(bench.config_read(0x104), 0, "nothing is logged");
    }
}
