//! Where front-end frames come from: a pcap's packets, or any file cut into pieces. A file is read once; frames are ranges of it.

pub mod error;
pub mod pcap;
pub mod schedule;
pub mod sizes;
pub mod source;

use error::BadInput;
use silico_spec::crc;
use sizes::FrameSizes;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

/// Most bytes of an input file: it is held in memory.
pub const MAX_FILE: u64 = 2 << 30;

/// The recorded traffic that a run without input takes.
pub const EMBEDDED: &[u8] = include_bytes!("../../../vectors/loopback.pcap");
/// Its name in reports.
pub const EMBEDDED_NAME: &str = "loopback.pcap";

/// One frame of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First byte in the input's bytes.
    pub start: usize,
    /// Bytes.
    pub len: u32,
    /// Nanoseconds since the first frame, never backwards; zero if the input knows no time.
    pub stamp_ns: u64,
    /// Spreads frames over channels by content.
    pub hash: u32,
}

/// A whole input: bytes, and the frames in them.
#[derive(Clone, Debug)]
pub struct Input {
    /// File name, or what it is called in reports.
    pub name: String,
    /// The file's bytes.
    pub data: Arc<[u8]>,
    /// Frames in order; never empty.
    pub pieces: Arc<[Piece]>,
    /// Link type, if it was a pcap.
    pub link_type: Option<u32>,
    /// Stamps of the first record, in nanoseconds since the epoch.
    pub epoch_ns: u64,
}

/// How a file is to be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// By its first bytes: a pcap's packets, or else pieces of these sizes.
    Auto(FrameSizes, u64),
    /// As a pcap.
    Pcap,
    /// As bytes, in pieces of these sizes, drawn from this seed.
    File(FrameSizes, u64),
}

/// Reads a file into memory.
///
/// # Errors
/// If it cannot be read or is too large.
pub fn read_file(path: &str) -> Result<Arc<[u8]>, BadInput> {
    let unreadable = |e: io::Error| BadInput::file(path, "input", format_args!("unreadable ({e})"), "a readable file");
    let too_large = |bytes: &dyn fmt::Display| BadInput::file(path, "file size", bytes, format!("at most {MAX_FILE} bytes"));
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    if meta.is_dir() {
        return Err(BadInput::file(path, "input", "a folder", "a file"));
    }
    if meta.len() > MAX_FILE {
        return Err(too_large(&format_args!("{} bytes", meta.len())));
    }
    // What is no regular file has no length: it may never end.
    let mut bytes = Vec::with_capacity(meta.len() as usize);
    File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE { Err(too_large(&format_args!("more than {MAX_FILE} bytes"))) } else { Ok(bytes.into()) }
}

impl Input {
    /// The embedded recording.
    ///
    /// # Errors
    /// If the build embedded something else than a pcap.
    pub fn embedded() -> Result<Self, BadInput> {
        let mut input = Self::new(EMBEDDED_NAME, Arc::from(EMBEDDED), &Cut::Pcap)?;
        input.name = format!("embedded: {EMBEDDED_NAME}");
        Ok(input)
    }

    /// Understands `data` as `cut` says.
    ///
    /// # Errors
    /// If it is not what it should be, or holds no frame.
    pub fn new(name: &str, data: Arc<[u8]>, cut: &Cut) -> Result<Self, BadInput> {
        let input = match cut {
            Cut::Pcap => Self::packets(name, data),
            Cut::Auto(..) if pcap::detect(&data) != pcap::Format::Other => Self::packets(name, data),
            Cut::File(sizes, seed) | Cut::Auto(sizes, seed) => Self::chunks(name, data, sizes, *seed),
        }?;
        if input.pieces.is_empty() {
            return Err(BadInput::file(name, "number of frames", 0, "at least 1"));
        }
        Ok(input)
    }

    fn packets(name: &str, data: Arc<[u8]>) -> Result<Self, BadInput> {
        let reader = pcap::Reader::new(name, &data)?;
        let link_type = Some(reader.link_type());
        let (mut pieces, mut epoch_ns, mut latest) = (Vec::new(), None, 0);
        for record in reader {
            let record = record?;
            let epoch = *epoch_ns.get_or_insert(record.stamp_ns);
            latest = record.stamp_ns.saturating_sub(epoch).max(latest);
            pieces.push(Piece { start: record.start, len: record.len, stamp_ns: latest, hash: hash(&data, record.start, record.len) });
        }
        Ok(Self { name: name.into(), data, pieces: pieces.into(), link_type, epoch_ns: epoch_ns.unwrap_or(0) })
    }

    fn chunks(name: &str, data: Arc<[u8]>, sizes: &FrameSizes, seed: u64) -> Result<Self, BadInput> {
        let (mut pieces, mut start) = (Vec::new(), 0);
        for size in sizes.iter(seed) {
            if start >= data.len() {
                break;
            }
            // A list with a zero in it advances in its other entries; all zeros never would.
            if sizes.max() == 0 {
                return Err(BadInput::setting("--frame-size", sizes, "above 0 to cut a file"));
            }
            let len = size.min((data.len() - start) as u32);
            pieces.push(Piece { start, len, stamp_ns: 0, hash: hash(&data, start, len) });
            start += len as usize;
        }
        Ok(Self { name: name.into(), data, pieces: pieces.into(), link_type: None, epoch_ns: 0 })
    }

    /// The longest frame, in bytes.
    #[must_use]
    pub fn longest(&self) -> u32 {
        self.pieces.iter().map(|piece| piece.len).max().unwrap_or(0)
    }
}

fn hash(data: &[u8], start: usize, len: u32) -> u32 {
    crc::crc32c(&data[start..start + (len as usize).min(128)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_recording_holds_a_mix_of_sizes() {
        let input = Input::embedded().unwrap();
        assert!(input.pieces.len() > 300);
        assert_eq!(input.longest(), 65_549);
        assert!(input.pieces.iter().any(|piece| piece.len < 64));
        assert_eq!(input.link_type, Some(1));
        assert!(input.pieces.windows(2).all(|pair| pair[0].stamp_ns <= pair[1].stamp_ns));
    }

    #[test]
    fn a_file_is_cut_without_losing_a_byte() {
        let data: Arc<[u8]> = (0..=255).cycle().take(1000).collect();
        for sizes in ["256", "1..99", "7,0,13"] {
            let input = Input::new("f", data.clone(), &Cut::File(sizes.parse().unwrap(), 3)).unwrap();
            let joined: Vec<u8> = input.pieces.iter().flat_map(|p| &data[p.start..p.start + p.len as usize]).copied().collect();
            assert_eq!(joined, data[..], "{sizes}");
        }
        let fixed = Input::new("f", data, &Cut::File(FrameSizes::Fixed(256), 0)).unwrap();
        assert_eq!(fixed.pieces.iter().map(|p| p.len).collect::<Vec<_>>(), [256, 256, 256, 232]);
    }

    #[test]
    fn nothing_to_send_is_an_error() {
        assert!(Input::new("f", Arc::from([]), &Cut::File(FrameSizes::Fixed(4), 0)).unwrap_err().to_string().contains("at least 1"));
        assert!(Input::new("f", Arc::from([1]), &Cut::File(FrameSizes::Fixed(0), 0)).unwrap_err().to_string().contains("--frame-size"));
        assert!(read_file("/does/not/exist").unwrap_err().to_string().starts_with("/does/not/exist: input is"));
    }
}
