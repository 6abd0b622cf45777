//! A port that sends given TLPs and takes what comes: the inside of a middleware under test. It sends beat by beat, when its receiver is ready.

use super::{FaultLog, Faults, Rule};
use silico_spec::credit::{Class, Limit, Limits};
use silico_spec::frame::FrameHeader;
use silico_spec::params::DataWidth;
use silico_spec::port::{Response, RxTlp, Stimulus, TlpBuf, TlpPort};
use silico_spec::tlp::{CompletionStatus, Header, Kind};
use silico_spec::units::{Bdf, BusAddr, Cycle, Cycles, Dwords, Tag};
use std::collections::VecDeque;

pub(super) const CARD: Bdf = Bdf::from_bits(0x100);
pub(super) const HOST: Bdf = Bdf::from_bits(0);

#[derive(Debug, Default)]
pub(super) struct Script {
    /// When at the earliest, and what.
    pub(super) outs: VecDeque<(u64, TlpBuf)>,
    pub(super) beats: u32,
    pub(super) first: Cycle,
    /// What came, and in which clock its last beat passed.
    pub(super) arrived: Vec<(u64, TlpBuf)>,
    /// Limits that were shown, when they changed.
    pub(super) shown: Vec<(u64, Limits)>,
    pub(super) grants: Option<Limits>,
}

impl TlpPort for Script {
    fn width(&self) -> DataWidth {
        DataWidth::W256
    }

    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        (response.tlp_done, response.credits) = (false, self.grants);
        if self.shown.last().is_none_or(|last| last.1 != stimulus.credits) {
            self.shown.push((now.0, stimulus.credits));
        }
        for index in 0..limit.0 {
            let at = Cycle(now.0 + index);
            response.clocks = Cycles(index + 1);
            if let Some((from, tlp)) = self.outs.front()
                && stimulus.tx_ready(at, index)
                && *from <= at.0
            {
                self.first = if self.beats == 0 { at } else { self.first };
                self.beats += 1;
                if self.beats == DataWidth::W256.beats(tlp.payload().len() as u32) {
                    self.beats = 0;
                    response.tlp_first = self.first;
                    response.tlp = self.outs.pop_front().unwrap().1;
                    response.tlp_done = true;
                }
            }
            if let Some(rx) = stimulus.rx.front().filter(|rx| rx.at <= at) {
                stimulus.rx_passed += 1;
                if stimulus.rx_passed >= DataWidth::W256.beats(rx.tlp.payload().len() as u32) {
                    self.arrived.push((at.0, rx.tlp.clone()));
                    stimulus.rx_done();
                    return;
                }
            }
            if response.tlp_done {
                return;
            }
        }
    }
}

/// What came out at both ends.
#[derive(Debug)]
pub(super) struct Ran {
    /// With the clocks in which the first and the last beat passed.
    pub(super) sent: Vec<(u64, u64, TlpBuf)>,
    pub(super) arrived: Vec<(u64, TlpBuf)>,
    pub(super) shown: Vec<(u64, Limits)>,
    /// What the host was shown as the card's credits, when it changed.
    pub(super) granted: Vec<(u64, Limits)>,
    pub(super) log: FaultLog,
}

impl Ran {
    pub(super) fn up(&self) -> Vec<TlpBuf> {
        self.sent.iter().map(|sent| sent.2.clone()).collect()
    }

    pub(super) fn down(&self) -> Vec<TlpBuf> {
        self.arrived.iter().map(|arrived| arrived.1.clone()).collect()
    }
}

/// Runs a scripted card under `rules` for `clocks` clocks: it sends `outs`, and `ins` are sent to it, each from the cycle beside it on.
pub(super) fn ran(rules: &[&str], outs: &[TlpBuf], ins: &[(u64, TlpBuf)], clocks: u64) -> Ran {
    let outs = outs.iter().map(|tlp| (0, tlp.clone())).collect();
    ran_with(rules, Script { outs, grants: Some(grants()), ..Script::default() }, ins, clocks, Limits::INFINITE)
}

pub(super) fn grants() -> Limits {
    Limits([Limit::initial(16, 80), Limit::initial(8, 8), Limit::INFINITE])
}

pub(super) fn ran_with(rules: &[&str], script: Script, ins: &[(u64, TlpBuf)], clocks: u64, credits: Limits) -> Ran {
    let rules: Vec<Rule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    let log = FaultLog::default();
    let mut port = Faults::new(script, &rules, 1, log.clone());
    let (mut stimulus, mut response) = (Stimulus::new(1), Response::default());
    stimulus.credits = credits;
    let mut ins: VecDeque<_> = ins.iter().cloned().collect();
    let mut ran = Ran { sent: vec![], arrived: vec![], shown: vec![], granted: vec![], log };
    let (mut now, mut round) = (0, 0);
    while now < clocks {
        // As the machine does: a TLP is known 25 clocks before the card sees it.
        while let Some((at, tlp)) = ins.pop_front_if(|(at, _)| *at <= now + 25) {
            stimulus.rx.push_back(RxTlp { at: Cycle(at), tlp });
        }
        round += 1;
        let next = ins.front().map_or(u64::MAX, |(at, _)| at - 25 - now);
        let limit = next.min(1 + round * 7 % 23).min(clocks - now);
        port.run(Cycle(now), Cycles(limit), &mut stimulus, &mut response);
        assert!((1..=limit).contains(&response.clocks.0), "{} of {limit} clocks", response.clocks.0);
        now += response.clocks.0;
        if response.tlp_done {
            let beats = DataWidth::W256.beats(response.tlp.payload().len() as u32);
            assert!(response.tlp_first.0 + u64::from(beats) <= now, "faster than the port");
            ran.sent.push((response.tlp_first.0, now - 1, response.tlp.clone()));
        }
        let granted = response.credits.unwrap();
        if ran.granted.last().is_none_or(|last| last.1 != granted) {
            ran.granted.push((now, granted));
        }
        assert!(stimulus.rx.iter().is_sorted_by_key(|rx| rx.at), "times ascend");
    }
    (ran.arrived, ran.shown) = (port.inner().arrived.clone(), port.inner().shown.clone());
    ran
}

pub(super) fn write(address: u64, bytes: &[u8]) -> TlpBuf {
    let mut tlp = TlpBuf::new();
    tlp.set(Header::memory(Kind::MemWrite, CARD, Tag(0), BusAddr(address), Dwords(bytes.len() as u32 / 4)).0, bytes);
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

pub(super) fn read(address: u64, dwords: u32, tag: u16) -> TlpBuf {
    let mut tlp = TlpBuf::new();
    tlp.set(Header::memory(Kind::MemRead, CARD, Tag(tag), BusAddr(address), Dwords(dwords)).0, &[]);
    tlp
}

/// A completion of a read of the card with `bytes` bytes of `left` that remain.
pub(super) fn completion(tag: u16, left: u32, bytes: usize) -> TlpBuf {
    let mut tlp = TlpBuf::new();
    let header = Header::completion(true, HOST, CompletionStatus::Success, left, CARD, Tag(tag), 0, Dwords(bytes as u32 / 4));
    tlp.set(header.0, &vec![tag as u8; bytes]);
    tlp
}

/// A read of a register by the host.
pub(super) fn register_read(tag: u16) -> TlpBuf {
    let mut tlp = TlpBuf::new();
    tlp.set(Header::memory(Kind::MemRead, HOST, Tag(tag), BusAddr(0x1004), Dwords(1)).0, &[]);
    tlp
}

pub(super) fn class_of(tlp: &TlpBuf) -> Class {
    Header(tlp.header).kind().class()
}
