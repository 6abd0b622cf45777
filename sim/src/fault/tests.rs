//! Each kind of fault reaches the far side, leaves the rest alone, and keeps credits and the port's clocks right.

use super::script::{
    CARD, HOST, Ran, Script, class_of, completion, grants, header, interrupt, payload, ran, ran_with, read, register_read, write,
};
use super::*;
use crate::distribution::stream;
use silico_spec::credit::{Class, Limit, Limits};
use silico_spec::frame::FrameHeader;
use silico_spec::port::{FrontFrame, Response, Stimulus, TlpBuf, TlpPort};
use silico_spec::registers::{c2h, h2c};
use silico_spec::tlp::{self, CompletionStatus, Header, Kind, RuleBroken};
use silico_spec::units::{Bdf, BusAddr, Cycle, Cycles, Dwords, Tag};

fn writes(count: u64) -> Vec<TlpBuf> {
    (0..count).map(|index| payload(0x1000 + index * 64, index as u8)).collect()
}

fn planted(ran: &Ran) -> Vec<(String, u64)> {
    ran.log.records().iter().map(|one| (one.rule.to_string(), one.cycle.0)).collect()
}

fn reads(count: u16) -> Vec<(u64, TlpBuf)> {
    (0..count).map(|tag| (40 + u64::from(tag) * 10, completion(tag, 64, 64))).collect()
}

fn head(tlp: &TlpBuf) -> Header {
    Header(tlp.header)
}

#[test]
fn without_rules_nothing_changes() {
    let ran = ran(&[], &writes(9), &reads(5), 200);
    assert_eq!((ran.up(), ran.down()), (writes(9), reads(5).into_iter().map(|one| one.1).collect()));
    assert_eq!(ran.log.total(), 0);
}

#[test]
fn a_rule_that_never_matches_changes_nothing() {
    let [plain, armed] = [&[][..], &["cpl.drop@99", "msg.drop", "mwr.drop/addr=0..0x10", "any.drop/req=05:00.0", "payload.dup/ch=3"]]
        .map(|rules| ran(rules, &writes(9), &reads(5), 200));
    assert_eq!((plain.sent, plain.arrived), (armed.sent, armed.arrived));
    assert_eq!(armed.log.never_happened().unwrap().to_string(), "cpl.drop@99");
}

#[test]
fn drop_takes_the_nth_of_its_kind_and_gives_its_credits_back() {
    let tlps = [interrupt(0), payload(0x1000, 1), interrupt(1), interrupt(2)];
    let script = Script { outs: tlps.iter().map(|tlp| (0, tlp.clone())).collect(), grants: Some(grants()), ..Script::default() };
    let ran = ran_with(&["drop-interrupt@2"], script, &[], 50, grants());
    assert_eq!(ran.up(), [tlps[0].clone(), tlps[1].clone(), tlps[3].clone()]);
    assert_eq!(planted(&ran), [("irq.drop@2".to_string(), 3)]);
    let mut more = grants();
    more.of_mut(Class::Posted).grant(1, 1);
    assert_eq!(ran.shown.last().unwrap().1, more, "to the card");
}

#[test]
fn drop_towards_the_card_gives_the_host_its_credits_back() {
    let ins = [(30, write(0x9000, &[1; 8])), (40, write(0x9008, &[2; 8])), (50, register_read(0))];
    let ran = ran(&["down.mwr.drop@1", "down.mrd.drop"], &[], &ins, 100);
    assert_eq!(ran.down(), [ins[1].1.clone()]);
    let mut more = grants();
    more.of_mut(Class::Posted).grant(1, 1);
    more.of_mut(Class::NonPosted).grant(1, 0);
    assert_eq!(ran.granted.last().unwrap().1, more);
}

#[test]
fn delay_holds_all_behind_it() {
    let ran = ran(&["mwr.delay(100)@2", "cpl.delay(70)@1"], &writes(4), &reads(3), 400);
    assert_eq!(ran.up(), writes(4), "order is kept");
    assert!(ran.sent[0].1 < 5 && ran.sent[1].0 >= 103 && ran.sent[1].0 < 110, "{:?}", ran.sent);
    assert!(ran.sent[2].0 > ran.sent[1].1);
    assert_eq!(ran.down(), reads(3).into_iter().map(|one| one.1).collect::<Vec<_>>());
    assert!(ran.arrived[0].0 >= 110 && ran.arrived[1].0 > ran.arrived[0].0, "{:?}", ran.arrived);
}

#[test]
fn overtake_lets_pass_what_may_and_reorder_all() {
    let outs = [read(0x5000, 16, 1), payload(0x1000, 1), read(0x6000, 16, 2), payload(0x2000, 2)];
    let order = |rule: &str| ran(&[rule], &outs, &[], 300).up();
    let [r1, w1, r2, w2] = outs.clone();
    assert_eq!(order("mrd.overtake(100)@1"), [w1.clone(), r2.clone(), w2.clone(), r1.clone()], "all may pass a read");
    assert_eq!(order("mwr.overtake(100)@1"), [r1.clone(), w1.clone(), r2.clone(), w2.clone()], "nothing may pass a write");
    assert_eq!(order("mwr.reorder(100)@1"), [r1, r2, w2, w1]);
    // Completions of one request keep their order, those of others pass.
    let ins = [(30, completion(1, 128, 64)), (35, completion(1, 64, 64)), (40, completion(2, 64, 64))];
    let order = |rule: &str| ran(&[rule], &[], &ins, 300).down();
    let [a, b, c] = ins.clone().map(|one| one.1);
    assert_eq!(order("cpl.overtake(100)@1"), [c.clone(), a.clone(), b.clone()]);
    assert_eq!(order("cpl.reorder(100)@1"), [b, c, a]);
}

#[test]
fn one_byte_of_payload_turns_over() {
    let tlps = [payload(0x1000, 1), header(0x1100, 0), interrupt(0), payload(0x1200, 2), payload(0x1300, 3)];
    let ran = ran(&["flip-byte@2"], &tlps, &reads(2), 100);
    for (i, (got, want)) in ran.up().iter().zip(&tlps).enumerate() {
        let changed = got.payload().iter().zip(want.payload()).filter(|(a, b)| a != b).count();
        assert_eq!(changed, usize::from(i == 3), "TLP {i}");
    }
    // Behind the header, if both are in one TLP.
    let both = write(0x1000, &[&FrameHeader { length: 32, ..FrameHeader::default() }.emit()[..], &[7; 32]].concat());
    let got = ran_one(&["flip-byte@1"], &both);
    assert_eq!((got.payload()[31], got.payload()[32]), (both.payload()[31], !7));
    let got = ran_one(&["mwr.corrupt(data[5]^0x10)@1"], &both);
    assert_eq!(got.payload()[5], both.payload()[5] ^ 0x10);
}

fn ran_one(rules: &[&str], tlp: &TlpBuf) -> TlpBuf {
    let up = ran(rules, std::slice::from_ref(tlp), &[], 50).up();
    assert_eq!(up.len(), 1);
    up[0].clone()
}

#[test]
fn header_fields_turn_over_both_ways() {
    let write = ran_one(&["mwr.corrupt(requester^8)", "mwr.corrupt(address^0x800)", "mwr.corrupt(attr^2)"], &payload(0x1000, 1));
    assert_eq!((head(&write).requester(), head(&write).address()), (Bdf::from_bits(0x108), BusAddr(0x3000)));
    assert!(head(&write).attributes().relaxed);
    let got = ran(&["cpl.corrupt(tag^8)@1", "cpl.corrupt(byte-count)@2", "cpl.corrupt(status^4)@3"], &[], &reads(4), 200).down();
    assert_eq!(head(&got[0]).tag(), Tag(8));
    assert_eq!(head(&got[1]).byte_count(), 65);
    assert_eq!(head(&got[2]).status(), CompletionStatus::CompleterAbort);
    assert_eq!(got[3], reads(4)[3].1);
}

#[test]
fn poison_sets_ep_and_nothing_else() {
    let ran = ran(&["payload.poison@2", "cpl.poison@1"], &writes(3), &reads(2), 100);
    let poisoned = |tlps: Vec<TlpBuf>| tlps.iter().map(|tlp| head(tlp).poisoned()).collect::<Vec<_>>();
    assert_eq!((poisoned(ran.up()), poisoned(ran.down())), (vec![false, true, false], vec![true, false]));
}

#[test]
fn duplicates_follow_and_are_paid_for() {
    let script = Script { outs: writes(3).into_iter().map(|tlp| (0, tlp)).collect(), grants: Some(grants()), ..Script::default() };
    let limits = Limits([Limit::initial(100, 1000), Limit::initial(8, 8), Limit::INFINITE]);
    let ran = ran_with(&["mwr.dup@2", "cpl.dup@1"], script, &reads(2), 100, limits);
    let [a, b, c] = [0, 1, 2].map(|index| writes(3)[index].clone());
    assert_eq!(ran.up(), [a, b.clone(), b, c]);
    assert_eq!(ran.down().iter().map(|tlp| head(tlp).tag().0).collect::<Vec<_>>(), [0, 0, 1]);
    assert_eq!(ran.shown.last().unwrap().1.of(Class::Posted), &Limit::initial(99, 996), "one header and 64 bytes less for the card");
}

#[test]
fn a_duplicate_waits_for_credits() {
    let script = Script { outs: writes(1).into_iter().map(|tlp| (0, tlp)).collect(), grants: Some(grants()), ..Script::default() };
    let ran = ran_with(&["mwr.dup@1"], script, &[], 3000, Limits([Limit::initial(1, 64), Limit::NONE, Limit::NONE]));
    assert_eq!(ran.up().len(), 1);
}

#[test]
fn truncate_and_malformed_break_the_length() {
    let limits = tlp::Limits { max_payload: 256, ..tlp::Limits::DEFAULT };
    let check = |tlp: &TlpBuf| tlp::check(&head(tlp), tlp.payload().len(), &limits);
    let ran = ran(
        &["mwr.truncate(3)@1", "mwr.malformed@2", "mrd.malformed@1", "cpl.malformed@2"],
        &[writes(3), vec![read(0x5000, 4, 1)]].concat(),
        &reads(2),
        100,
    );
    let (up, down) = (ran.up(), ran.down());
    assert_eq!(check(&up[0]), Err(RuleBroken::PayloadLength { promised: 64, got: 12 }));
    assert_eq!(check(&up[1]), Err(RuleBroken::PayloadLength { promised: 68, got: 64 }));
    assert_eq!(check(&up[2]), Ok(()));
    assert!(matches!(check(&up[3]), Err(RuleBroken::UnknownKind { .. })));
    assert_eq!((check(&down[0]), check(&down[1])), (Ok(()), Err(RuleBroken::PayloadLength { promised: 68, got: 64 })));
}

#[test]
fn a_request_is_answered_in_place_of_its_completer() {
    for (rule, status) in [
        ("mrd.ur@2", CompletionStatus::UnsupportedRequest),
        ("mrd.ca@2", CompletionStatus::CompleterAbort),
        ("mrd.crs@2", CompletionStatus::ConfigRetry),
    ] {
        let ran = ran(&[rule], &[read(0x5000, 16, 1), read(0x6004, 16, 2), read(0x7000, 16, 3)], &[], 300);
        assert_eq!(ran.up().iter().map(|tlp| head(tlp).tag().0).collect::<Vec<_>>(), [1, 3], "{rule}");
        let answer = head(&ran.down()[0]);
        assert_eq!((answer.kind(), answer.status(), answer.tag(), answer.requester()), (Kind::Completion, status, Tag(2), CARD));
        assert_eq!((answer.byte_count(), answer.lower_address()), (64, 4));
        assert_eq!(tlp::check(&answer, 0, &tlp::Limits::DEFAULT), Ok(()));
    }
    // The card's answer to a register read; its ID is known from a config request.
    let mut config = TlpBuf::new();
    config.set(Header::config(Kind::CfgRead0, HOST, Tag(9), CARD, 0, 0xf).0, &[]);
    let ran = ran(&["down.mrd.ur@1"], &[], &[(30, config), (40, register_read(5)), (60, register_read(6))], 200);
    assert_eq!(ran.down().iter().map(|tlp| head(tlp).tag().0).collect::<Vec<_>>(), [9, 6]);
    let answer = head(&ran.up()[0]);
    assert_eq!((answer.status(), answer.tag(), answer.completer()), (CompletionStatus::UnsupportedRequest, Tag(5), CARD));
    assert_eq!((answer.byte_count(), answer.lower_address()), (4, 4));
}

#[test]
fn a_completion_becomes_another_answer_for_all_that_remains() {
    let ins = [(30, completion(1, 192, 64)), (40, completion(1, 128, 64)), (50, completion(2, 64, 64)), (60, completion(1, 64, 64))];
    let ran = ran(&["cpl.ur@2"], &[], &ins, 200);
    let got = ran.down();
    assert_eq!(
        got.iter().map(|tlp| (head(tlp).tag().0, head(tlp).kind())).collect::<Vec<_>>(),
        [(1, Kind::CompletionData), (2, Kind::CompletionData), (1, Kind::Completion)]
    );
    assert_eq!((head(&got[2]).status(), head(&got[2]).byte_count()), (CompletionStatus::UnsupportedRequest, 128));
}

#[test]
fn what_is_never_answered_vanishes_whole() {
    let ins = [(30, completion(1, 128, 64)), (40, completion(2, 64, 64)), (50, completion(1, 64, 64)), (60, completion(1, 64, 64))];
    let ran = ran(&["cpl.timeout@1", "mrd.timeout@2"], &[read(0x5000, 16, 7), read(0x6000, 16, 8)], &ins, 200);
    assert_eq!(ran.down().iter().map(|tlp| head(tlp).tag().0).collect::<Vec<_>>(), [2, 1], "the tag's next read is another");
    assert_eq!(ran.up().iter().map(|tlp| head(tlp).tag().0).collect::<Vec<_>>(), [7]);
}

#[test]
fn completions_that_nobody_asked_for_come() {
    let ran = ran(&["cpl.spurious@1", "mwr.spurious@1"], &[read(0x5000, 16, 255), payload(0x1000, 1)], &reads(2), 200);
    let tags: Vec<u16> = ran.down().iter().map(|tlp| head(tlp).tag().0).collect();
    assert_eq!(tags, [0, 254, 1], "255 is in flight");
    assert_eq!(head(&ran.down()[1]).requester(), CARD);
    let up = ran.up();
    assert_eq!((up.len(), class_of(&up[2]), head(&up[2]).requester()), (3, Class::Completion, HOST));
}

#[test]
fn stall_and_retrain_stop_the_clock_of_their_ways() {
    let stalled = ran(&["mwr.stall(100)@1"], &writes(3), &reads(2), 300);
    assert!(stalled.sent[0].1 < 3 && stalled.sent[1].0 >= 102, "{:?}", stalled.sent);
    assert!(stalled.arrived[0].0 < 50, "the other way goes on");
    let stalled = ran(&["cpl.stall(100)@1"], &writes(3), &reads(3), 300);
    assert!(stalled.arrived[0].0 < 50 && stalled.arrived[1].0 >= 140 && stalled.sent[2].1 < 20);
    let retrained = ran(&["mwr.retrain(100)@1"], &writes(3), &reads(2), 300);
    assert!(retrained.sent[1].0 >= 102 && retrained.arrived[0].0 >= 102, "{:?}", retrained.arrived);
    assert_eq!((retrained.up(), retrained.down().len()), (writes(3), 2), "and nothing is lost");
}

#[test]
fn starvation_freezes_what_the_sender_is_shown() {
    let script = Script { outs: writes(2).into_iter().map(|tlp| (0, tlp)).collect(), grants: Some(grants()), ..Script::default() };
    let rules: Vec<Rule> = vec!["mwr.starve(100)@1".parse().unwrap()];
    let mut port = Faults::new(script, &rules, 1, FaultLog::default());
    let (mut stimulus, mut response) = (Stimulus::new(0), Response::default());
    let mut now = 0;
    while now < 200 {
        stimulus.credits = Limits([Limit::initial(10 + (now / 50) as u8, 100); 3]);
        port.run(Cycle(now), Cycles(5), &mut stimulus, &mut response);
        now += response.clocks.0;
    }
    let shown: Vec<u8> = port.inner().shown.iter().map(|(_, limits)| limits.of(Class::Posted).headers.unwrap()).collect();
    assert_eq!(shown, [10, 12, 13], "11 came while it starved");
    assert!((102..110).contains(&port.inner().shown[1].0));
}

#[test]
fn a_flap_asks_the_machine() {
    let script = Script { outs: writes(2).into_iter().map(|tlp| (0, tlp)).collect(), ..Script::default() };
    let mut port = Faults::new(script, &["mwr.flap(500)@2".parse().unwrap()], 1, FaultLog::default());
    let switch = port.link_switch();
    let (mut stimulus, mut response) = (Stimulus::new(0), Response::default());
    port.run(Cycle(0), Cycles(9), &mut stimulus, &mut response);
    assert_eq!(switch.take(), None);
    port.run(Cycle(2), Cycles(9), &mut stimulus, &mut response);
    assert_eq!((switch.take(), switch.take()), (Some(Cycles(500)), None));
}

#[test]
fn triggers_windows_and_limits_count_what_matches() {
    let struck = |rule: &str| {
        ran(&[rule], &writes(20), &[], 200).log.records().iter().map(|one| one.header.address().0 / 64 % 64).collect::<Vec<_>>()
    };
    assert_eq!(struck("mwr.poison@3"), [2]);
    assert_eq!(struck("mwr.poison@3+5"), [2, 7, 12, 17]);
    assert_eq!(struck("mwr.poison@3+5/times=2"), [2, 7]);
    assert_eq!(struck("mwr.poison/cycles=10..15"), [5, 6], "a write takes two clocks");
    assert_eq!(struck("mwr.poison@2/addr=0x1100..0x1200"), [5]);
    assert_eq!(struck("mwr.poison/req=01:00.0/times=1"), [0]);
    assert!(struck("mwr.poison/req=02:00.0").is_empty());
}

#[test]
fn each_rule_draws_from_a_stream_of_its_own() {
    let struck = |rules: &[&str]| {
        let ran = ran(rules, &writes(400), &[], 1200);
        let records = ran.log.records();
        records.iter().filter(|one| one.rule.to_string() == "mwr.poison%0.2").map(|one| one.header.address().0).collect::<Vec<_>>()
    };
    let alone = struck(&["mwr.poison%0.2"]);
    assert!((50..110).contains(&alone.len()), "{}", alone.len());
    assert_eq!(struck(&["mwr.corrupt(tag)%0.3", "mwr.poison%0.2"]), alone);
    assert_eq!(struck(&["mwr.poison%0.2", "mwr.dup%0.1"])[..], alone[..struck(&["mwr.poison%0.2", "mwr.dup%0.1"]).len()]);
    assert_ne!(stream(1, 5), stream(2, 5));
}

#[test]
fn rules_apply_in_order_and_judge_what_was_sent() {
    let got = ran(&["mwr.drop@1", "mwr.corrupt(tag)@2", "mwr.poison@2"], &writes(3), &[], 50);
    assert_eq!(got.up().len(), 2);
    let second = head(&got.up()[0]);
    assert_eq!((second.tag(), second.poisoned()), (Tag(1), true));
    assert_eq!(planted(&got).len(), 3);
}

#[test]
fn channels_are_learnt_from_registers_and_descriptors() {
    let register = |at, offset: u32, value: u64| (at, write(0x8000_0000 + u64::from(offset), &value.to_le_bytes()));
    let words: Vec<u8> = [0x7000u64, 64, 0, 0].iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut descriptor = completion(1, 32, 32);
    descriptor.payload_mut().copy_from_slice(&words);
    let ins =
        [register(30, c2h::offset(2, c2h::RING_BASE), 0x10_0000), register(31, h2c::offset(1, h2c::RING_BASE), 0x5000), (60, descriptor)];
    let outs = [(40, read(0x5000, 8, 1)), (100, read(0x7000, 16, 2)), (110, payload(0x10_0040, 1)), (120, payload(0x20, 9))];
    let script = Script { outs: outs.into_iter().collect(), grants: Some(grants()), ..Script::default() };
    let ran = ran_with(&["mrd.timeout@2/ch=1", "payload.drop/c2h=2", "mwr.drop/h2c=2"], script, &ins, 200, Limits::INFINITE);
    let passed: Vec<u64> = ran.up().iter().map(|tlp| head(tlp).address().0).collect();
    assert_eq!(passed, [0x5000, 0x20]);
}

#[test]
fn a_front_end_frame_stands_in_the_queue_twice() {
    let log = FaultLog::default();
    let mut port = Faults::new(Script::default(), &["repeat-frame@2".parse().unwrap()], 1, log.clone());
    let mut stimulus = Stimulus::new(1);
    let data: std::sync::Arc<[u8]> = (0..30).collect();
    let frame = |start| FrontFrame { at: Cycle(0), source: 0, error: false, data: data.clone(), start, len: 10 };
    stimulus.front[0].frames.extend([frame(0), frame(10), frame(20)]);
    port.run(Cycle(5), Cycles(1), &mut stimulus, &mut Response::default());
    port.run(Cycle(6), Cycles(1), &mut stimulus, &mut Response::default());
    let starts: Vec<usize> = stimulus.front[0].frames.iter().map(|frame| frame.start).collect();
    assert_eq!(starts, [0, 10, 10, 20]);
    assert_eq!(log.records()[0].cycle, Cycle(5));
}

#[test]
fn a_made_frame_takes_the_place_of_the_next() {
    // Frames of 64 bytes: payload at base + 32, header at base, then the next frame at base + 96.
    let frame = |base: u64, fill: u8, sequence: u64| vec![payload(base + 32, fill), header(base, sequence)];
    let led = |base: u64, fill: u8, sequence: u64| vec![header(base, sequence), payload(base + 32, fill)];
    let leading = [led(0x1000, 1, 0), led(0x1060, 2, 1), led(0x10c0, 3, 2)].concat();
    let got = ran(&["repeat-frame@1"], &leading, &[], 50).up();
    assert_eq!([got[2].payload(), got[3].payload()], [got[0].payload(), got[1].payload()], "a header that leads");
    assert_eq!(got[4..], leading[4..]);
    let tlps = [frame(0x1000, 1, 0), frame(0x1060, 2, 1), frame(0x10c0, 3, 2)].concat();
    let ran = ran(&["repeat-frame@1"], &tlps, &[], 50);
    let got = ran.up();
    let bytes: Vec<Vec<u8>> = got.iter().map(|tlp| tlp.payload().to_vec()).collect();
    assert_eq!(bytes[2], bytes[0], "payload again");
    assert_eq!(bytes[3], bytes[1], "header again");
    assert_eq!(got[4..], tlps[4..], "and no more");
    assert_eq!(got[2].header, tlps[2].header, "in the next frame's place");
    assert_eq!(ran.log.total(), 1);
}

#[test]
fn kinds_are_told_apart() {
    let mut message = TlpBuf::new();
    message.set(Header::of(Kind::Message(0), false, Dwords(0)).with_requester(CARD).with_message_code(0x30).0, &[]);
    let outs = [payload(0x1000, 1), interrupt(0), read(0x5000, 4, 1), message, completion(3, 4, 4)];
    let left = |rule: &str| {
        let up = ran(&[rule], &outs, &[], 100).up();
        outs.iter().position(|tlp| !up.contains(tlp)).filter(|_| up.len() == 4)
    };
    assert_eq!(left("payload.drop@1"), Some(0));
    assert_eq!(left("irq.drop@1"), Some(1));
    assert_eq!(left("mwr.drop@2"), Some(1));
    assert_eq!(left("mrd.drop@1"), Some(2));
    assert_eq!(left("msg.drop@1"), Some(3));
    assert_eq!(left("up.cpl.drop@1"), Some(4));
    assert_eq!(left("any.drop@5"), Some(4));
    assert_eq!(left("cfg.drop@1"), None);
}
