//! What a channel's built-in generator sends, as arithmetic: whoever checks frames computes the same bytes.
//!
//! Two xorshift64 sequences run per channel, both started from the seed register: one draws lengths, one draws a key per frame.
//! 64-bit word `i` of a frame's payload is `key + i × 0x9e3779b97f4a7c15` (mod 2^64), little endian, so that hardware needs one adder a
//! lane, and a lost, swapped or repeated word, beat or frame never looks right.

/// Step between neighbouring payload words.
pub const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// Entries of the length table.
pub const TABLE_ENTRIES: usize = 16;

/// How lengths are chosen (register `GEN_CONFIG.mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LengthMode {
    /// Every frame has the minimum length.
    #[default]
    Fixed = 0,
    /// Uniform from minimum to maximum, both included.
    Uniform = 1,
    /// The table's entries in turn.
    Table = 2,
}

/// Marsaglia's xorshift64, shifts 13, 7, 17: small in hardware, never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XorShift64(u64);

impl XorShift64 {
    /// From any seed: zero is replaced, since the sequence would stay there.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(if seed == 0 { STEP } else { seed })
    }

    /// The next value.
    #[inline]
    pub const fn step(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// The frames of one run of one channel's generator, in order.
#[derive(Clone, Debug)]
pub struct FrameSequence {
    keys: XorShift64,
    lengths: XorShift64,
    mode: LengthMode,
    min: u32,
    span: u64,
    table: [u32; TABLE_ENTRIES],
    next_entry: usize,
}

impl FrameSequence {
    /// As the registers say. `max` below `min` counts as `min`.
    #[must_use]
    pub const fn new(seed: u64, channel: u8, mode: LengthMode, min: u32, max: u32, table: [u32; TABLE_ENTRIES]) -> Self {
        let seed = seed ^ (channel as u64 + 1) << 56;
        let span = if max > min { (max - min) as u64 + 1 } else { 1 };
        Self { keys: XorShift64::new(seed), lengths: XorShift64::new(!seed), mode, min, span, table, next_entry: 0 }
    }

    /// Length and key of the next frame.
    #[inline]
    pub const fn draw(&mut self) -> (u32, u64) {
        let random = self.lengths.step() >> 32;
        let length = match self.mode {
            LengthMode::Fixed => self.min,
            // A multiply instead of a division: what hardware does.
            LengthMode::Uniform => self.min + (random * self.span >> 32) as u32,
            LengthMode::Table => {
                let length = self.table[self.next_entry];
                self.next_entry = (self.next_entry + 1) % TABLE_ENTRIES;
                length
            }
        };
        (length, self.keys.step())
    }
}

/// Writes the payload of the frame with `key` from byte `offset` (a multiple of 8) on.
#[inline]
pub fn fill(key: u64, offset: u32, out: &mut [u8]) {
    debug_assert!(offset.is_multiple_of(8));
    let mut word = key.wrapping_add(u64::from(offset / 8).wrapping_mul(STEP));
    let (chunks, tail) = out.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = word.to_le_bytes();
        word = word.wrapping_add(STEP);
    }
    tail.copy_from_slice(&word.to_le_bytes()[..tail.len()]);
}

/// The same from any byte `offset` on.
#[inline]
pub fn fill_from(key: u64, offset: u32, out: &mut [u8]) {
    let within = (offset % 8) as usize;
    if within == 0 {
        return fill(key, offset, out);
    }
    let head = (8 - within).min(out.len());
    let mut word = [0; 8];
    fill(key, offset - within as u32, &mut word);
    let (start, rest) = out.split_at_mut(head);
    start.copy_from_slice(&word[within..][..head]);
    if !rest.is_empty() {
        fill(key, offset - within as u32 + 8, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn uniform_lengths_reach_both_ends_and_no_further() {
        let mut frames = FrameSequence::new(1, 0, LengthMode::Uniform, 10, 13, [0; TABLE_ENTRIES]);
        let mut seen = [0; 4];
        for _ in 0..4000 {
            seen[frames.draw().0 as usize - 10] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
    }

    #[test]
    fn payload_in_pieces_is_the_payload() {
        let mut whole = vec![0; 1003];
        fill(7, 0, &mut whole);
        let mut pieces = vec![0; 1003];
        let (head, tail) = pieces.split_at_mut(256);
        fill(7, 0, head);
        fill(7, 256, tail);
        assert_eq!(whole, pieces);
        for cut in [0, 1, 4, 7, 8, 9, 1002, 1003] {
            let (head, tail) = pieces.split_at_mut(cut);
            head.fill(0);
            tail.fill(0);
            fill_from(7, 0, head);
            fill_from(7, cut as u32, tail);
            assert_eq!(whole, pieces, "cut at {cut}");
            let mut two = [0; 2];
            fill_from(7, 11, &mut two);
            assert_eq!(two, whole[11..13]);
        }
    }

    #[test]
    fn channels_and_frames_differ() {
        let draw = |channel| {
            let mut frames = FrameSequence::new(1, channel, LengthMode::Fixed, 8, 8, [0; TABLE_ENTRIES]);
            [frames.draw().1, frames.draw().1]
        };
        let keys = [draw(0), draw(1)].concat();
        assert!((0..4).all(|i| (0..i).all(|j| keys[i] != keys[j])));
    }
}
