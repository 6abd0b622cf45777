//! Tells the host how far a channel has come: the write-back block and the interrupt causes.
//!
//! The data cause is armed with the number of frames that the host has seen. It fires once when more have been *published*, and every
//! byte and write-back that it announces has left before its message can: a channel's posted writes leave in order.

use silico_spec::port::{Report, TlpBuf};
use silico_spec::writeback::{ChannelError, WriteBack};

/// How often a channel writes back, as its registers say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) writes_back: bool,
    /// Each after so much progress, zero: not; see [`Delivered`].
    pub(crate) wb_frames: u32,
    pub(crate) wb_bytes: u32,
    /// Cycles.
    pub(crate) wb_time: u32,
}

/// Registers of the interrupt causes: they take effect at once, not at a start. `data` stands for `space` of an H2C channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Causes {
    pub(crate) data: u32,
    pub(crate) data_frames: u32,
    pub(crate) data_time: u32,
    pub(crate) error: u32,
    pub(crate) arm: u64,
}

const ENABLE: u32 = 1 << 31;

impl Causes {
    /// Bits of the cause registers that hold what is written: enable and vector.
    pub(crate) const WRITABLE: u32 = ENABLE | 0xff;

    /// Whether a card with `vectors` vectors can signal what is enabled. If not, the register at fault goes into the channel's error address.
    pub(crate) fn check(&self, vectors: u16) -> Result<(), (ChannelError, u64)> {
        let bad = [self.data, self.error].into_iter().find(|register| vector(*register).is_some_and(|vector| vector >= vectors));
        bad.map_or(Ok(()), |register| Err((ChannelError::BadVector, register.into())))
    }
}

/// The vector of a cause register, if it is enabled.
pub(crate) fn vector(register: u32) -> Option<u16> {
    (register & ENABLE != 0).then_some(register as u16 & 0xff)
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Blocks written in this run.
    pub(crate) sequence: u64,
    /// Frames and bytes in the last block that was granted.
    written_frames: u64,
    written_count: u64,
    /// Frames in the last block that has left.
    published: u64,
    dirty_since: Option<u64>,
    pub(crate) due: bool,
    pub(crate) armed: bool,
    beyond_since: Option<u64>,
    /// The data cause wants to fire once this many frames are published.
    target: Option<u64>,
    /// Why the block that is due, or was written last, is; and why the data cause fires, or fired last.
    pub(crate) block: Report,
    pub(crate) signal: Report,
    /// Times that the data cause has fired in this run.
    pub(crate) signals: u32,
}

/// The counts of a channel that have become true for the host. What interrupts and blocks are counted by is `frames`: frames of a C2H channel,
/// descriptors of an H2C one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delivered {
    pub(crate) count: u64,
    pub(crate) frames: u64,
    /// Of `frames`, up to the last one that wants its interrupt at once.
    pub(crate) urgent: u64,
}

/// Fills in a write-back block.
pub(crate) fn emit(block: &WriteBack, out: &mut TlpBuf) {
    for (bytes, word) in out.payload_mut().as_chunks_mut::<8>().0.iter_mut().zip(block.emit()) {
        *bytes = word.to_le_bytes();
    }
}

impl Progress {
    /// For a new run: not armed, nothing written.
    pub(crate) fn restart(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn arm(&mut self) {
        self.armed = true;
        self.beyond_since = None;
        self.target = None;
    }

    /// A block is granted with these counts.
    pub(crate) fn granted(&mut self, delivered: Delivered) {
        self.sequence += 1;
        self.written_frames = delivered.frames;
        self.written_count = delivered.count;
        self.dirty_since = None;
        self.due = false;
    }

    /// The block granted last has left.
    pub(crate) fn left(&mut self) {
        self.published = self.written_frames;
    }

    /// Looks at the counts at the end of clock `now`. Returns whether the data cause fires.
    pub(crate) fn update(&mut self, now: u64, set: &Pace, causes: &Causes, delivered: Delivered) -> bool {
        let fires = self.interrupt(now, set, causes, delivered);
        if set.writes_back {
            self.write_back(now, set, delivered);
        }
        fires
    }

    fn write_back(&mut self, now: u64, set: &Pace, delivered: Delivered) {
        let frames = delivered.frames - self.written_frames;
        if frames == 0 {
            return;
        }
        let bytes = delivered.count - self.written_count;
        let since = *self.dirty_since.get_or_insert(now);
        let enough = |limit: u32, value: u64| limit != 0 && value >= u64::from(limit);
        let was_due = self.due;
        self.due |= enough(set.wb_frames, frames) || enough(set.wb_bytes, bytes) || enough(set.wb_time, now - since);
        self.due |= self.target.is_some_and(|target| target > self.written_frames);
        if self.due && !was_due {
            self.block = match () {
                () if enough(set.wb_frames, frames) => Report::Count,
                () if enough(set.wb_bytes, bytes) => Report::Bytes,
                () if enough(set.wb_time, now - since) => Report::Time,
                () => Report::Wanted,
            };
        }
    }

    fn interrupt(&mut self, now: u64, set: &Pace, causes: &Causes, delivered: Delivered) -> bool {
        if self.armed && self.target.is_none() && delivered.frames > causes.arm {
            let since = *self.beyond_since.get_or_insert(now);
            let beyond = delivered.frames - causes.arm;
            let late = causes.data_time != 0 && now - since >= u64::from(causes.data_time);
            let urgent = delivered.urgent > causes.arm;
            if vector(causes.data).is_some() && (late || urgent || beyond >= u64::from(causes.data_frames)) {
                self.target = Some(delivered.frames);
                self.signal = match () {
                    () if urgent => Report::Wanted,
                    () if beyond >= u64::from(causes.data_frames) => Report::Count,
                    () => Report::Time,
                };
            }
        }
        let published = if set.writes_back { self.published } else { delivered.frames };
        if self.target.is_none_or(|target| published < target) {
            return false;
        }
        (self.armed, self.target, self.beyond_since) = (false, None, None);
        self.signals = self.signals.wrapping_add(1);
        true
    }

    /// The channel has stopped: whoever still waits is told of what there is. No block will come any more, so nothing waits for one: where
    /// the last one could not be written, the registers have the counts.
    pub(crate) fn finish(&mut self, causes: &Causes, delivered: Delivered) {
        self.published = delivered.frames;
        if self.armed && delivered.frames > causes.arm && vector(causes.data).is_some() {
            self.target = Some(delivered.frames);
            self.signal = Report::Stop;
        }
    }

    /// The last block of a run is due.
    pub(crate) fn end(&mut self, failed: bool) {
        self.due = true;
        self.block = if failed { Report::Failure } else { Report::Stop };
    }

    /// The next cycle at whose end a timer runs out.
    pub(crate) fn timer(&self, set: &Pace, causes: &Causes, running: bool) -> Option<u64> {
        let timer = |since: Option<u64>, span: u32| since.filter(|_| span != 0).map(|since| since + u64::from(span));
        let write_back = if self.due || !running { None } else { timer(self.dirty_since, set.wb_time) };
        let interrupt = if self.target.is_some() || !self.armed || vector(causes.data).is_none() {
            None
        } else {
            timer(self.beyond_since, causes.data_time)
        };
        write_back.into_iter().chain(interrupt).min()
    }

    /// Whether [`Progress::update`] does nothing at any later clock unless a count changes or the host writes a register: all that was delivered is
    /// told, and nobody waits for more. To be asked after an update, in a run: there a block is due only for what is not written, and a target is that of
    /// a cause that is armed.
    pub(crate) fn rests(&self) -> bool {
        !self.armed && self.dirty_since.is_none()
    }
}
