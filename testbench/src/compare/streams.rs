//! Transactions in the order that PCI Express and the card's own rules give them, and the first difference of two runs.
//!
//! Writes and reads of one buffer have an order, but that a frame's header may come before its payload or behind it: headers are a stream of their own. Those of different buffers have none, since they are of different channels or announce each other, which the
//! driver checks. Where a TLP ends is not compared: accesses that follow each other without a gap are one. What depends on time by its nature is left out: time
//! stamps, how often progress is told and interrupts are raised (whether at all, and what was told last, is compared), tags.

use super::record::{Answer, Kept, Sent};
use crate::fault::{WriteKind, classify};
use silico_spec::frame::{FrameHeader, GRID};
use silico_spec::map;
use silico_spec::port::TlpBuf;
use silico_spec::registers::MAP;
use silico_spec::tlp::{Header, Kind};
use silico_spec::writeback::{WORDS, WriteBack};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Bytes that a difference shows.
const SHOWN: usize = 16;

/// Accesses that follow each other without a gap, alike in all but length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Run {
    offset: u64,
    bytes: u64,
    /// Of writes.
    data: Vec<u8>,
    /// Traffic class, attributes, requester, byte enables of a single dword.
    form: String,
    /// Where TLPs begin: in `bytes`, and when.
    marks: Vec<(u64, u64)>,
}

impl Run {
    /// Clock of the TLP that holds byte `at`.
    fn clock(&self, at: u64) -> u64 {
        self.marks.iter().take_while(|(from, _)| *from <= at).last().map_or(0, |(_, clock)| *clock)
    }
}

/// The transactions of a run, ordered as far as they have an order.
#[derive(Debug, Default)]
struct Streams {
    writes: BTreeMap<String, Vec<Run>>,
    headers: BTreeMap<String, Vec<Run>>,
    reads: BTreeMap<String, Vec<Run>>,
    /// Interrupts and other messages, with the clock of the first.
    signals: BTreeMap<String, u64>,
    /// Write-back blocks as they were last, without time.
    blocks: BTreeMap<String, (WriteBack, u64)>,
    /// Values of registers that only software changes, and of config space, each change once.
    values: BTreeMap<String, Vec<Value>>,
}

/// Status and data of an answer, and when it came.
type Value = ((String, u64), u64);

/// Which buffer an address is in, and where.
fn place(kept: &Kept, address: u64) -> (String, u64) {
    let found = kept.buffers.iter().position(|(base, bytes)| (*base..base + bytes).contains(&address));
    match found {
        Some(index) => (format!("buffer {index} ({} bytes)", kept.buffers[index].1), address - kept.buffers[index].0),
        None => ("no buffer".into(), address),
    }
}

fn form(header: &Header) -> String {
    let attributes = header.attributes();
    let single = if header.length().0 <= 2 { format!(" be={:x}/{:x}", header.first_be(), header.last_be()) } else { String::new() };
    let flag = |set: bool, name: &'static str| if set { name } else { "" };
    format!(
        "TC{}{}{}{}{}{} from {}{single}",
        header.traffic_class(),
        flag(attributes.relaxed, " RO"),
        flag(attributes.no_snoop, " NS"),
        flag(attributes.id_based, " IDO"),
        flag(header.poisoned(), " EP"),
        flag(header.digest(), " TD"),
        header.requester()
    )
}

fn append(runs: &mut Vec<Run>, offset: u64, bytes: u64, form: String, data: &[u8], cycle: u64) {
    match runs.last_mut() {
        Some(last) if last.offset + last.bytes == offset && last.form == form => {
            last.marks.push((last.bytes, cycle));
            last.bytes += bytes;
            last.data.extend_from_slice(data);
        }
        _ => runs.push(Run { offset, bytes, data: data.to_vec(), form, marks: vec![(0, cycle)] }),
    }
}

impl Streams {
    fn of(kept: &Kept) -> Self {
        let mut this = Self::default();
        let mut tlp = TlpBuf::new();
        for sent in &kept.sent {
            tlp.set(sent.header.0, &sent.payload);
            this.sent(kept, sent, classify(&tlp));
        }
        kept.answers.iter().for_each(|answer| this.answered(answer));
        this
    }

    fn sent(&mut self, kept: &Kept, sent: &Sent, kind: WriteKind) {
        let header = &sent.header;
        let (place, offset) = place(kept, header.address().0);
        match (header.kind(), kind) {
            (Kind::MemWrite, WriteKind::Interrupt) => {
                let data = sent.payload.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
                self.signals.entry(format!("interrupt message {data:#x} to {}", header.address())).or_insert(sent.cycle);
            }
            (Kind::MemWrite, WriteKind::WriteBack) => {
                let mut words = [0; WORDS];
                words.iter_mut().zip(sent.payload.as_chunks::<8>().0).for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
                let block = WriteBack { sequence: 0, stamp: 0, ..WriteBack::parse(&words).unwrap_or_default() };
                self.blocks.insert(format!("{place}, offset {offset:#x}"), (block, sent.cycle));
            }
            (Kind::MemWrite, kind) => {
                let mut data = sent.payload.to_vec();
                if kind == WriteKind::Entry {
                    data[16..24].fill(0);
                }
                self.wrote(place, offset, header, data, sent.cycle);
            }
            (Kind::MemRead, _) => {
                let (reads, bytes) = (self.reads.entry(place).or_default(), header.length().bytes().into());
                append(reads, offset, bytes, form(header), &[], sent.cycle);
            }
            _ => {
                self.signals.entry(format!("{} code {:#04x}", header.kind(), header.message_code())).or_insert(sent.cycle);
            }
        }
    }

    /// A write of payload, of frames' headers (which lie on the grid; their time stamps are forgotten), or of both.
    fn wrote(&mut self, place: String, offset: u64, header: &Header, mut data: Vec<u8>, cycle: u64) {
        let (grid, form) = (GRID as usize, form(header));
        let payload = self.writes.entry(place.clone()).or_default();
        if !offset.is_multiple_of(GRID.into()) {
            append(payload, offset, data.len() as u64, form, &data, cycle);
            return;
        }
        let mut begin = 0;
        for at in (0..data.len()).step_by(grid) {
            let unit = data[at..].first_chunk::<{ GRID as usize }>();
            if unit.is_none_or(|unit| FrameHeader::parse(unit).is_err()) {
                continue;
            }
            data[at + 16..at + 24].fill(0);
            if begin < at {
                append(payload, offset + begin as u64, (at - begin) as u64, form.clone(), &data[begin..at], cycle);
            }
            let headers = self.headers.entry(place.clone()).or_default();
            append(headers, offset + at as u64, grid as u64, form.clone(), &data[at..at + grid], cycle);
            begin = at + grid;
        }
        if begin < data.len() {
            append(payload, offset + begin as u64, (data.len() - begin) as u64, form, &data[begin..], cycle);
        }
    }

    fn answered(&mut self, answer: &Answer) {
        let request = &answer.request;
        let name = match request.kind() {
            Kind::CfgRead0 | Kind::CfgWrite0 => format!("{} of {:#05x}", request.kind(), request.config_offset()),
            // BAR 0 is 64 KiB, on a boundary of its size.
            Kind::MemRead => match map::find(MAP, (request.address().0 & 0xffff) as u32) {
                Some(register) if !register.volatile => format!("register {}{}.{}", register.block, register.index, register.name),
                _ => return,
            },
            kind => kind.to_string(),
        };
        let values = self.values.entry(name).or_default();
        if values.last().is_none_or(|(last, _)| *last != answer.answer) {
            values.push((answer.answer.clone(), answer.cycle));
        }
    }
}

/// The first difference of two runs, in words.
pub(super) fn difference(names: [&str; 2], kept: [&Kept; 2]) -> Option<String> {
    let [first, second] = kept.map(Streams::of);
    let sides = |what: &str, a: &str, b: &str| format!("{what}: {} {a}, {} {b}", names[0], names[1]);
    runs("posted writes to", names, &first.writes, &second.writes)
        .or_else(|| runs("frames' headers written to", names, &first.headers, &second.headers))
        .or_else(|| runs("reads of", names, &first.reads, &second.reads))
        .or_else(|| {
            let only = |here: &Streams, there: &Streams| {
                here.signals.iter().find(|(signal, _)| !there.signals.contains_key(*signal)).map(|(signal, at)| (signal.clone(), *at))
            };
            let raised = |at: u64| format!("sends it, first at clock {at}");
            only(&first, &second).map(|(signal, at)| sides(&signal, &raised(at), "never does")).or_else(|| {
                only(&second, &first).map(|(signal, at)| sides(&signal, "never sends it", &format!("does, first at clock {at}")))
            })
        })
        .or_else(|| {
            let told = |block: Option<&(WriteBack, u64)>| {
                block.map_or("wrote none".into(), |(block, at)| format!("wrote {block:x?} at clock {at}"))
            };
            let pairs = keys(&first.blocks, &second.blocks).into_iter();
            pairs
                .map(|place| (place, first.blocks.get(place), second.blocks.get(place)))
                .find(|(_, a, b)| a.map(|a| a.0) != b.map(|b| b.0))
                .map(|(place, a, b)| sides(&format!("the last write-back block in {place}"), &told(a), &told(b)))
        })
        .or_else(|| values(names, &first, &second))
        .or_else(|| registers(names, kept))
}

fn keys<'a, T>(a: &'a BTreeMap<String, T>, b: &'a BTreeMap<String, T>) -> Vec<&'a String> {
    a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))).collect()
}

fn runs(what: &str, names: [&str; 2], a: &BTreeMap<String, Vec<Run>>, b: &BTreeMap<String, Vec<Run>>) -> Option<String> {
    for place in keys(a, b) {
        let [a, b] = [a, b].map(|streams| streams.get(place).map_or(&[][..], Vec::as_slice));
        let index = (0..a.len().max(b.len())).find(|index| {
            let same = |a: &Run, b: &Run| (a.offset, a.bytes, &a.form, &a.data) == (b.offset, b.bytes, &b.form, &b.data);
            !a.get(*index).zip(b.get(*index)).is_some_and(|(a, b)| same(a, b))
        });
        let Some(index) = index else { continue };
        let before: u64 = a[..index].iter().map(|run| run.bytes).sum();
        let (left, right) = (a.get(index), b.get(index));
        // Inside a stretch that both have: the first byte.
        let at = match (left, right) {
            (Some(a), Some(b)) if (a.offset, &a.form) == (b.offset, &b.form) => {
                let data = a.data.iter().zip(&b.data).position(|(a, b)| a != b).map(|at| at as u64);
                data.unwrap_or(a.bytes.min(b.bytes))
            }
            _ => 0,
        };
        let mut text = format!("{what} {place}, after {} bytes that are the same", before + at);
        for (name, runs) in names.iter().zip([a, b]) {
            // Where one stretch ends, the next one is what comes instead.
            let (run, at) = match runs.get(index) {
                Some(run) if at < run.bytes => (Some(run), at),
                _ => (runs.get(index + 1), 0),
            };
            let _ = match run {
                Some(run) => {
                    let shown: String = run.data.iter().skip(at as usize).take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
                    let shown = if shown.is_empty() { String::new() } else { format!(", {shown}...") };
                    write!(
                        text,
                        "; {name}: offset {:#x}, {} bytes, {}{shown}, at clock {}",
                        run.offset + at,
                        run.bytes - at,
                        run.form,
                        run.clock(at)
                    )
                }
                None => write!(text, "; {name}: nothing"),
            };
        }
        return Some(text);
    }
    None
}

fn values(names: [&str; 2], first: &Streams, second: &Streams) -> Option<String> {
    for name in keys(&first.values, &second.values) {
        let [a, b] = [first, second].map(|streams| streams.values.get(name).map_or(&[][..], Vec::as_slice));
        let Some(index) = (0..a.len().max(b.len())).find(|index| a.get(*index).map(|one| &one.0) != b.get(*index).map(|one| &one.0)) else {
            continue;
        };
        let show = |values: &[Value]| {
            values.get(index).map_or("no more".to_string(), |((status, value), at)| format!("{status} {value:#x} at clock {at}"))
        };
        return Some(format!("answers to {name}, number {}: {} gave {}, {} {}", index + 1, names[0], show(a), names[1], show(b)));
    }
    None
}

/// Registers at the end, those that tell of time left out.
fn registers(names: [&str; 2], kept: [&Kept; 2]) -> Option<String> {
    let pairs = kept[0].registers.iter().zip(&kept[1].registers);
    let ((name, a), (_, b)) = pairs.into_iter().find(|(a, b)| a != b)?;
    Some(format!("register {name} at the end: {} has {a:#x}, {} {b:#x}", names[0], names[1]))
}
