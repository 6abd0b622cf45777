//! What driver and host do, as changes of signals at clocks. A note may lie ahead of the card: a CPU has spent time that the clock has still to catch up with.

use silico_spec::map;
use silico_spec::registers::MAP;
use std::collections::VecDeque;

/// What the driver does with the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Reads a register: lasts until the value is there.
    Read,
    /// Writes one.
    Write,
    /// Writes one by which it hands something over.
    Doorbell,
    /// Reads the configuration space.
    ConfigRead,
    /// Writes it.
    ConfigWrite,
}

impl Operation {
    const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Doorbell => "doorbell",
            Self::ConfigRead => "config read",
            Self::ConfigWrite => "config write",
        }
    }
}

/// Something that happened.
pub(super) enum Note<'a> {
    Begin(Operation, u32, Option<u64>),
    End(Option<u64>),
    Served(u16),
    Frame(u8, u64, u32),
    Reset(&'static str),
    Failed(&'a str),
}

/// A signal of driver or host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Change {
    Operation,
    Register,
    Offset,
    Value,
    Accesses,
    Served,
    ServedVector,
    Wakes,
    Frame,
    FrameChannel,
    FrameSequence,
    FrameBytes,
    Frames,
    Reset,
    Failed,
    Failure,
}

/// Scope, name and bits of each; text is so many characters, as a negative number.
pub(super) const CHANGES: &[(Change, &str, &str, i32)] = &[
    (Change::Operation, "driver", "operation", -12),
    (Change::Register, "driver", "register", -24),
    (Change::Offset, "driver", "offset", 32),
    (Change::Value, "driver", "value", 64),
    (Change::Accesses, "driver", "accesses", 32),
    (Change::Served, "driver", "woken", 1),
    (Change::ServedVector, "driver", "woken_by_vector", 16),
    (Change::Wakes, "driver", "wakes", 32),
    (Change::Frame, "driver", "frame", 1),
    (Change::FrameChannel, "driver", "frame_channel", 8),
    (Change::FrameSequence, "driver", "frame_sequence", 64),
    (Change::FrameBytes, "driver", "frame_bytes", 32),
    (Change::Frames, "driver", "frames", 64),
    (Change::Reset, "host", "reset", -16),
    (Change::Failed, "host", "failed", 1),
    (Change::Failure, "host", "failure", -120),
];

/// Its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    Text(String),
}

/// Values as of some clock, and what changes after it.
#[derive(Debug)]
pub(super) struct Notes {
    values: Vec<Value>,
    /// In the order of clocks; of one clock, as they came.
    coming: VecDeque<(u64, Change, Value)>,
    counts: [u64; 3],
}

impl Notes {
    pub(super) fn new() -> Self {
        let nothing = |bits: i32| if bits < 0 { Value::Text(String::new()) } else { Value::Number(0) };
        Self { values: CHANGES.iter().map(|(_, _, _, bits)| nothing(*bits)).collect(), coming: VecDeque::new(), counts: [0; 3] }
    }

    pub(super) fn add(&mut self, at: u64, note: &Note<'_>) {
        let text = |text: &str| Value::Text(text.into());
        let mut count = |which: usize| {
            self.counts[which] += 1;
            Value::Number(self.counts[which])
        };
        match note {
            Note::Begin(operation, offset, value) => {
                let count = count(0);
                let is_config = matches!(operation, Operation::ConfigRead | Operation::ConfigWrite);
                let name = if is_config { format!("config {offset:#05x}") } else { register(*offset) };
                self.put(at, Change::Operation, text(operation.word()));
                self.put(at, Change::Register, Value::Text(name));
                self.put(at, Change::Offset, Value::Number((*offset).into()));
                self.put(at, Change::Accesses, count);
                if let Some(value) = value {
                    self.put(at, Change::Value, Value::Number(*value));
                }
            }
            Note::End(value) => {
                if let Some(value) = value {
                    self.put(at, Change::Value, Value::Number(*value));
                }
                // A posted write takes no time; it is seen all the same.
                let begun = self.coming.iter().rev().find(|one| one.1 == Change::Operation).map_or(0, |one| one.0);
                self.put(at.max(begun + 1), Change::Operation, text(""));
            }
            Note::Served(vector) => {
                let count = count(1);
                self.pulse(at, Change::Served);
                self.put(at, Change::ServedVector, Value::Number((*vector).into()));
                self.put(at, Change::Wakes, count);
            }
            Note::Frame(channel, sequence, bytes) => {
                let count = count(2);
                self.pulse(at, Change::Frame);
                self.put(at, Change::FrameChannel, Value::Number((*channel).into()));
                self.put(at, Change::FrameSequence, Value::Number(*sequence));
                self.put(at, Change::FrameBytes, Value::Number((*bytes).into()));
                self.put(at, Change::Frames, count);
            }
            Note::Reset(what) => {
                self.put(at, Change::Reset, text(what));
                self.put(at + 1, Change::Reset, text(""));
            }
            Note::Failed(what) => {
                self.put(at, Change::Failed, Value::Number(1));
                self.put(at, Change::Failure, text(what));
            }
        }
    }

    fn pulse(&mut self, at: u64, change: Change) {
        self.put(at, change, Value::Number(1));
        self.put(at + 1, change, Value::Number(0));
    }

    fn put(&mut self, at: u64, change: Change, value: Value) {
        let place = self.coming.iter().rposition(|one| one.0 <= at).map_or(0, |before| before + 1);
        self.coming.insert(place, (at, change, value));
    }

    /// The next change up to `cycle`, which then is the value.
    pub(super) fn take(&mut self, cycle: u64) -> Option<(u64, Change)> {
        self.coming.front().filter(|one| one.0 <= cycle)?;
        let (at, change, value) = self.coming.pop_front()?;
        self.values[change as usize] = value;
        Some((at, change))
    }

    pub(super) fn value(&self, change: Change) -> &Value {
        &self.values[change as usize]
    }
}

/// The register at an offset of BAR 0, as the map calls it.
fn register(offset: u32) -> String {
    let Some(found) = map::find(MAP, offset) else { return format!("hole {offset:#06x}") };
    let channel = if matches!(found.block, "c2h" | "h2c") { format!("{}{}.", found.block, found.index) } else { String::new() };
    let half = if found.bits == 64 && offset != found.offset { "+4" } else { "" };
    let element = if found.element > 0 { format!("[{}]", found.element) } else { String::new() };
    format!("{channel}{}{element}{half}", found.name)
}
