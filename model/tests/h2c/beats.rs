//! The output stream beat by beat, and clock by clock.

use super::*;
use silico_spec::port::{Clocked, Endpoint, PortIn, PortOut};
use silico_spec::tlp::{CompletionStatus, Header, Span};
use silico_spec::units::{Bdf, Cycles, Dwords};

/// A card with somebody who looks at the beats of its output streams: bytes, last, error, source.
struct Watched {
    card: Card,
    beats: Vec<(u8, bool, bool, u16)>,
}

impl Endpoint for Watched {
    fn width(&self) -> DataWidth {
        Endpoint::width(&self.card)
    }

    fn clock(&mut self, input: &PortIn, output: &mut PortOut) {
        let passes = output.out_valid & input.out_ready;
        let passed = output.out.iter().enumerate().filter(|(channel, _)| passes >> channel & 1 != 0);
        self.beats.extend(passed.map(|(_, beat)| (beat.bytes, beat.last, beat.error, beat.source)));
        self.card.clock(input, output);
    }

    fn quiet(&self) -> Cycles {
        self.card.quiet()
    }

    fn skip(&mut self, span: Cycles) {
        self.card.skip(span);
    }
}

fn watched(seed: u64) -> Bench<Clocked<Watched>> {
    let params = CardParams::default();
    let card = Card::new(params.clone()).unwrap();
    around(Clocked::new(Watched { card, beats: Vec::new() }), &params, seed)
}

fn beats(bench: &Bench<Clocked<Watched>>) -> &[(u8, bool, bool, u16)] {
    &bench.card.endpoint().beats
}

/// A frame ends with the beat of its last byte, however it lies in descriptors, and all its beats before that one are full.
#[rstest]
#[case::empty(&[(0, END)], &[0])]
#[case::a_byte(&[(1, END)], &[1])]
#[case::one_beat(&[(32, END)], &[32])]
#[case::one_byte_more(&[(33, END)], &[32, 1])]
#[case::full_beats_and_nothing(&[(64, 0), (0, END)], &[32, 32])]
#[case::a_full_beat_and_a_byte(&[(32, 0), (1, END)], &[32, 1])]
#[case::a_beat_of_two_descriptors(&[(10, 0), (22, END)], &[32])]
#[case::a_beat_of_many(&[(1, 0), (2, 0), (3, 0), (40, 0), (18, END)], &[32, 32])]
fn a_frame_ends_with_its_last_byte(#[case] pieces: &[(u32, u32)], #[case] sizes: &[u8]) {
    let mut bench = watched(5);
    start(&mut bench, 1, 16, STREAM);
    let descriptors: Vec<_> = (0..).zip(pieces).map(|(n, (length, flags))| descriptor(100 * n, *length, *flags)).collect();
    submit(&mut bench, 1, 16, &descriptors);
    bench.run(50);
    let last = sizes.len() - 1;
    let expected: Vec<_> = sizes.iter().enumerate().map(|(n, bytes)| (*bytes, n == last, false, 1)).collect();
    assert_eq!(beats(&bench), expected);
}

/// The end that a cut frame is owed is a beat without bytes, marked bad, of the same source as the rest.
#[test]
fn an_owed_end_is_a_beat_of_its_own() {
    let mut bench = watched(5);
    start(&mut bench, 1, 16, STREAM);
    bench.put(1, 16, 0, &descriptor(0, 65, 0));
    bench.h2c_set64(1, h2c::TAIL, 1);
    bench.run(1000);
    bench.h2c_set32(1, h2c::CONTROL, 0);
    bench.run(50);
    assert_eq!(beats(&bench), [(32, false, false, 1), (32, false, false, 1), (0, true, true, 1)]);
}

/// A beat stays until its receiver takes it, whatever the others do.
#[test]
fn a_beat_stays_until_it_is_taken() {
    let mut bench = watched(5);
    for channel in 0..2 {
        start(&mut bench, channel, 16, STREAM);
        bench.put(channel, 16, 0, &descriptor(0, 100, END));
        bench.h2c_set64(channel, h2c::TAIL, 1);
    }
    bench.stimulus.out[1].ready_at = Cycle(bench.now + 3000);
    bench.run(2900);
    assert!(beats(&bench).iter().all(|beat| beat.3 == 0));
    bench.run(200);
    let of = |channel: u16| beats(&bench).iter().filter(|beat| beat.3 == channel).map(|beat| beat.0).collect::<Vec<_>>();
    assert_eq!((of(0), of(1)), (vec![32, 32, 32, 4], vec![32, 32, 32, 4]));
    assert_eq!(bench.stimulus.out[0].bytes, bench.stimulus.out[1].bytes);
    assert_eq!(bench.h2c_get64(1, h2c::DONE), 1);
}

/// Completes `bytes` bytes of a read, from byte `from` of it on, as one TLP.
fn complete(bench: &mut Bench<Card>, read: Header, from: u32, bytes: u32) {
    let span = Span::from_header(&read);
    let at = span.first_byte().0 + u64::from(from);
    let (left, lower, dwords) = (span.byte_count() - from, (at & 0x7f) as u8, Dwords((at as u32 % 4 + bytes).div_ceil(4)));
    let header = Header::completion(true, Bdf::from_bits(0), CompletionStatus::Success, left, read.requester(), read.tag(), lower, dwords);
    let start = ((at & !3) - MEMORY) as usize;
    let payload = bench.memory[start..start + dwords.0 as usize * 4].to_vec();
    bench.push(header.with_attributes(read.attributes()), &payload);
}

/// Bytes that came early, for a read whose elders were not answered yet, go out as soon as these are.
#[test]
fn what_has_come_goes_out_without_more() {
    for at_most in [1, u64::MAX] {
        let mut bench = bench(CardParams::default(), 9);
        bench.host = None;
        start(&mut bench, 0, 8, STREAM);
        let descriptors = [descriptor(0, 10, 0), descriptor(64, 200, END)];
        descriptors.iter().zip(0..).for_each(|(descriptor, n)| bench.put(0, 8, n, descriptor));
        let reads = |bench: &Bench<Card>| -> Vec<Header> {
            bench.sent.iter().map(|sent| sent.header).filter(|header| header.kind() == Kind::MemRead).collect()
        };
        bench.h2c_set64(0, h2c::TAIL, 2);
        bench.run(50);
        let fetch = reads(&bench)[0];
        complete(&mut bench, fetch, 0, 64);
        bench.run(50);
        let [_, first, second] = reads(&bench)[..] else { panic!("two reads of payload") };
        let out = |bench: &mut Bench<Card>, (read, from, bytes), clocks| {
            complete(bench, read, from, bytes);
            bench.run_to(bench.now + clocks, at_most);
            bench.stimulus.out[0].bytes.len()
        };
        assert_eq!(out(&mut bench, (second, 0, 64), 20), 0);
        // The last bytes stay, since they might end the frame.
        assert_eq!(out(&mut bench, (first, 0, 10), 20), 64);
        assert_eq!(out(&mut bench, (second, 64, 136), 20), 210);
        assert_eq!(bench.stimulus.out[0].bytes, expected(&bench, &descriptors).0);
    }
}
