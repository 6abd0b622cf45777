//! Which chunks the card's generator makes in block mode, as arithmetic: whoever checks them computes the same ones.
//!
//! Lengths and contents are those of the frames of [`crate::generator`], drawn in the same order; a chunk's key also says which e-link it
//! belongs to. So chunks of one e-link are those whose key picks it, in order.

use crate::generator::FrameSequence;

/// Which of `links` e-links (one at least) the chunk with `key` belongs to, from 0. A multiply instead of a division: what hardware does.
#[must_use]
#[inline]
pub const fn link_of(key: u64, links: u16) -> u16 {
    ((key >> 48) * links as u64 >> 16) as u16
}

/// The chunks of one e-link in one run, in order.
#[derive(Clone, Debug)]
pub struct ChunkSequence {
    all: FrameSequence,
    links: u16,
    link: u16,
    /// Chunks of all e-links that are still to be drawn.
    left: u64,
}

impl ChunkSequence {
    /// Those of e-link `link` of `links`, out of `count` chunks over all e-links.
    #[must_use]
    pub const fn new(all: FrameSequence, links: u16, link: u16, count: u64) -> Self {
        Self { all, links, link, left: count }
    }
}

impl Iterator for ChunkSequence {
    /// Length, before any limit, and key.
    type Item = (u32, u64);

    fn next(&mut self) -> Option<(u32, u64)> {
        while self.left > 0 {
            self.left -= 1;
            let (length, key) = self.all.draw();
            if link_of(key, self.links) == self.link {
                return Some((length, key));
            }
        }
        None
    }
}
