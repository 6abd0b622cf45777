//! What the card does for channels with pages: the reads of their descriptors, and what these lack.

use crate::c2h::Env;
use crate::card::Card;
use crate::h2c::Lack;
use crate::read::{Owner, Purpose, Reader};
use crate::transmit::Source;
use silico_spec::tlp::Attributes;

impl Card {
    /// Follows whether C2H channel `index` has pages.
    pub(crate) fn note_paged(&mut self, index: usize) {
        if self.channels[index].is_paged() {
            self.paged.insert(index);
        } else {
            self.paged.remove(index);
        }
    }

    /// The channels with pages choose what is next.
    #[inline]
    pub(crate) fn catch_up(&mut self) {
        for index in self.paged {
            self.channels[index].catch_up(&self.env);
        }
    }

    pub(crate) fn fetch_wanted(&self, env: &Env) -> bool {
        self.paged.into_iter().any(|index| self.channels[index].fetch(env).is_some())
    }

    /// The next read of page descriptors.
    pub(crate) fn grant_fetch(&mut self, env: &Env) -> Option<Source> {
        for index in self.paged.from(self.transmitter.fetch_turn) {
            let Some(fetch) = self.channels[index].fetch(env) else { continue };
            if !self.config.bus_master() {
                self.channels[index].refuse();
                continue;
            }
            if self.lack() != Lack::None {
                return None;
            }
            self.transmitter.fetch_turn = index + 1;
            self.transmitter.reads_first = false;
            let start = self.channels[index].grant_fetch(fetch)?;
            let owner = Owner { reader: Reader::C2h(index), purpose: Purpose::Descriptors, start, cookie: 0 };
            let header = self.reads.issue(owner, fetch.address, fetch.bytes(), self.config.bdf(), Attributes::default())?;
            self.show_pending();
            self.transmitter.tlp.set_len(0);
            return self.load(Source::Fetch(index, header.tag().0 as u8), header);
        }
        None
    }
}
