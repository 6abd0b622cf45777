//! The output stage of an H2C channel: gathers the bytes of descriptors into full beats and ends frames.
//!
//! A beat is shown once it is full and more of its frame is known to follow, or once it ends the frame: so a frame ends with the beat of its
//! last byte, however it lies in descriptors. One descriptor a clock goes in, one beat a clock goes out.
//!
//! A frame that a stop cuts is owed its end: a beat without bytes, marked bad, that whoever took the rest gets before anything else. No reset
//! takes that back, since the receiver goes on regardless.

use super::Settings;
use super::settings::Output;
use silico_spec::crc;
use silico_spec::port::{FrontBeat, MAX_BEAT};

/// What the checking sink knows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Checked {
    pub(crate) crc: u32,
    pub(crate) length: u32,
}

/// The beat that is being gathered, or shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gather {
    pub(crate) data: [u8; MAX_BEAT],
    pub(crate) bytes: u32,
    /// It ends the frame, and its descriptor is done with it.
    pub(crate) ends: bool,
    /// That descriptor wants its interrupt at once.
    pub(crate) interrupt: bool,
}

impl Gather {
    const EMPTY: Self = Self { data: [0; MAX_BEAT], bytes: 0, ends: false, interrupt: false };
}

#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) gather: Gather,
    /// Beats of the frame have passed, its end not.
    open: bool,
    /// Who is owed the end of a frame that was cut.
    owed: Option<Output>,
    /// The rest of the frame goes nowhere: its receiver stopped.
    swallowing: bool,
    running: Checked,
    pub(crate) checked: Checked,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let none = Checked::default();
        Self { gather: Gather::EMPTY, open: false, owed: None, swallowing: false, running: none, checked: none }
    }

    /// As after power-on, save what is owed.
    pub(crate) fn power_on(&mut self) {
        *self = Self { open: self.open, owed: self.owed, ..Self::new() };
    }

    /// The run is over: what is gathered goes nowhere.
    pub(crate) fn cut(&mut self, set: &Settings) {
        self.gather = Gather::EMPTY;
        self.running = Checked::default();
        if self.open && self.owed.is_none() {
            self.owed = set.output().filter(|output| *output != Output::Sink && !self.swallowing);
            self.open = self.owed.is_some();
        }
        self.swallowing = false;
    }

    pub(crate) fn owes(&self) -> Option<Output> {
        self.owed
    }

    /// Its receiver has stopped and forgets the frame that is open.
    pub(crate) fn receiver_stopped(&mut self) {
        if self.open {
            if self.owed.take().is_some() {
                self.open = false;
            } else {
                self.swallowing = true;
            }
        }
    }

    /// Beats go nowhere, and one a clock.
    pub(crate) fn swallows(&self) -> bool {
        self.swallowing
    }

    /// The beat that [`Stage::shows`] says is there.
    pub(crate) fn shown(&self, source: u16) -> FrontBeat {
        if self.owed.is_some() {
            return FrontBeat { last: true, error: true, source, ..FrontBeat::NONE };
        }
        let gather = &self.gather;
        FrontBeat { last: gather.ends, error: false, source, bytes: gather.bytes as u8, data: gather.data }
    }

    /// Whether a beat is shown, if `more` says rightly that more of the frame is known to follow what is gathered.
    #[inline]
    pub(crate) fn shows(&self, width: u32, more: bool) -> bool {
        self.owed.is_some() || self.gather.ends || self.gather.bytes == width && more
    }

    /// The beat shown passes. Returns what was gathered, if it was no owed end.
    pub(crate) fn pass(&mut self, sink: bool) -> Option<Gather> {
        if self.owed.take().is_some() {
            self.open = false;
            return None;
        }
        let gather = std::mem::replace(&mut self.gather, Gather::EMPTY);
        if sink {
            self.check(&gather.data[..gather.bytes as usize], gather.ends);
        }
        self.open = !gather.ends;
        self.swallowing &= !gather.ends;
        Some(gather)
    }

    /// Bytes go to the checking sink.
    pub(crate) fn check(&mut self, bytes: &[u8], ends: bool) {
        let Checked { crc, length } = &mut self.running;
        *crc = crc::append(*crc, bytes);
        *length = length.wrapping_add(bytes.len() as u32);
        if ends {
            self.checked = std::mem::take(&mut self.running);
        }
    }
}
