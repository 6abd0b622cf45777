//! What an H2C channel reads: descriptors first, then their payload, cut as the port wants it, and only what there is room for.

use super::Channel;
use super::descriptors::Fetch;
use crate::c2h::{Env, State};
use crate::read::Purpose;
use silico_spec::descriptor::H2C_DESCRIPTOR_BYTES;
use silico_spec::tlp::{Attributes, Cut, Pieces};
use silico_spec::units::BusAddr;

/// A read that the channel needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Descriptors(Fetch),
    /// Address and bytes.
    Payload(u64, u32),
    /// There is something to read, and no room for so many bytes.
    NoRoom(u32),
    /// All descriptors that were given are done.
    NoDescriptor,
    /// What there is to read is on its way; or the channel is not running.
    Nothing,
}

impl Need {
    pub(crate) fn is_read(&self) -> bool {
        matches!(self, Self::Descriptors(_) | Self::Payload(..))
    }
}

/// A read as granted: what, where it goes in the channel's buffer, which bytes, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Granted {
    pub(crate) purpose: Purpose,
    pub(crate) start: u64,
    pub(crate) address: u64,
    pub(crate) bytes: u32,
    pub(crate) cookie: u64,
    pub(crate) attributes: Attributes,
}

/// Why a read that is needed does not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    None,
    Credit,
    Tag,
}

impl Channel {
    /// What the channel needs to read next: descriptors first.
    pub(crate) fn need(&self, env: &Env) -> Need {
        if !self.running(env) {
            return Need::Nothing;
        }
        if let Some(fetch) = self.descriptors.next(&self.run, self.tail, self.delivered.count, env.mrrs) {
            let room = self.descriptors.words.room();
            debug_assert!(fetch.count * H2C_DESCRIPTOR_BYTES <= room, "a place in `words` goes with each descriptor's place");
            return Need::Descriptors(fetch);
        }
        let reading = &self.descriptors.reading;
        let piece = Pieces::new(BusAddr(reading.address), reading.left.into(), env.mrrs, Cut::Aligned).next();
        match piece {
            Some(piece) if piece.bytes > self.payload.room() => Need::NoRoom(piece.bytes),
            Some(piece) => Need::Payload(piece.address.0, piece.bytes),
            None if self.tail == self.delivered.count => Need::NoDescriptor,
            None => Need::Nothing,
        }
    }

    /// A read that [`Channel::need`] named is granted.
    pub(crate) fn grant(&mut self, need: Need) -> Option<Granted> {
        let granted = match need {
            Need::Descriptors(fetch) => Granted {
                purpose: Purpose::Descriptors,
                start: self.descriptors.asked(fetch, &self.run),
                address: fetch.address,
                bytes: fetch.count * H2C_DESCRIPTOR_BYTES,
                cookie: 0,
                attributes: Attributes::default(),
            },
            Need::Payload(address, bytes) => {
                let reading = &mut self.descriptors.reading;
                reading.address = address.wrapping_add(bytes.into());
                reading.left -= bytes;
                Granted {
                    purpose: Purpose::Payload,
                    start: self.payload.issue(bytes),
                    address,
                    bytes,
                    cookie: reading.cookie,
                    attributes: Attributes { relaxed: self.run.relaxed(), no_snoop: self.run.no_snoop(), id_based: false },
                }
            }
            _ => return None,
        };
        self.flight = true;
        Some(granted)
    }

    /// Bytes that were read have come.
    pub(crate) fn arrived(&mut self, purpose: Purpose, start: u64, data: &[u8]) {
        if self.state != State::Running {
            return;
        }
        match purpose {
            Purpose::Descriptors => self.descriptors.words.fill(start, data),
            Purpose::Payload => self.payload.fill(start, data),
        }
    }

    /// Counts `clocks` clocks in which nothing is granted to the channel.
    pub(crate) fn count(&mut self, clocks: u64, need: Need, lack: Lack) {
        let counter = match (need, lack) {
            (Need::NoRoom(_), _) => &mut self.perf.no_buffer,
            (Need::NoDescriptor, _) => &mut self.perf.no_data,
            (Need::Descriptors(_) | Need::Payload(..), Lack::Credit) => &mut self.perf.no_credit,
            (Need::Descriptors(_) | Need::Payload(..), Lack::Tag) => &mut self.perf.no_tag,
            _ => return,
        };
        *counter += clocks;
    }
}
