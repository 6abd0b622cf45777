//! Model and RTL under the random operations that the grains of the model are compared by, each clock compared: registers, resets, doorbells, credits,
//! stalls, answers to reads in any order, late, wrong or never; and under anything at all at the port.
#![cfg(feature = "rtl")]

#[path = "../../model/tests/common/mod.rs"]
mod common;

#[path = "common/variants.rs"]
mod variants;

use common::nonsense::{self, Look};
use common::play::{op, play, shape};
use common::{BAR0, Bench, HOST, Host, MEMORY, Sent};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use silico_model::Card;
use silico_sim::lockstep::{Lockstep, Verdict};
use silico_sim::rtl::RtlCard;
use silico_spec::crc::crc32c;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor, PAGES_IN_USE, PageDescriptor};
use silico_spec::params::CardParams;
use silico_spec::port::Clocked;
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::tlp::{CompletionStatus, Header, Kind, Span};
use silico_spec::units::{Bdf, BusAddr, Cycle, Dwords, Tag};
use silico_spec::writeback::ChannelError;
use variants::{on_each_variant, params};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Requests whose answers cannot go wait, while more writes pass them than any count of arrivals of a few bits tells apart; and they are answered in the
/// middle of a write of two dwords.
fn requests_wait_for_long(variant: &str) {
    let params = params(variant);
    let verdict = Verdict::default();
    let model = Card::new(params.clone()).expect("legal parameters");
    let both = Lockstep::new(model, RtlCard::new(&params).expect("it is built"), verdict.clone());
    let mut bench = Bench::new(Clocked::new(both), &params);
    bench.bring_up(16);
    for held in 0..40 {
        bench.stimulus.tx_ready_at = Cycle(bench.now + 500 + held);
        for tag in 0..14 {
            bench.push(Header::memory(Kind::MemRead, HOST, Tag(tag), BusAddr(BAR0 + 0x10), Dwords(2)), &[]);
        }
        for value in 0..200_u64 {
            bench.push(Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(BAR0 + 0x18), Dwords(2)), &value.to_le_bytes());
            bench.run(2);
        }
        bench.run(400);
    }
    assert!(verdict.divergence().is_none(), "{}", verdict.divergence().map_or_else(String::new, |it| it.to_string()));
}

/// Reads of one and of two dwords with all byte enables that they may have: the byte count says what is left from the first byte on.
fn reads_with_any_byte_enables(variant: &str) {
    let params = params(variant);
    let verdict = Verdict::default();
    let model = Card::new(params.clone()).expect("legal parameters");
    let both = Lockstep::new(model, RtlCard::new(&params).expect("it is built"), verdict.clone());
    let mut bench = Bench::new(Clocked::new(both), &params);
    bench.bring_up(1);
    let of_two = (1..16).flat_map(|first| (1..16).map(move |last| (2, first, last)));
    for (dwords, first, last) in (0..16).map(|first| (1, first, 0)).chain(of_two) {
        let read = Header::memory(Kind::MemRead, HOST, Tag(0), BusAddr(BAR0 + 0x10), Dwords(dwords)).with_byte_enables(first, last);
        let answer = bench.request(read, &[]).header;
        let divergence = verdict.divergence().map(|it| it.to_string());
        assert_eq!((answer.byte_count(), divergence), (Span::from_header(&read).byte_count(), None), "{read}");
    }
}

/// A channel with pages is reset while a completion entry waits on the transmitter, and one of its reads has no answer, so that the reset lasts: what was given
/// up does not count, although it leaves.
#[test]
#[cfg_attr(not(variant = "w256"), ignore = "not built in: SILICO_RTL chooses the variants of the RTL, at build time")]
fn an_entry_that_a_reset_gave_up_does_not_count_as_in_the_model() {
    const ENTRIES: u64 = MEMORY + 0xc_0000;
    let params = CardParams::default();
    let mut given_up = 0;
    for delay in 0..40 {
        let verdict = Verdict::default();
        let model = Card::new(params.clone()).expect("legal parameters");
        let both = Lockstep::new(model, RtlCard::new(&params).expect("the default card is built"), verdict.clone());
        let mut bench = Bench::new(Clocked::new(both), &params);
        bench.bring_up(1);
        bench.enable();
        bench.host = Some(Host::new(1));
        bench.set_up_pages(0, 64, 8, 0);
        bench.set64(0, c2h::FREE_BASE, MEMORY);
        bench.set64(0, c2h::COMP_BASE, ENTRIES);
        bench.set32(0, c2h::CONTROL, 1);
        for index in 0..16_u64 {
            let page = PageDescriptor { address: MEMORY + 0x2_0000 + 4096 * index, length: 4096, cookie: index as u32 };
            for (word, value) in page.emit().iter().enumerate() {
                let at = 16 * index as usize + 8 * word;
                bench.memory[at..at + 8].copy_from_slice(&value.to_le_bytes());
            }
        }
        bench.set64(0, c2h::FREE_TAIL, 8);
        bench.run(500);
        bench.host = None;
        bench.set64(0, c2h::FREE_TAIL, 16);
        bench.run(50);
        bench.feed(0, &[7; 100], bench.now);
        bench.run(delay);
        bench.stimulus.tx_ready_at = Cycle(bench.now + 40);
        bench.run(2);
        let before = bench.sent.len();
        bench.set32(0, c2h::CONTROL, 2);
        bench.run(100);
        let entry = |sent: &Sent| sent.header.kind() == Kind::MemWrite && sent.header.address().0 == ENTRIES;
        let counts = (bench.get64(0, c2h::FRAMES), bench.get64(0, c2h::HW_COUNT));
        if bench.sent[before..].iter().any(entry) {
            assert_eq!(counts, (0, 0), "reset {delay} clocks after the frame came");
            given_up += 1;
        }
        assert!(verdict.divergence().is_none(), "{}", verdict.divergence().map_or_else(String::new, |it| it.to_string()));
    }
    assert!(given_up > 0, "no reset met an entry");
}

/// Both cards, with a host that answers nothing by itself, and 64 reads of 128 bytes outstanding: those, as they left.
fn with_reads() -> (Bench<Cards>, Verdict, Vec<Sent>) {
    let (mut bench, verdict) = reader();
    let reads = ask(&mut bench);
    (bench, verdict, reads)
}

/// Both cards, with a host that answers nothing by itself, and an H2C channel that is set up.
fn reader() -> (Bench<Cards>, Verdict) {
    const ENTRIES: u32 = 8;
    let params = CardParams::default();
    let verdict = Verdict::default();
    let model = Card::new(params.clone()).expect("legal parameters");
    let both = Lockstep::new(model, RtlCard::new(&params).expect("the default card is built"), verdict.clone());
    let mut bench = Bench::new(Clocked::new(both), &params);
    bench.bring_up(16);
    bench.set_sizes(0, 0);
    let express = bench.find_capability(0x10);
    // Range A: 50 to 100 us.
    bench.config_write(express + 0x28, 1);
    bench.enable();
    bench.set_up_h2c(0, ENTRIES, 1);
    (bench, verdict)
}

/// Starts H2C channel 0 and gives it a descriptor: its 64 reads, as they left.
fn ask(bench: &mut Bench<Cards>) -> Vec<Sent> {
    let before = bench.sent.len();
    let fetch = fetch(bench);
    bench.run(300);
    let reads: Vec<Sent> =
        bench.sent[before..].iter().filter(|sent| sent.header.kind() == Kind::MemRead && *sent != &fetch).cloned().collect();
    assert_eq!(reads.len(), 64);
    reads
}

/// As [`ask`], up to the answer to the read of the descriptor, which it returns.
fn fetch(bench: &mut Bench<Cards>) -> Sent {
    bench.h2c_set32(0, h2c::CONTROL, 1);
    let flags = DescriptorFlags(DescriptorFlags::END_OF_FRAME);
    let descriptor = H2cDescriptor { address: MEMORY + 0x9_0000, length: 64 * 128, flags, cookie: 1 };
    let before = bench.sent.len();
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(50);
    let fetch = bench.sent[before..].iter().find(|sent| sent.header.kind() == Kind::MemRead).expect("it fetches").clone();
    let words: Vec<u8> = descriptor.emit().iter().flat_map(|word| word.to_le_bytes()).collect();
    bench.push(answer(&fetch.header, true), &words);
    fetch
}

/// All that `request` asks for, or that it is not supported.
fn answer(request: &Header, data: bool) -> Header {
    let span = Span::from_header(request);
    let status = if data { CompletionStatus::Success } else { CompletionStatus::UnsupportedRequest };
    let (lower, length) = ((span.first_byte().0 & 0x7f) as u8, Dwords(if data { span.byte_count().div_ceil(4) } else { 0 }));
    Header::completion(data, Bdf::from_bits(0), status, span.byte_count(), request.requester(), request.tag(), lower, length)
        .with_attributes(request.attributes())
}

/// Each bit of a completion that is reserved there, or that no completion has: hints, LN, the address type, the length of one without data.
#[test]
#[cfg_attr(not(variant = "w256"), ignore = "not built in: SILICO_RTL chooses the variants of the RTL, at build time")]
fn completions_with_reserved_bits_as_the_model() {
    let (mut bench, verdict, reads) = with_reads();
    let bits = [(0, 16), (0, 17), (0, 10), (0, 11), (2, 7), (0, 23), (0, 19), (1, 12)];
    for (nth, read) in reads.iter().enumerate().take(2 * bits.len()) {
        let (word, bit) = bits[nth % bits.len()];
        let data = nth < bits.len();
        let right = answer(&read.header, data);
        let mut wrong = right;
        wrong.0[word] ^= 1 << bit;
        bench.push(wrong, if data { &[0x55; 128] } else { &[] });
        bench.run(20);
        // What it was taken for: the read waits, and the error log says why.
        let open = bench.read(BAR0 + u64::from(card::READ_TAGS), 4) >> 16;
        bench.config_read(0x104);
        let divergence = verdict.divergence().map(|it| it.to_string());
        assert_eq!((open as usize, divergence), (reads.len() - nth, None), "bit {bit} of dword {word}");
        bench.push(right, if data { &[0x66; 128] } else { &[] });
        bench.run(40);
    }
    let without_data = answer(&reads[40].header, false);
    for length in [1, 2, 512] {
        let mut wrong = without_data;
        wrong.0[0] |= length;
        bench.push(wrong, &[]);
        bench.run(20);
        bench.read(BAR0 + u64::from(card::READ_TAGS), 4);
    }
    bench.run(2000);
    assert!(verdict.divergence().is_none(), "{}", verdict.divergence().map_or_else(String::new, |it| it.to_string()));
}

/// Whose requester is not the card, in each bit: nobody asked for them, and the read waits on.
#[test]
#[cfg_attr(not(variant = "w256"), ignore = "not built in: SILICO_RTL chooses the variants of the RTL, at build time")]
fn completions_for_another_requester_as_in_the_model() {
    let (mut bench, verdict, reads) = with_reads();
    for (bit, read) in (16..32).zip(&reads) {
        let right = answer(&read.header, true);
        let mut wrong = right;
        wrong.0[2] ^= 1 << bit;
        let before = bench.read(BAR0 + u64::from(card::READ_TAGS), 4);
        bench.push(wrong, &[0x55; 128]);
        bench.run(20);
        assert_eq!(bench.read(BAR0 + u64::from(card::READ_TAGS), 4), before, "bit {bit}");
        bench.push(right, &[0x66; 128]);
        bench.run(40);
        assert_ne!(bench.read(BAR0 + u64::from(card::READ_TAGS), 4), before, "bit {bit}");
    }
    assert!(verdict.divergence().is_none(), "{}", verdict.divergence().map_or_else(String::new, |it| it.to_string()));
}

/// A write-back block stands on the transmitter while the next descriptor is done: it tells of what was done when it was granted. The interrupt for both, and
/// any sight of its cause, come after the next block.
fn a_block_tells_of_what_was_done_before_it(variant: &str) {
    let params = params(variant);
    let mut between = 0;
    for (delay, gap) in (0..60).flat_map(|delay| (1..8).map(move |gap| (delay, gap))) {
        let verdict = Verdict::default();
        let model = Card::new(params.clone()).expect("legal parameters");
        let both = Lockstep::new(model, RtlCard::new(&params).expect("it is built"), verdict.clone());
        let mut bench = Bench::new(Clocked::new(both), &params);
        bench.bring_up(16);
        bench.enable();
        let mut host = Host::new(1);
        host.delay = (10, 0);
        bench.host = Some(host);
        // Into the sink, with a block for each.
        bench.set_up_h2c(0, 8, 1 | 1 << 2);
        for index in 0..2 {
            let flags = DescriptorFlags(DescriptorFlags::END_OF_FRAME);
            bench.put(0, 8, index, &H2cDescriptor { address: MEMORY + 0x9_0000, length: 100, flags, cookie: index });
        }
        bench.h2c_set32(0, h2c::INT_SPACE, 1 << 31 | 3);
        bench.h2c_set32(0, h2c::INT_SPACE_COUNT, 2);
        bench.h2c_set32(0, h2c::CONTROL, 1);
        bench.h2c_set64(0, h2c::INT_SPACE_ARM, 0);
        bench.h2c_set64(0, h2c::TAIL, 2);
        bench.run(delay);
        // Held, open for a few clocks, held again; the second time, the causes are read.
        bench.stimulus.tx_ready_at = Cycle(bench.now + 40);
        bench.run(40 + gap);
        let held_from = bench.now;
        bench.stimulus.tx_ready_at = Cycle(held_from + 40);
        let causes = BAR0 + u64::from(card::INT_STATUS_2);
        bench.run(2);
        bench.push(Header::memory(Kind::MemRead, HOST, Tag(31), BusAddr(causes), Dwords(1)), &[]);
        bench.run(600);
        let blocks = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemWrite && sent.payload.len() == 64);
        let frames = |sent: &Sent| u64::from_le_bytes(sent.payload[16..24].try_into().expect("eight bytes"));
        let told: Vec<(u64, u64)> = blocks.map(|sent| (sent.last, frames(sent))).collect();
        assert_eq!(told.last().map(|(_, frames)| *frames), Some(2), "{delay}, {gap}: {told:?}");
        let interrupt = bench.sent.iter().find(|sent| sent.header.address().0 == 0xfee0_0000 && sent.payload[0] == 3);
        assert!(interrupt.is_some_and(|sent| sent.last > told[told.len() - 1].0), "{delay}, {gap}: {told:?}");
        let read =
            bench.sent.iter().find(|sent| sent.header.kind() == Kind::CompletionData && sent.header.tag() == Tag(31)).expect("an answer");
        // Who reads the cause has the block already: the answer is behind it.
        assert!(read.payload == [0; 4] || read.last > told[told.len() - 1].0, "{delay}, {gap}: {told:?}");
        between += usize::from(told.len() == 2 && told[0].0 < held_from && read.payload == [0; 4] && told[1].0 > held_from);
        assert!(verdict.divergence().is_none(), "{}", verdict.divergence().map_or_else(String::new, |it| it.to_string()));
    }
    assert!(between > 0, "the causes were never read between the blocks");
}

/// Storm 1002440 of an older generation: a completion whose beats come slowly begins before the read that it names has left, and ends after that. It answers
/// nothing; where its first beats would go was not known.
#[test]
#[cfg_attr(not(variant = "w256"), ignore = "not built in: SILICO_RTL chooses the variants of the RTL, at build time")]
fn completions_that_begin_before_their_request_has_left_as_in_the_model() {
    let (_, _, reads) = with_reads();
    let read = &reads[0].header;
    let mut outcomes = [0; 2];
    for begin in 0..60 {
        let (mut bench, verdict) = reader();
        fetch(&mut bench);
        // The first read stands on the transmitter.
        let left_at = bench.now + 60;
        bench.stimulus.tx_ready_at = Cycle(left_at);
        bench.run(20 + begin);
        let begun_at = bench.now;
        bench.push(answer(read, true), &[0x77; 128]);
        for clock in 0..40 {
            // A beat every eight clocks.
            bench.stimulus.rx_stall = u64::from(clock % 8 != 0);
            bench.run(1);
        }
        bench.stimulus.rx_stall = 0;
        bench.run(300);
        let open = bench.read(BAR0 + u64::from(card::READ_TAGS), 4) >> 16;
        let divergence = verdict.divergence().map(|it| it.to_string());
        let is_early = begun_at < left_at;
        assert_eq!((open, divergence), (63 + u64::from(is_early), None), "begun at {begun_at}, left at {left_at}");
        outcomes[usize::from(is_early)] += 1;
        // The right one, in either case; the rest too.
        for read in reads.iter().skip(usize::from(!is_early)) {
            bench.push(answer(&read.header, true), &[0x66; 128]);
            bench.run(10);
        }
        bench.run(300);
        let sum = bench.h2c_get32(0, h2c::CHECK_LENGTH);
        assert_eq!((sum, verdict.divergence()), (64 * 128, None));
    }
    assert!(outcomes.iter().all(|count| *count > 5), "{outcomes:?}");
}

/// Completions that come in the clocks around that in which their reads run out of time, and in that one itself: time comes first.
#[test]
#[cfg_attr(not(variant = "w256"), ignore = "not built in: SILICO_RTL chooses the variants of the RTL, at build time")]
fn completions_in_the_clock_of_their_timeout_as_the_model() {
    const TIMEOUT: u64 = 25_000;
    const TAGS: u64 = 256;
    let (mut bench, verdict, reads) = with_reads();
    // Tag `n` is looked at in clock `n` of each round of all tags.
    let looked_at = |read: &Sent| (read.last + TIMEOUT + 1..).find(|clock| clock % TAGS == u64::from(read.header.tag().0)).unwrap_or(0);
    let mut answers: Vec<(u64, Header)> = reads
        .iter()
        .filter(|read| looked_at(read) - read.last - TIMEOUT > 12)
        .step_by(5)
        .enumerate()
        .map(|(nth, read)| (looked_at(read) + nth as u64 % 9 - 4, answer(&read.header, false)))
        .collect();
    answers.sort_by_key(|(at, _)| *at);
    assert!(answers.len() >= 9, "{answers:?}");
    for (at, completion) in &answers {
        bench.run(at - bench.now);
        bench.push(*completion, &[]);
    }
    bench.run(1000);
    let late = bench.read(BAR0 + u64::from(card::READ_QUARANTINE), 4) >> 16;
    let in_time = reads.len() as u64 - late;
    assert!(in_time > 2 && in_time < answers.len() as u64 - 2, "{in_time} of {} in time", answers.len());
    assert!(verdict.divergence().is_none(), "{}", verdict.divergence().map_or_else(String::new, |it| it.to_string()));
}

/// Answers to reads that ran out of time come while the next run has its data in the same places of the buffer, which cannot go yet.
#[test]
#[cfg_attr(not(variant = "w256"), ignore = "not built in: SILICO_RTL chooses the variants of the RTL, at build time")]
fn late_data_do_not_come_into_the_next_run_as_in_the_model() {
    let (mut bench, verdict, old) = with_reads();
    bench.run(27_000);
    assert_eq!(bench.h2c_get32(0, h2c::ERROR), ChannelError::CompletionTimeout as u32);
    let new = ask(&mut bench);
    for read in &new[1..] {
        bench.push(answer(&read.header, true), &[0x66; 128]);
        bench.run(6);
    }
    for read in &old {
        bench.push(answer(&read.header, true), &[0x55; 128]);
        bench.run(6);
    }
    bench.push(answer(&new[0].header, true), &[0x66; 128]);
    bench.run(1000);
    assert_eq!(bench.h2c_get32(0, h2c::CHECK_CRC), crc32c(&[0x66; 64 * 128]));
    assert!(verdict.divergence().is_none(), "{}", verdict.divergence().map_or_else(String::new, |it| it.to_string()));
}

type Cards = Clocked<Lockstep<Card, RtlCard>>;

impl Look for Cards {
    fn card(&self) -> &Card {
        self.endpoint().first()
    }
}

/// `SILICO_CASES` cases, drawn from `SILICO_SEED`, each played on both cards at once.
fn on_both<S: Strategy>(variant: &str, cases: u64, drawn: &S, play: impl Fn(Cards, &CardParams, S::Value)) {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number("SILICO_SEED", 1).to_le_bytes());
    let config = Config {
        cases: number("SILICO_CASES", cases) as u32,
        failure_persistence: None,
        max_shrink_iters: number("SILICO_SHRINK", 2000) as u32,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let params = params(variant);
    let result = runner.run(drawn, |case| {
        let verdict = Verdict::default();
        let model = Card::new(params.clone()).expect("legal parameters");
        let both = Lockstep::new(model, RtlCard::new(&params).expect("it is built"), verdict.clone());
        play(Clocked::new(both), &params, case);
        prop_assert!(verdict.divergence().is_none(), "{}", verdict.divergence().map_or_else(String::new, |it| it.to_string()));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// A frame that comes to fill all the pages that a channel may have in use.
fn a_frame_of_too_many_pages(variant: &str) {
    let lengths = prop_oneof![Just(32_704_u32), Just(32_705), 30_000..40_000_u32];
    on_both(variant, 6, &(lengths, any::<bool>()), |cards, params, (length, packed)| {
        let mut bench = Bench::new(cards, params);
        bench.bring_up(16);
        bench.enable();
        bench.host = Some(Host::new(length.into()));
        bench.set_up_pages(0, 2048, 64, 1 | u32::from(packed) << 6);
        bench.set64(0, c2h::FREE_BASE, MEMORY);
        for (name, value) in [(c2h::MAX_FRAME, 1 << 20), (c2h::GEN_MIN, length), (c2h::GEN_MAX, length)] {
            bench.set32(0, name, value);
        }
        bench.set32(0, c2h::CONTROL, 1);
        for index in 0..2000 {
            let page = PageDescriptor { address: MEMORY + 0x2_0000 + 32 * index, length: 32, cookie: index as u32 };
            for (word, value) in page.emit().iter().enumerate() {
                let at = 16 * index as usize + 8 * word;
                bench.memory[at..at + 8].copy_from_slice(&value.to_le_bytes());
            }
        }
        bench.set64(0, c2h::FREE_TAIL, 2000);
        bench.run(20_000);
        // A page each for the header and the cells of the payload.
        let fails = 1 + length.div_ceil(32) >= PAGES_IN_USE;
        assert_eq!(bench.get32(0, c2h::ERROR) == ChannelError::BadFrameLimit as u32, fails, "{length} bytes");
    });
}

on_each_variant! {
    #[test]
    fn requests_wait_for_long_as_in_the_model() {
        requests_wait_for_long(VARIANT);
    }

    #[test]
    fn a_block_tells_of_what_was_done_before_it_as_in_the_model() {
        a_block_tells_of_what_was_done_before_it(VARIANT);
    }

    #[test]
    fn reads_with_any_byte_enables_as_in_the_model() {
        reads_with_any_byte_enables(VARIANT);
    }

    #[test]
    fn a_frame_of_too_many_pages_as_the_model() {
        a_frame_of_too_many_pages(VARIANT);
    }

    #[test]
    fn random_operations_as_the_model() {
        on_both(VARIANT, 60, &(shape(), prop::collection::vec(op(), 1..60)), |cards, params, (mut shape, ops)| {
            shape.width = params.width;
            play(cards, params, &shape, &ops, u64::MAX);
        });
    }

    #[test]
    fn nonsense_as_the_model() {
        on_both(VARIANT, 10, &prop::collection::vec(nonsense::op(), 1..80), |cards, params, ops| drop(nonsense::play(cards, params, &ops)));
    }
}
