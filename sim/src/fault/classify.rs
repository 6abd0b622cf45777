//! Tells apart what a card writes to host memory, by its content and form. Knows neither rings nor addresses.

use silico_spec::descriptor::{CompletionFlags, PAGE_COMPLETION_BYTES, PAGE_GRID, PageCompletion};
use silico_spec::frame::{FrameHeader, HEADER_BYTES};
use silico_spec::port::TlpBuf;
use silico_spec::tlp::{Header, Kind};
use silico_spec::writeback::{self, ChannelError, ChannelState, WriteBack};

/// What a TLP from the card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// One dword into the interrupt window, 0xfeexxxxx.
    Interrupt,
    /// A frame's header, alone or with payload behind it.
    FrameHeader(FrameHeader),
    /// A write-back block.
    WriteBack,
    /// An entry of a completion ring.
    Entry,
    /// Frame payload alone.
    Payload,
    /// No memory write.
    Other,
}

/// Classifies a TLP from the card. Payload that happens to be a legal write-back block or completion entry, or to begin like a frame, counts as
/// that.
#[must_use]
pub fn classify(tlp: &TlpBuf) -> WriteKind {
    let header = Header(tlp.header);
    if header.kind() != Kind::MemWrite {
        return WriteKind::Other;
    }
    let payload = tlp.payload();
    if payload.len() == 4 && header.address().0 >> 20 == 0xfee {
        return WriteKind::Interrupt;
    }
    if let Some(bytes) = payload.first_chunk::<{ HEADER_BYTES as usize }>()
        && let Ok(header) = FrameHeader::parse(bytes)
    {
        return WriteKind::FrameHeader(header);
    }
    match () {
        () if is_write_back(payload) => WriteKind::WriteBack,
        () if is_entry(payload) => WriteKind::Entry,
        () => WriteKind::Payload,
    }
}

/// Where payload of a frame begins in a TLP of that kind, if it has any.
#[must_use]
pub fn frame_payload(kind: WriteKind, tlp: &TlpBuf) -> Option<usize> {
    let first = match kind {
        WriteKind::Payload => 0,
        WriteKind::FrameHeader(header) if header.length > 0 => HEADER_BYTES as usize,
        _ => return None,
    };
    (first < tlp.payload().len()).then_some(first)
}

fn is_entry(payload: &[u8]) -> bool {
    if payload.len() != PAGE_COMPLETION_BYTES as usize {
        return false;
    }
    let mut words = [0; PAGE_COMPLETION_BYTES as usize / 8];
    words.iter_mut().zip(payload.as_chunks::<8>().0).for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
    let entry = PageCompletion::parse(words);
    // Sequence and stamp count entries and clocks: neither gets far in 64 bits.
    let small = entry.sequence >> 48 == 0 && entry.stamp >> 56 == 0 && entry.stamp > 0;
    let known = entry.flags.0 & !CompletionFlags::KNOWN == 0;
    known && small && entry.bytes > 0 && entry.bytes.is_multiple_of(PAGE_GRID) && entry.frames <= entry.bytes / PAGE_GRID
}

fn is_write_back(payload: &[u8]) -> bool {
    if payload.len() != writeback::BYTES as usize {
        return false;
    }
    let mut words = [0; writeback::WORDS];
    words.iter_mut().zip(payload.as_chunks::<8>().0).for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
    WriteBack::parse(&words).is_some_and(|block| {
        let known = ChannelState::from_bits(block.state).is_some() && ChannelError::from_bits(block.error).is_some();
        known && block.sequence > 0 && block.channel < 16 && block.emit() == words
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};

    fn write(address: u64, payload: &[u8]) -> TlpBuf {
        let mut tlp = TlpBuf::new();
        let length = Dwords(payload.len() as u32 / 4);
        tlp.set(Header::memory(Kind::MemWrite, Bdf::default(), Tag(0), BusAddr(address), length).0, payload);
        tlp
    }

    #[test]
    fn each_kind_is_recognised() {
        let header = FrameHeader { channel: 3, length: 9, ..FrameHeader::default() };
        let block = WriteBack { sequence: 1, hw_count: 64, state: 1, run: 1, ..WriteBack::default() };
        let block: Vec<u8> = block.emit().iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(classify(&write(0xfee0_0000, &[1, 0, 0, 0])), WriteKind::Interrupt);
        assert_eq!(classify(&write(0x1_0000_0000, &[1, 0, 0, 0])), WriteKind::Payload);
        assert_eq!(classify(&write(0x1000, &header.emit())), WriteKind::FrameHeader(header));
        assert_eq!(classify(&write(0x1000, &[&header.emit()[..], &[7; 32]].concat())), WriteKind::FrameHeader(header));
        assert_eq!(classify(&write(0x1000, &block)), WriteKind::WriteBack);
        assert_eq!(classify(&write(0x1000, &[0; 64])), WriteKind::Payload);
        let entry =
            PageCompletion { cookie: 3, bytes: 4096, sequence: 9, stamp: 77, frames: 2, flags: CompletionFlags(CompletionFlags::PHASE) };
        let entry: Vec<u8> = entry.emit().iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(classify(&write(0x1000, &entry)), WriteKind::Entry);
        assert_eq!(classify(&write(0x1000, &[0x78; 32])), WriteKind::Payload);
        assert_eq!(classify(&write(0x1000, &[0x78; 64])), WriteKind::Payload);
        let mut completion = write(0, &[0; 4]);
        completion.header[0] = 0x4a00_0001;
        assert_eq!(classify(&completion), WriteKind::Other);
    }
}
