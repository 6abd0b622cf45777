//! Payload: the bytes delivered are the bytes sent.

use super::Mismatch;
use std::fmt;

/// Bytes shown around a difference.
const WINDOW: usize = 16;

/// Some bytes of a payload, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Offset of the first byte shown.
    pub from: usize,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Index in `bytes` of the first that differs.
    pub marked: usize,
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}:", self.from)?;
        self.bytes
            .iter()
            .enumerate()
            .try_for_each(|(i, byte)| if i == self.marked { write!(f, " [{byte:02x}]") } else { write!(f, " {byte:02x}") })
    }
}

/// Compares a payload, delivered in at most two pieces (it may wrap in the ring), with what was sent. Allocates only for a difference.
///
/// # Errors
/// The length, or the first byte that differs.
#[inline]
pub fn compare(sent: &[u8], got: [&[u8]; 2]) -> Result<(), Mismatch> {
    let len = got[0].len() + got[1].len();
    if len != sent.len() {
        return Err(Mismatch::Length { expected: sent.len() as u32, got: len as u32 });
    }
    let (head, tail) = sent.split_at(got[0].len());
    if head == got[0] && tail == got[1] { Ok(()) } else { Err(difference(sent, got)) }
}

#[cold]
fn difference(sent: &[u8], got: [&[u8]; 2]) -> Mismatch {
    let got = got.concat();
    let offset = sent.iter().zip(&got).position(|(a, b)| a != b).unwrap_or(0);
    let from = offset.saturating_sub(WINDOW / 2) / 4 * 4;
    let window = |bytes: &[u8]| Window { from, bytes: bytes[from..(from + WINDOW).min(bytes.len())].to_vec(), marked: offset - from };
    Mismatch::Payload { offset, expected: window(sent), got: window(&got) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_in_any_split() {
        let sent: Vec<u8> = (0..100).collect();
        assert!((0..=100).all(|at| compare(&sent, [&sent[..at], &sent[at..]]).is_ok()));
        assert!(compare(&[], [&[], &[]]).is_ok());
    }

    #[test]
    fn one_flipped_byte_is_found_wherever_it_is() {
        let sent: Vec<u8> = (0..100).collect();
        for at in 0..100 {
            let mut got = sent.clone();
            got[at] ^= 0x80;
            let Err(Mismatch::Payload { offset, expected, got }) = compare(&sent, [&got[..50], &got[50..]]) else {
                panic!("{at} not found")
            };
            assert_eq!(offset, at);
            assert_eq!((expected.bytes[expected.marked], got.bytes[got.marked]), (at as u8, at as u8 ^ 0x80));
        }
    }

    #[test]
    fn a_byte_too_few_or_too_many_is_a_length() {
        assert_eq!(compare(&[1, 2], [&[1], &[]]), Err(Mismatch::Length { expected: 2, got: 1 }));
        assert_eq!(compare(&[1, 2], [&[1, 2], &[3]]), Err(Mismatch::Length { expected: 2, got: 3 }));
    }

    #[test]
    fn the_window_marks_the_byte() {
        let window = Window { from: 16, bytes: vec![1, 2], marked: 1 };
        assert_eq!(window.to_string(), "0x0010: 01 [02]");
    }
}
