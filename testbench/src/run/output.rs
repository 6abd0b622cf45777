//! What the host received, into a file: payload bytes in the order of delivery, or a pcap of them.

use crate::input::error::BadInput;
use crate::input::pcap;
use std::fs::File;
use std::io::{self, BufWriter, Write};

/// Bytes before each packet in a pcap.
const RECORD_HEADER: usize = 16;

/// An output file.
#[derive(Debug)]
pub(super) struct Output {
    path: String,
    file: BufWriter<File>,
    pcap: bool,
}

impl Output {
    /// Creates `path`. It becomes a pcap if the input was one (`link_type`) and the name ends in `.pcap`.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub(super) fn create(path: &str, link_type: Option<u32>) -> Result<Self, BadInput> {
        let mut output = Self::open(path).map_err(|e| Self::failed(path, &e))?;
        if let Some(link_type) = link_type.filter(|_| path.ends_with(".pcap")) {
            output.pcap = true;
            pcap::write_file_header(&mut output.file, link_type).map_err(|e| Self::failed(path, &e))?;
        }
        Ok(output)
    }

    fn open(path: &str) -> io::Result<Self> {
        Ok(Self { path: path.into(), file: BufWriter::with_capacity(1 << 20, File::create(path)?), pcap: false })
    }

    fn failed(path: &str, error: &io::Error) -> BadInput {
        BadInput::file(path, "--output", format_args!("unusable ({error})"), "a file that can be written")
    }

    /// Writes a frame; `stamp_ns` counts only for a pcap.
    ///
    /// # Errors
    /// If the file cannot be written.
    #[inline]
    pub(super) fn frame(&mut self, stamp_ns: u64, payload: [&[u8]; 2]) -> Result<(), BadInput> {
        self.write(stamp_ns, payload).map_err(|e| Self::failed(&self.path, &e))
    }

    fn write(&mut self, stamp_ns: u64, payload: [&[u8]; 2]) -> io::Result<()> {
        let bytes = payload[0].len() + payload[1].len() + RECORD_HEADER;
        if self.file.buffer().len() + bytes > self.file.capacity() {
            // Whole records: a run that is ended from outside leaves a file that can be read.
            self.file.flush()?;
        }
        if self.pcap {
            pcap::write_record_header(&mut self.file, stamp_ns, (payload[0].len() + payload[1].len()) as u32)?;
        }
        self.file.write_all(payload[0])?;
        self.file.write_all(payload[1])
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn finish(mut self) -> Result<(), BadInput> {
        self.file.flush().map_err(|e| Self::failed(&self.path, &e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Cut, Input};

    #[test]
    fn at_any_moment_the_file_on_disk_is_a_whole_pcap() {
        let path = std::env::temp_dir().join(format!("silico-output-{}.pcap", std::process::id()));
        let mut output = Output::create(path.to_str().unwrap(), Some(1)).unwrap();
        let payload = [7; 70_001];
        let mut seen = 0;
        for frame in 0..50 {
            output.frame(frame, [&payload[..3], &payload[3..]]).unwrap();
            let data = std::fs::read(&path).unwrap();
            if data.is_empty() {
                continue;
            }
            let input = Input::new("cut", data.into(), &Cut::Pcap).unwrap();
            assert!(input.pieces.len() >= seen && input.pieces.iter().all(|piece| piece.len == 70_001));
            seen = input.pieces.len();
        }
        assert!(seen > 20, "{seen}");
        output.finish().unwrap();
        std::fs::remove_file(path).unwrap();
    }
}
