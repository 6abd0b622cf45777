//! The entry of a channel's FIFO: joins beats to frames, computes CRCs, cuts over-long frames, drops whole frames when told to.
//!
//! Works on runs of beats, so that many clocks of an undisturbed stream cost one copy; one clock is a run of one.

use super::fifo::{Fifo, FrameInfo};
use silico_spec::crc;
use silico_spec::frame::Flags;
use silico_spec::generator;
use silico_spec::params::DataWidth;

/// Payload of the beats on offer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Payload<'a> {
    /// Bytes of a front-end stream.
    Bytes(&'a [u8]),
    /// The generator's pattern: key, offset in the frame, bytes left of it.
    Pattern { key: u64, offset: u32, left: u32 },
    /// Bytes of the generator's block, which whoever takes them looks up: offset in the block, bytes left of it.
    Block { offset: u32, left: u32 },
}

impl Payload<'_> {
    pub(crate) fn len(&self) -> u32 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u32,
            Self::Pattern { left, .. } | Self::Block { left, .. } => *left,
        }
    }

    fn copy(&self, from: u32, out: &mut [u8]) {
        match self {
            Self::Bytes(bytes) => out.copy_from_slice(&bytes[from as usize..from as usize + out.len()]),
            // Off the grid of 8 only behind a frame limit that is: the wrap of the FIFO is on the grid.
            Self::Pattern { key, offset, .. } => generator::fill_from(*key, offset + from, out),
            Self::Block { .. } => unreachable!("looked up before it is taken"),
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ingest {
    /// A frame is open: its first beat was taken, its last not.
    open: bool,
    /// The rest of the open frame is swallowed: it was dropped.
    dropping: bool,
    /// The stream stands within a frame that a stop cut. No reset clears this: the front end goes on regardless.
    cut_stream: bool,
    /// The rest of that frame is being swallowed.
    resync: bool,
    /// The open frame is that of an H2C channel that feeds the channel no longer.
    foreign: bool,
    /// Payload bytes of the open frame in the FIFO.
    kept: u32,
    truncated: bool,
    /// Of the first `summed` of them.
    crc: u32,
    summed: u32,
    stamp: u64,
    dropped_before: bool,
    /// Whole frames dropped in this run. What the packetizer had sent of one is void.
    pub(crate) dropped: u64,
}

impl Ingest {
    /// For a new run; `external`: fed by the front-end stream. What is known of the stream's position within a frame stays.
    pub(crate) fn restart(&mut self, external: bool) {
        *self = Self { cut_stream: self.cut_stream, resync: self.cut_stream && external, ..Self::default() };
    }

    /// No frame is under way: the source may be another one from here on.
    pub(crate) fn at_boundary(&self) -> bool {
        !self.open && !self.resync
    }

    /// No H2C channel feeds it any more: what is open will never be ended.
    pub(crate) fn untie(&mut self) {
        self.foreign = self.open;
    }

    /// Fed by the front-end stream again: the rest of a frame that was cut comes first.
    pub(crate) fn resume_stream(&mut self) {
        self.resync = self.cut_stream;
    }

    /// The channel stops taking beats. Returns whether a frame was cut; `external`: its rest is still to come on the stream.
    pub(crate) fn cut(&mut self, external: bool) -> bool {
        let cut = self.open && !self.dropping;
        self.cut_stream |= self.open && external && !self.foreign;
        (self.resync, self.open, self.foreign) = (false, false, false);
        self.dropping = false;
        cut
    }

    /// Whether the beat on offer would be taken or dropped in this clock: `front_ready`.
    pub(crate) fn ready(&self, fifo: &Fifo, width: DataWidth, drops: bool) -> bool {
        self.resync || self.dropping || drops || self.fits(fifo, width)
    }

    fn fits(&self, fifo: &Fifo, width: DataWidth) -> bool {
        // The FIFO is a whole number of grid cells, so where a beat fits, the padding after it fits too.
        self.truncated || fifo.room() >= width.bytes() && fifo.frame_room()
    }

    /// How many beats in a row, one a clock, go the same way as the first, given that nothing leaves the FIFO.
    pub(crate) fn alike(&self, fifo: &Fifo, width: DataWidth) -> u32 {
        if self.resync || self.dropping || self.truncated {
            return u32::MAX;
        }
        if fifo.frame_room() { width.whole_beats(fifo.room()).max(1) } else { 1 }
    }

    /// Takes `len` bytes of `payload` in one or more beats that [`Ingest::alike`] allows, the first at cycle `now`. `last`: they end the frame.
    #[allow(clippy::too_many_arguments, reason = "the signals of the stream")]
    pub(crate) fn take(
        &mut self,
        fifo: &mut Fifo,
        width: DataWidth,
        now: u64,
        payload: Payload<'_>,
        len: u32,
        last: bool,
        error: bool,
        source: u16,
        max_frame: u32,
    ) {
        if self.resync {
            self.resync = !last;
            self.cut_stream = !last;
            return;
        }
        if !self.open {
            *self = Self { open: true, kept: 0, crc: 0, summed: 0, stamp: now, ..*self };
        }
        if !self.dropping && !self.fits(fifo, width) {
            fifo.abandon(self.kept);
            self.dropping = true;
            self.dropped += 1;
            self.dropped_before = true;
        }
        if !self.dropping {
            self.keep(fifo, payload, len, max_frame);
        }
        if last {
            self.end(fifo, error, source);
        }
    }

    fn keep(&mut self, fifo: &mut Fifo, payload: Payload<'_>, len: u32, max_frame: u32) {
        let keep = len.min(max_frame - self.kept);
        self.truncated |= keep < len;
        if keep == 0 {
            return;
        }
        fifo.write_with(keep, |room, from| payload.copy(from, room));
        self.kept += keep;
    }

    /// Brings the CRC of the open frame up to its last byte. They are summed when they must be, not as they come: before a TLP takes any, after which others
    /// may overwrite them, and at the frame's end.
    pub(crate) fn sum(&mut self, fifo: &Fifo) {
        let (crc, left) = (&mut self.crc, self.kept - self.summed);
        fifo.last(left, |bytes| *crc = crc::append(*crc, bytes));
        self.summed = self.kept;
    }

    fn end(&mut self, fifo: &mut Fifo, error: bool, source: u16) {
        self.open = false;
        if self.dropping {
            self.dropping = false;
            return;
        }
        self.sum(fifo);
        let mut flags = Flags::default();
        for (set, flag) in [(self.truncated, Flags::TRUNCATED), (self.dropped_before, Flags::DROPPED_BEFORE), (error, Flags::ERROR)] {
            if set {
                flags = flags.with(flag);
            }
        }
        fifo.end_frame(FrameInfo { length: self.kept, crc: self.crc, stamp: self.stamp, source, flags });
        self.dropped_before = false;
        self.truncated = false;
    }
}
