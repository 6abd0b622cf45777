//! The rules against packets of real devices: whatever real hardware sent must pass, else the rule is wrong.
//!
//! Runs if the environment variable `SILICO_CAPTURES` names a folder with `*.pcap` files of TLPs in UDP (NetTLP's format: 2 bytes sequence, 4 bytes time
//! stamp, the TLP as on the wire). Packets cut short by the capture are judged by their header and the length that IP says.

use silico_spec::tlp::{CompletionSequence, Header, Kind, Limits, Progress, check};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

/// Bytes of NetTLP's own header before the TLP.
const NETTLP_HEADER: usize = 6;
/// What holds at least on the machines that were captured. Their RCB is not known; 64 is what either kind of completer keeps.
const LIMITS: Limits = Limits { max_payload: 512, max_read_request: 4096, rcb: 64, ..Limits::DEFAULT };

/// A packet out of a capture.
struct Captured {
    /// Source and destination address: which end of the path saw it.
    path: [u8; 8],
    header: Header,
    payload_len: usize,
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("SILICO_CAPTURES: cannot read {}: {error}", folder.display()));
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "pcap") {
            found.push(path);
        }
    }
    found.sort();
}

/// The frames of a pcap file, micro- or nanosecond, of either byte order.
fn frames(file: &[u8]) -> Vec<&[u8]> {
    let little = match file[..4] {
        [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => true,
        [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => false,
        ref magic => panic!("magic {magic:02x?} is not pcap's"),
    };
    let mut rest = &file[24..];
    let mut out = Vec::new();
    while let Some((head, tail)) = rest.split_at_checked(16) {
        let captured = head[8..12].try_into().unwrap();
        let captured = if little { u32::from_le_bytes(captured) } else { u32::from_be_bytes(captured) };
        let (frame, after) = tail.split_at(captured as usize);
        out.push(frame);
        rest = after;
    }
    out
}

/// The TLP of an Ethernet frame; `None` if it is no UDP.
fn tlp_of(frame: &[u8]) -> Option<Captured> {
    let mut at = 12;
    while frame[at..at + 2] == [0x81, 0x00] {
        at += 4;
    }
    let ip = &frame[at + 2..];
    if frame[at..at + 2] != [0x08, 0x00] || ip[9] != 17 {
        return None;
    }
    let ip_header = usize::from(ip[0] & 0xf) * 4;
    let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let start = ip_header + 8 + NETTLP_HEADER;
    let header = Header::from_wire(&ip[start..])?;
    let payload_len = total - start - header.dwords() * 4;
    Some(Captured { path: ip[12..20].try_into().unwrap(), header, payload_len })
}

#[derive(Default)]
struct Tally {
    packets: usize,
    completed: usize,
    failures: Vec<String>,
}

/// Judges each packet alone, then each read with its completions. The capturing host stamped the two directions in different queues, so a
/// completion may stand before its request; within a direction the order is right. So the nth read of a tag gets the nth set of completions.
fn judge(name: &str, packets: &[Captured], tally: &mut Tally) {
    let mut requests: BTreeMap<_, VecDeque<CompletionSequence>> = BTreeMap::new();
    for (index, Captured { path, header, payload_len }) in packets.iter().enumerate() {
        tally.packets += 1;
        if let Err(rule) = check(header, *payload_len, &LIMITS) {
            tally.failures.push(format!("{name} packet {}: {header}: {rule}", index + 1));
        }
        if let Ok(sequence) = CompletionSequence::new(header) {
            requests.entry((*path, header.requester(), header.tag())).or_default().push_back(sequence);
        }
    }
    for (index, Captured { path, header, payload_len }) in packets.iter().enumerate() {
        // Completions travel against their requests.
        let back: [u8; 8] = [&path[4..], &path[..4]].concat().try_into().unwrap();
        let open = requests.get_mut(&(back, header.requester(), header.tag()));
        let (Kind::CompletionData, Some(open)) = (header.kind(), open) else { continue };
        let Some(sequence) = open.front_mut() else {
            tally.failures.push(format!("{name} packet {}: {header}: no request is left for it", index + 1));
            continue;
        };
        match sequence.push(header, *payload_len, &LIMITS) {
            Ok(Progress::More) => {}
            Ok(_) => {
                tally.completed += 1;
                open.pop_front();
            }
            Err(rule) => tally.failures.push(format!("{name} packet {}: {header}: {rule}", index + 1)),
        }
    }
}

#[test]
fn real_packets_break_no_rule() {
    let Some(folder) = std::env::var_os("SILICO_CAPTURES") else {
        eprintln!("SKIPPED: real_packets_break_no_rule did not run; set SILICO_CAPTURES to a folder with pcap files of TLPs");
        return;
    };
    let mut files = Vec::new();
    files_below(Path::new(&folder), &mut files);
    assert!(!files.is_empty(), "SILICO_CAPTURES: no *.pcap below {}", folder.display());
    let mut tally = Tally::default();
    for path in &files {
        let file = std::fs::read(path).unwrap();
        let packets: Vec<_> = frames(&file).into_iter().filter_map(tlp_of).collect();
        judge(&path.display().to_string(), &packets, &mut tally);
    }
    eprintln!("{} packets of {} files, {} reads followed to their end", tally.packets, files.len(), tally.completed);
    assert!(tally.packets > 0 && tally.completed > 0, "captures without TLPs, or without a read and its completions");
    assert!(tally.failures.is_empty(), "{} packets refused:\n{}", tally.failures.len(), tally.failures.join("\n"));
}
