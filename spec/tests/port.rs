//! The port: how a TLP becomes beats and beats a TLP, what streams show in which clock, and that `Clocked` moves exactly what valid and
//! ready say. The endpoint here follows a script and notes what it was shown.

use rstest::rstest;
use silico_spec::credit::{Limit, Limits};
use silico_spec::params::DataWidth;
use silico_spec::port::{
    Activity, Beat, ChannelView, Clocked, Endpoint, FrontBeat, FrontFrame, FrontStream, Inspect, MAX_PAYLOAD, OutStream, PortIn, PortOut,
    Response, RxTlp, Stimulus, TlpBuf, TlpPort,
};
use silico_spec::units::{Cycle, Cycles};
use std::sync::Arc;

const WIDTHS: [DataWidth; 4] = [DataWidth::W64, DataWidth::W128, DataWidth::W256, DataWidth::W512];

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + (i >> 8) + 1) as u8).collect()
}

fn tlp(length: usize) -> TlpBuf {
    let mut tlp = TlpBuf::new();
    tlp.set([0x6000_0000 | length as u32 / 4, 1, 2, 3], &content(length));
    tlp
}

fn frame(at: u64, length: usize, error: bool) -> FrontFrame {
    // Behind bytes of somebody else.
    let data: Arc<[u8]> = [&[0xee; 5], &content(length)[..], &[0xdd; 3]].concat().into();
    FrontFrame { at: Cycle(at), source: 9, error, data, start: 5, len: length }
}

#[test]
fn a_tlp_in_beats_is_the_tlp() {
    for (width, length) in WIDTHS.into_iter().flat_map(|width| [0, 4, 8, 28, 32, 36, 64, 68, 4092, 4096].map(|length| (width, length))) {
        let mut sent = tlp(length);
        (sent.discard, sent.digest) = (length % 8 == 4, 0x1234_5678);
        let count = width.beats(length as u32);
        let mut came = tlp(100);
        for index in 0..count {
            let beat = sent.beat(index, width);
            assert_eq!((beat.valid, beat.sop, beat.eop), (true, index == 0, index + 1 == count));
            let from = (index * width.bytes()) as usize;
            let part = &content(length)[from..(from + width.bytes() as usize).min(length)];
            assert_eq!((usize::from(beat.bytes), &beat.data[..part.len()]), (part.len(), part));
            assert!(beat.data[part.len()..].iter().all(|&byte| byte == 0), "zero beyond its bytes");
            assert_eq!(beat.header, if beat.sop { sent.header } else { [0; 4] });
            assert_eq!((beat.discard, beat.digest), if beat.eop { (sent.discard, sent.digest) } else { (false, 0) });
            assert!(came.push(&beat));
        }
        assert_eq!(came, sent, "{length} bytes in beats of {}", width.bytes());
    }
}

#[test]
fn a_buffer_takes_4096_bytes_and_says_when_there_are_more() {
    let mut buf = TlpBuf::default();
    let full = Beat { valid: true, bytes: 64, data: [7; 64], ..Beat::NONE };
    for _ in 0..MAX_PAYLOAD / 64 {
        assert!(buf.push(&full));
    }
    assert_eq!(buf.payload(), [7; MAX_PAYLOAD]);
    assert!(!buf.push(&Beat { bytes: 1, ..full }));
    assert_eq!(buf.payload().len(), MAX_PAYLOAD);
    buf.set_len(3);
    buf.payload_mut()[1] = 8;
    assert_eq!(buf.payload(), [7, 8, 7]);
    (buf.discard, buf.digest) = (true, 5);
    buf.set([1, 2, 3, 4], &[9]);
    assert_eq!((buf.header, buf.payload(), buf.discard, buf.digest), ([1, 2, 3, 4], &[9][..], false, 0));
}

/// A buffer is used again and again: what the last TLP left behind its payload is no part of this one.
#[test]
fn buffers_are_equal_if_their_tlps_are() {
    let (mut used, fresh) = (tlp(4096), tlp(8));
    used.set(fresh.header, fresh.payload());
    assert_eq!(used, fresh);
    let others = [
        |buf: &mut TlpBuf| buf.header[3] = 9,
        |buf: &mut TlpBuf| buf.discard = true,
        |buf: &mut TlpBuf| buf.digest = 1,
        |buf: &mut TlpBuf| buf.payload_mut()[7] ^= 1,
        |buf: &mut TlpBuf| buf.set_len(7),
    ];
    for change in others {
        let mut other = used.clone();
        change(&mut other);
        assert_ne!(other, fresh);
    }
}

/// A machine that is forked copies what is on its way: header, payload, and what the link says of the TLP.
#[test]
fn a_copy_of_a_buffer_is_the_same_tlp() {
    let mut sent = tlp(4096);
    sent.set([0x6000_0002, 0x0100_03ff, 5, 0x1000], &content(8));
    (sent.discard, sent.digest) = (true, 0x1234_5678);
    let mut copy = sent.clone();
    assert_eq!(copy, sent);
    assert_eq!((copy.header, copy.payload()), ([0x6000_0002, 0x0100_03ff, 5, 0x1000], &content(8)[..]));
    assert_eq!((copy.discard, copy.digest), (true, 0x1234_5678));
    copy.set_len(4096);
    assert!(copy.payload()[8..].iter().all(|&byte| byte == 0), "nothing of the TLP before");
}

#[test]
#[should_panic(expected = "payload of 4097 bytes")]
fn a_buffer_is_not_made_longer_than_a_tlp_can_be() {
    TlpBuf::new().set_len(MAX_PAYLOAD + 1);
}

#[test]
fn a_front_end_shows_a_frame_from_its_cycle_on_beat_by_beat() {
    for (width, length) in WIDTHS.into_iter().flat_map(|width| [0, 1, 8, 9, 32, 33, 64, 65, 200].map(|length| (width, length))) {
        let mut stream = FrontStream { frames: [frame(10, length, true), frame(0, 3, false)].into(), ..FrontStream::default() };
        assert_eq!(stream.frames[0].payload(), content(length));
        assert_eq!(stream.beat(Cycle(9), width), None);
        let (mut came, mut beats) = (Vec::new(), 0);
        loop {
            let beat = stream.beat(Cycle(10), width).unwrap();
            let bytes = usize::from(beat.bytes);
            assert_eq!((beat.source, beat.error), (9, beat.last), "the mark stands on the last beat");
            assert!(beat.last || bytes == width.bytes() as usize, "a full beat unless it is the last");
            assert!(beat.data[bytes..].iter().all(|&byte| byte == 0));
            came.extend_from_slice(&beat.data[..bytes]);
            beats += 1;
            assert_eq!(stream.advance(width), beat.last);
            if beat.last {
                break;
            }
        }
        assert_eq!((came, beats), (content(length), width.beats(length as u32)));
        let next = stream.beat(Cycle(10), width).unwrap();
        assert_eq!((stream.passed, next.error, next.last, next.bytes), (0, false, true, 3));
    }
}

#[test]
fn an_output_stream_keeps_bytes_and_where_frames_end() {
    let mut out = OutStream::default();
    for (bytes, last) in [(32, false), (5, true), (0, true), (1, false)] {
        out.take(&FrontBeat { bytes, last, data: [bytes; 64], ..FrontBeat::NONE });
    }
    assert_eq!((out.bytes, out.ends), ([vec![32; 32], vec![5; 5], vec![1]].concat(), vec![37, 37]));
}

#[test]
fn the_machine_stalls_the_clocks_that_it_says() {
    let mut stimulus = Stimulus { tx_ready_at: Cycle(5), ..Stimulus::new(2) };
    assert_eq!((stimulus.front.len(), stimulus.link_up, stimulus.reset), (2, true, false));
    assert_eq!([4, 5, 6].map(|now| stimulus.tx_ready(Cycle(now), 0)), [false, true, true]);
    assert!([0, 63, 64, 65, 1000].iter().all(|&index| stimulus.tx_ready(Cycle(5), index) && stimulus.rx_shown(index)));
    (stimulus.tx_stall, stimulus.rx_stall) = (1 << 63 | 0b10, 1 << 63 | 0b100);
    assert_eq!(
        [0, 1, 2, 62, 63, 64, 65, 127].map(|index| stimulus.tx_ready(Cycle(5), index)),
        [true, false, true, true, false, true, true, true]
    );
    assert_eq!([0, 1, 2, 62, 63, 64, 66, 127].map(|index| stimulus.rx_shown(index)), [true, true, false, true, false, true, true, true]);
    assert!(!stimulus.tx_ready(Cycle(4), 0));
    stimulus.rx.push_back(RxTlp { at: Cycle(0), tlp: tlp(4) });
    stimulus.rx_passed = 1;
    stimulus.rx_done();
    assert_eq!((stimulus.rx.len(), stimulus.rx_passed, stimulus.spare), (0, 0, vec![tlp(4)]));
}

/// Drives `outputs[n]` in clock `n`, then the last one for ever, and keeps what it saw.
#[derive(Debug, Default)]
struct Script {
    outputs: Vec<PortOut>,
    quiet: u64,
    clock: usize,
    seen: Vec<PortIn>,
    skipped: Vec<u64>,
}

impl Endpoint for Script {
    fn width(&self) -> DataWidth {
        DataWidth::W128
    }

    fn clock(&mut self, input: &PortIn, output: &mut PortOut) {
        self.seen.push(input.clone());
        self.clock += 1;
        if let Some(next) = self.outputs.get(self.clock).or(self.outputs.last()) {
            *output = next.clone();
        }
    }

    fn quiet(&self) -> Cycles {
        Cycles(self.quiet)
    }

    fn skip(&mut self, span: Cycles) {
        self.skipped.push(span.0);
    }
}

struct Bench {
    port: Clocked<Script>,
    stimulus: Stimulus,
    response: Response,
    now: u64,
}

impl Bench {
    /// `outputs` from clock 1 on: in clock 0, and with none of them, nothing is driven.
    fn new(outputs: &[PortOut]) -> Self {
        let outputs = if outputs.is_empty() { Vec::new() } else { [&[PortOut::default()], outputs].concat() };
        let port = Clocked::new(Script { outputs, ..Script::default() });
        let response = Response { credits: Some(Limits::NONE), ..Response::default() };
        Self { port, stimulus: Stimulus::new(2), response, now: 0 }
    }

    /// Clocks that passed.
    fn run(&mut self, limit: u64) -> u64 {
        self.port.run(Cycle(self.now), Cycles(limit), &mut self.stimulus, &mut self.response);
        self.now += self.response.clocks.0;
        self.response.clocks.0
    }

    /// A quiet endpoint, and nothing of it used up yet.
    fn quiet(mut self, clocks: u64) -> Self {
        self.run(1);
        *self.port.endpoint_mut() = Script { quiet: clocks, ..Script::default() };
        self
    }

    fn skipped(&self) -> &[u64] {
        &self.port.endpoint().skipped
    }
}

fn sending(tlp: &TlpBuf) -> Vec<PortOut> {
    let beats = DataWidth::W128.beats(tlp.payload().len() as u32);
    (0..beats).map(|index| PortOut { tx: tlp.beat(index, DataWidth::W128), ..PortOut::default() }).collect()
}

#[test]
fn the_endpoint_sees_in_each_clock_what_the_machine_says() {
    let mut bench = Bench::new(&[]);
    let limits = Limits([Limit::initial(1, 2); 3]);
    (bench.stimulus.credits, bench.stimulus.link_up, bench.stimulus.reset) = (limits, false, true);
    (bench.stimulus.tx_ready_at, bench.stimulus.tx_stall, bench.stimulus.rx_stall) = (Cycle(1), 0b100, 0b1000);
    bench.stimulus.rx.push_back(RxTlp { at: Cycle(2), tlp: tlp(20) });
    bench.stimulus.front[1].frames.push_back(frame(3, 40, false));
    bench.stimulus.out[0].ready_at = Cycle(2);
    bench.stimulus.out[2].ready_at = Cycle(4);
    for out in [1, 3, 4, 5, 6, 7] {
        bench.stimulus.out[out].ready_at = Cycle::NEVER;
    }
    assert_eq!(bench.run(5), 5);
    let seen = &bench.port.endpoint().seen;
    assert!(seen.iter().all(|input| (input.reset, input.link_up, input.credits) == (true, false, limits)));
    assert_eq!(seen.iter().map(|input| input.tx_ready).collect::<Vec<_>>(), [false, true, false, true, true]);
    let first = tlp(20).beat(0, DataWidth::W128);
    assert_eq!(seen.iter().map(|input| input.rx).collect::<Vec<_>>(), [Beat::NONE, Beat::NONE, first, Beat::NONE, first]);
    assert_eq!(seen.iter().map(|input| input.out_ready).collect::<Vec<_>>(), [0, 0, 1, 1, 5]);
    assert_eq!(seen.iter().map(|input| input.front_valid).collect::<Vec<_>>(), [0, 0, 0, 2, 2]);
    assert_eq!(seen[3].front[1].data[..16], content(16));
    assert_eq!((bench.port.width(), bench.stimulus.rx_passed, bench.stimulus.front[1].passed), (DataWidth::W128, 0, 0));
}

#[test]
fn a_tlp_passes_where_ready_meets_valid_and_ends_the_run() {
    let sent = tlp(40);
    let beats = sending(&sent);
    // Beat 0 is held for two clocks; nothing for one clock between beats 1 and 2.
    let script = [&beats[..1], &beats[..1], &beats[..2], &[PortOut::default()], &beats[2..], &[PortOut::default()]].concat();
    let mut bench = Bench::new(&script);
    bench.stimulus.tx_stall = 0b110;
    bench.now = 100;
    // Clocks 0: nothing; 1, 2: stalled; 3: beat 0; 4: beat 1; 5: nothing; 6: beat 2.
    assert_eq!(bench.run(50), 7);
    assert_eq!((bench.response.tlp_done, bench.response.tlp_first, &bench.response.tlp), (true, Cycle(103), &sent));
    bench.stimulus.tx_stall = 0;
    assert_eq!(bench.run(3), 3);
    assert!(!bench.response.tlp_done);
}

/// Each beat in turn is held for three clocks: it passes once, and the last one ends the TLP when it passes.
#[test]
fn a_beat_that_is_held_passes_once() {
    let sent = tlp(40);
    let beats = sending(&sent);
    for held in 0..3 {
        let script: Vec<_> = (0..3).flat_map(|index| vec![beats[index].clone(); if index == held { 4 } else { 1 }]).collect();
        let mut bench = Bench::new(&script);
        bench.stimulus.tx_stall = 0b111 << (1 + held);
        assert_eq!((bench.run(50), bench.response.tlp_done, &bench.response.tlp), (7, true, &sent), "beat {held}");
        assert_eq!(bench.response.tlp_first, Cycle(if held == 0 { 4 } else { 1 }));
    }
}

#[test]
fn a_tlp_goes_on_over_the_end_of_a_run() {
    let sent = tlp(40);
    let mut bench = Bench::new(&[sending(&sent), vec![PortOut::default()]].concat());
    assert_eq!((bench.run(2), bench.response.tlp_done), (2, false));
    assert_eq!((bench.run(1), bench.response.tlp_done), (1, false));
    assert_eq!((bench.run(9), bench.response.tlp_done), (1, true));
    assert_eq!((&bench.response.tlp, bench.response.tlp_first), (&sent, Cycle(1)));
}

#[test]
fn a_tlp_that_never_ends_is_cut_at_a_length_that_none_can_have() {
    let first = PortOut { tx: tlp(64).beat(0, DataWidth::W128), ..PortOut::default() };
    let mut endless = first.clone();
    (endless.tx.sop, endless.tx.eop) = (false, false);
    let mut bench = Bench::new(&[first, endless]);
    assert_eq!(bench.run(10_000), 1 + 4096 / 16 + 1);
    assert_eq!((bench.response.tlp_done, bench.response.tlp.payload().len()), (true, 4095));
}

#[test]
fn a_tlp_for_the_card_passes_beat_by_beat_and_ends_the_run() {
    let ready = |rx_ready| PortOut { rx_ready, ..PortOut::default() };
    let mut bench = Bench::new(&[ready(true), ready(false), ready(true)]);
    bench.stimulus.rx.extend([20, 0].map(|length| RxTlp { at: Cycle(0), tlp: tlp(length) }));
    // Not ready in clocks 0 and 2.
    assert_eq!(bench.run(2), 2);
    assert_eq!((bench.stimulus.rx_passed, bench.stimulus.rx.len()), (1, 2));
    assert_eq!(bench.run(50), 2);
    assert_eq!((bench.stimulus.rx_passed, bench.stimulus.rx.len(), &bench.stimulus.spare), (0, 1, &vec![tlp(20)]));
    assert_eq!(bench.run(50), 1);
    assert_eq!(bench.stimulus.spare, [tlp(20), tlp(0)]);
    let seen = &bench.port.endpoint().seen;
    let shown: Vec<_> = seen.iter().map(|input| (input.rx.sop, input.rx.eop, input.rx.bytes)).collect();
    assert_eq!(shown, [(true, false, 16), (true, false, 16), (false, true, 4), (false, true, 4), (true, true, 0)]);
}

#[test]
fn front_ends_move_where_the_card_is_ready_and_an_open_one_that_runs_empty_ends_the_run() {
    let mut bench = Bench::new(&[PortOut { front_ready: 0b10, front_busy: 0b01, ..PortOut::default() }]);
    for (channel, open) in [(0, true), (1, true)] {
        bench.stimulus.front[channel].open = open;
        bench.stimulus.front[channel].frames.extend([frame(0, 40, false), frame(0, 16, false)]);
    }
    // Clock 0: not ready; 1 to 3: the first frame; 4: the second.
    assert_eq!(bench.run(50), 5);
    assert_eq!((bench.stimulus.front[0].frames.len(), bench.stimulus.front[0].passed, bench.stimulus.front[1].frames.len()), (2, 0, 0));
    assert_eq!(bench.response.front_busy, 0b01);
    // One that is not open runs empty, and nothing comes of it.
    bench.stimulus.front[1].open = false;
    bench.stimulus.front[1].frames.push_back(frame(0, 16, false));
    assert_eq!((bench.run(10), bench.stimulus.front[1].frames.len()), (10, 0));
}

#[test]
fn outputs_pass_where_the_receiver_is_ready() {
    let mut out = PortOut { out_valid: 0b101, ..PortOut::default() };
    for (channel, bytes) in [(0, 3), (1, 4), (2, 5)] {
        out.out[channel] = FrontBeat { bytes, last: true, data: [bytes; 64], ..FrontBeat::NONE };
    }
    // Clocks 3 and 4 of channel 0, clock 4 of channel 2; channel 1 shows nothing, and 7 takes nothing.
    for (ready, taken) in [([3, 0, 4], [2, 0, 1]), ([u64::MAX, 0, 1], [0, 0, 4]), ([1, 0, u64::MAX], [4, 0, 0])] {
        let mut bench = Bench::new(&[out.clone()]);
        for (channel, cycle) in ready.into_iter().enumerate() {
            bench.stimulus.out[channel].ready_at = Cycle(cycle);
        }
        assert_eq!(bench.run(5), 5);
        assert_eq!([0, 1, 2].map(|channel| bench.stimulus.out[channel].ends.len()), taken);
        assert_eq!(bench.stimulus.out[2].bytes, vec![5; 5 * taken[2]]);
    }
}

#[test]
fn other_credits_end_the_run_once() {
    let credits = Limits([Limit::initial(1, 2); 3]);
    let mut bench = Bench::new(&[PortOut::default(), PortOut { credits, ..PortOut::default() }]);
    assert_eq!(bench.run(50), 2, "after clock 1 they are driven");
    assert_eq!(bench.response.credits, Some(credits));
    assert_eq!(bench.run(50), 50);
    bench.response.credits = None;
    assert_eq!(bench.run(50), 1, "nobody knew of any");
}

#[test]
fn quiet_clocks_are_skipped_up_to_the_limit_or_the_next_input() {
    let mut bench = Bench::new(&[]).quiet(u64::MAX);
    assert_eq!((bench.run(50), bench.skipped()), (50, &[50][..]));
    assert_eq!(bench.port.endpoint().seen.len(), 0);
    let mut bench = Bench::new(&[]).quiet(7);
    assert_eq!((bench.run(21), bench.skipped()), (21, &[7, 7, 7][..]), "no further than the endpoint says");
    let mut bench = Bench::new(&[]).quiet(7);
    assert_eq!((bench.run(20), bench.skipped()), (20, &[7, 7, 6][..]), "nor than the limit");
    let mut bench = Bench::new(&[]).quiet(0);
    assert_eq!((bench.run(5), bench.port.endpoint().seen.len()), (5, 5), "never quiet");
    // From cycle 1 on: a TLP comes in cycle 9, a frame in cycle 5.
    let mut bench = Bench::new(&[]).quiet(u64::MAX);
    bench.stimulus.rx.push_back(RxTlp { at: Cycle(9), tlp: tlp(0) });
    assert_eq!((bench.run(10), bench.skipped(), bench.port.endpoint().seen.len()), (10, &[8][..], 2));
    let mut bench = Bench::new(&[]).quiet(u64::MAX);
    bench.stimulus.rx.push_back(RxTlp { at: Cycle(9), tlp: tlp(0) });
    bench.stimulus.front[1].frames.push_back(frame(5, 4, false));
    assert_eq!((bench.run(10), bench.skipped(), bench.port.endpoint().seen.len()), (10, &[4][..], 6));
    let mut bench = Bench::new(&[]).quiet(u64::MAX);
    assert_eq!((bench.run(0), bench.run(1)), (1, 1), "a clock at least");
}

/// What stays as it is, is quiet after a clock in which it was shown; a beat, an output and a reset never are.
#[rstest]
#[case::a_beat_is_driven(|bench: &mut Bench| bench.port.endpoint_mut().outputs = vec![sending(&tlp(64))[1].clone()], false)]
#[case::an_output_is_driven(|bench: &mut Bench| bench.port.endpoint_mut().outputs = vec![PortOut { out_valid: 1, ..PortOut::default() }], false)]
#[case::reset(|bench: &mut Bench| bench.stimulus.reset = true, false)]
#[case::the_end_of_reset(|bench: &mut Bench| {
    bench.stimulus.reset = true;
    bench.run(1);
    bench.stimulus.reset = false;
}, true)]
#[case::the_link_goes_down(|bench: &mut Bench| bench.stimulus.link_up = false, true)]
#[case::credits(|bench: &mut Bench| bench.stimulus.credits = Limits::INFINITE, true)]
fn a_clock_in_which_something_is_shown_is_no_quiet_one(#[case] change: fn(&mut Bench), #[case] then_quiet: bool) {
    let mut bench = Bench::new(&[]).quiet(0);
    change(&mut bench);
    // What is driven is driven from the next clock on; nobody takes it.
    bench.stimulus.tx_ready_at = Cycle::NEVER;
    bench.stimulus.out.iter_mut().for_each(|out| out.ready_at = Cycle::NEVER);
    if !bench.port.endpoint().outputs.is_empty() {
        bench.run(1);
    }
    bench.port.endpoint_mut().quiet = u64::MAX;
    let before = bench.port.endpoint().seen.len();
    assert_eq!(bench.run(9), 9);
    let (seen, skipped): (_, &[u64]) = if then_quiet { (1, &[8]) } else { (9, &[]) };
    assert_eq!((bench.port.endpoint().seen.len() - before, bench.skipped()), (seen, skipped));
}

/// A card that shows numbers of its own.
struct Shown;

fn view(reads: u16) -> ChannelView {
    ChannelView { activity: Activity::Reading, reads, ..ChannelView::default() }
}

impl Inspect for Shown {
    fn c2h(&self, channel: usize) -> Option<ChannelView> {
        (channel < 2).then(|| view(10 + channel as u16))
    }

    fn h2c(&self, channel: usize) -> Option<ChannelView> {
        (channel < 1).then(|| view(20 + channel as u16))
    }

    fn tags(&self) -> (usize, usize) {
        (3, 32)
    }

    fn device_control(&self) -> u16 {
        0x78
    }
}

impl Endpoint for Shown {
    fn width(&self) -> DataWidth {
        DataWidth::W64
    }

    fn clock(&mut self, _: &PortIn, _: &mut PortOut) {}
}

#[test]
fn what_a_card_shows_of_itself_is_seen_through_its_port() {
    let port = Clocked::new(Shown);
    assert_eq!([0, 1, 2].map(|channel| port.c2h(channel)), [Some(view(10)), Some(view(11)), None]);
    assert_eq!([0, 1, 2].map(|channel| port.h2c(channel)), [Some(view(20)), None, None]);
    assert_eq!((port.tags(), port.device_control()), ((3, 32), 0x78));
}

/// An endpoint that says nothing of quiet clocks.
struct Plain;

impl Endpoint for Plain {
    fn width(&self) -> DataWidth {
        DataWidth::W64
    }

    fn clock(&mut self, _: &PortIn, output: &mut PortOut) {
        output.front_busy += 1;
    }
}

#[test]
fn an_endpoint_is_never_quiet_unless_it_says_so() {
    let mut port: Box<dyn TlpPort> = Box::new(Clocked::new(Plain));
    let mut response = Response { credits: Some(Limits::NONE), ..Response::default() };
    TlpPort::run(&mut port, Cycle(0), Cycles(9), &mut Stimulus::new(1), &mut response);
    assert_eq!((port.width(), response.clocks, response.front_busy), (DataWidth::W64, Cycles(9), 9));
    assert_eq!(TlpPort::width(&port), DataWidth::W64);
}

#[test]
#[should_panic(expected = "never quiet")]
fn an_endpoint_that_is_never_quiet_skips_nothing() {
    Plain.skip(Cycles(1));
}
