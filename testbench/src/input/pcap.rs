//! Classic pcap, read and written: both byte orders, microsecond and nanosecond stamps, any link type. What a packet means is unknown here.
//!
//! Source: libpcap's `pcap-savefile(5)`. pcapng is another format and is refused by name.

use super::error::BadInput;
use std::io::{self, Write};

/// Most bytes of one record: libpcap's own largest snapshot length.
pub const MAX_RECORD: u32 = 256 << 10;
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const MAGIC_MICROS: u32 = 0xa1b2_c3d4;
const MAGIC_NANOS: u32 = 0xa1b2_3c4d;
const MAGIC_PCAPNG: u32 = 0x0a0d_0d0a;

/// One packet: where its captured bytes lie in the file, and when it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Nanoseconds since the epoch.
    pub stamp_ns: u64,
    /// First captured byte in the file.
    pub start: usize,
    /// Captured bytes.
    pub len: u32,
}

/// What the first four bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Classic pcap.
    Pcap,
    /// pcapng.
    Pcapng,
    /// Neither.
    Other,
}

/// Tells formats apart by the magic number.
#[must_use]
pub fn detect(bytes: &[u8]) -> Format {
    let Some(magic) = bytes.first_chunk::<4>() else { return Format::Other };
    match (u32::from_le_bytes(*magic), u32::from_be_bytes(*magic)) {
        (MAGIC_MICROS | MAGIC_NANOS, _) | (_, MAGIC_MICROS | MAGIC_NANOS) => Format::Pcap,
        (MAGIC_PCAPNG, _) => Format::Pcapng,
        _ => Format::Other,
    }
}

/// The records of a pcap file, one after the other, without copying.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    file: &'a str,
    bytes: &'a [u8],
    big_endian: bool,
    nanos: bool,
    link_type: u32,
    at: usize,
    record: u64,
}

impl<'a> Reader<'a> {
    /// Reads the file header; `file` is the name for messages.
    ///
    /// # Errors
    /// If this is no classic pcap of version 2.4.
    pub fn new(file: &'a str, bytes: &'a [u8]) -> Result<Self, BadInput> {
        if detect(bytes) == Format::Pcapng {
            return Err(BadInput::file(file, "format", "pcapng", "classic pcap; convert it: `editcap -F pcap IN OUT`"));
        }
        if bytes.len() < FILE_HEADER {
            return Err(BadInput::file(
                file,
                "file size",
                format_args!("{} bytes", bytes.len()),
                "at least the 24 bytes of a pcap file header",
            ));
        }
        let mut reader = Self { file, bytes, big_endian: false, nanos: false, link_type: 0, at: FILE_HEADER, record: 0 };
        let magic = reader.word(0);
        reader.big_endian = matches!(magic.swap_bytes(), MAGIC_MICROS | MAGIC_NANOS);
        reader.nanos = match reader.word(0) {
            MAGIC_MICROS => false,
            MAGIC_NANOS => true,
            _ => {
                let right = format!("{MAGIC_MICROS:#x} or {MAGIC_NANOS:#x} (pcap), in either byte order");
                return Err(BadInput::file(file, "magic", format_args!("{magic:#010x}"), right));
            }
        };
        let version = reader.word(4);
        let (major, minor) = if reader.big_endian { (version >> 16, version & 0xffff) } else { (version & 0xffff, version >> 16) };
        if major != 2 {
            return Err(BadInput::file(file, "pcap version", format_args!("{major}.{minor}"), "2.x"));
        }
        reader.link_type = reader.word(20);
        Ok(reader)
    }

    /// Link type, as in the file header.
    #[must_use]
    pub fn link_type(&self) -> u32 {
        self.link_type
    }

    fn word(&self, at: usize) -> u32 {
        let bytes = [self.bytes[at], self.bytes[at + 1], self.bytes[at + 2], self.bytes[at + 3]];
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn bad(&self, field: &str, value: impl std::fmt::Display, right: impl Into<String>) -> BadInput {
        BadInput::file(self.file, format!("{field} of record {} at byte {}", self.record, self.at), value, right)
    }

    fn read(&mut self) -> Result<Record, BadInput> {
        let left = self.bytes.len() - self.at;
        if left < RECORD_HEADER {
            return Err(self.bad("header", format_args!("cut after {left} bytes"), "16 bytes: the file is truncated"));
        }
        let (seconds, fraction, len) = (self.word(self.at), self.word(self.at + 4), self.word(self.at + 8));
        if len > MAX_RECORD {
            return Err(self.bad("incl_len", len, format!("at most {MAX_RECORD}")));
        }
        if len as usize > left - RECORD_HEADER {
            let right = format!("{len} bytes: the file is truncated");
            return Err(self.bad("data", format_args!("cut after {} bytes", left - RECORD_HEADER), right));
        }
        let fraction_ns = u64::from(fraction) * if self.nanos { 1 } else { 1000 };
        let record = Record { stamp_ns: u64::from(seconds) * 1_000_000_000 + fraction_ns, start: self.at + RECORD_HEADER, len };
        self.at = record.start + len as usize;
        self.record += 1;
        Ok(record)
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Record, BadInput>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let result = self.read();
        if result.is_err() {
            self.at = self.bytes.len();
        }
        Some(result)
    }
}

/// Writes the file header of a little-endian pcap with nanosecond stamps.
///
/// # Errors
/// If the writer fails.
pub fn write_file_header(out: &mut impl Write, link_type: u32) -> io::Result<()> {
    let words: [u32; 6] = [MAGIC_NANOS, 4 << 16 | 2, 0, 0, MAX_RECORD, link_type];
    words.iter().try_for_each(|word| out.write_all(&word.to_le_bytes()))
}

/// Writes the header of a record with `len` bytes; the bytes come next.
///
/// # Errors
/// If the writer fails.
pub fn write_record_header(out: &mut impl Write, stamp_ns: u64, len: u32) -> io::Result<()> {
    let seconds = (stamp_ns / 1_000_000_000) as u32;
    let words: [u32; 4] = [seconds, (stamp_ns % 1_000_000_000) as u32, len, len];
    words.iter().try_for_each(|word| out.write_all(&word.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(magic: u32, big_endian: bool, packets: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        let word = |out: &mut Vec<u8>, value: u32| out.extend(if big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
        word(&mut out, magic);
        word(&mut out, if big_endian { 2 << 16 | 4 } else { 4 << 16 | 2 });
        [0, 0, 65535, 147].into_iter().for_each(|value| word(&mut out, value));
        for (seconds, fraction, data) in packets {
            [*seconds, *fraction, data.len() as u32, 2000].into_iter().for_each(|value| word(&mut out, value));
            out.extend(*data);
        }
        out
    }

    #[rstest::rstest]
    #[case(MAGIC_MICROS, false, 1_000_007_000)]
    #[case(MAGIC_MICROS, true, 1_000_007_000)]
    #[case(MAGIC_NANOS, false, 1_000_000_007)]
    #[case(MAGIC_NANOS, true, 1_000_000_007)]
    fn both_orders_and_resolutions_are_read(#[case] magic: u32, #[case] big_endian: bool, #[case] stamp_ns: u64) {
        let bytes = file(magic, big_endian, &[(1, 7, b"abc"), (2, 0, b"")]);
        let reader = Reader::new("f", &bytes).unwrap();
        assert_eq!(reader.link_type(), 147);
        let records: Vec<_> = reader.collect::<Result<_, _>>().unwrap();
        assert_eq!(records[0], Record { stamp_ns, start: 40, len: 3 });
        assert_eq!(records[1], Record { stamp_ns: 2_000_000_000, start: 59, len: 0 });
    }

    #[test]
    fn a_truncated_file_names_record_and_byte() {
        let whole = file(MAGIC_MICROS, false, &[(1, 7, b"abc"), (2, 0, b"defg")]);
        let error = |len: usize| Reader::new("f", &whole[..len]).unwrap().collect::<Result<Vec<_>, _>>().unwrap_err().to_string();
        assert_eq!(
            error(whole.len() - 1),
            "f: data of record 1 at byte 43 is cut after 3 bytes; it must be 4 bytes: the file is truncated"
        );
        assert_eq!(error(50), "f: header of record 1 at byte 43 is cut after 7 bytes; it must be 16 bytes: the file is truncated");
    }

    #[test]
    fn nonsense_is_refused_with_the_reason() {
        let mut bytes = file(MAGIC_MICROS, false, &[(1, 7, b"abc")]);
        bytes[32..36].copy_from_slice(&(MAX_RECORD + 1).to_le_bytes());
        let error = Reader::new("f", &bytes).unwrap().next().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "f: incl_len of record 0 at byte 24 is 262145; it must be at most 262144");
        let error = Reader::new("f", &[0x0a, 0x0d, 0x0d, 0x0a, 0, 0]).unwrap_err().to_string();
        assert!(error.contains("pcapng") && error.contains("editcap -F pcap"), "{error}");
        assert!(Reader::new("f", &[0; 30]).unwrap_err().to_string().contains("magic"));
        assert!(Reader::new("f", &MAGIC_MICROS.to_le_bytes()).unwrap_err().to_string().contains("24 bytes"));
    }

    proptest! {
        #[test]
        fn any_bytes_end_and_stay_inside(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), forge: bool) {
            if forge && bytes.len() >= 8 {
                bytes[..8].copy_from_slice(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]);
            }
            if let Ok(reader) = Reader::new("f", &bytes) {
                for record in reader.flatten() {
                    prop_assert!(record.start + record.len as usize <= bytes.len());
                }
            }
        }

        #[test]
        fn what_is_written_reads_back(packets in proptest::collection::vec((0u64..4_000_000_000_000_000_000, 0usize..99), 0..9)) {
            let mut bytes = Vec::new();
            write_file_header(&mut bytes, 1).unwrap();
            for &(stamp_ns, len) in &packets {
                write_record_header(&mut bytes, stamp_ns, len as u32).unwrap();
                bytes.resize(bytes.len() + len, 7);
            }
            let read: Vec<_> = Reader::new("f", &bytes).unwrap().map(|r| r.map(|r| (r.stamp_ns, r.len as usize))).collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(read, packets);
        }
    }
}
