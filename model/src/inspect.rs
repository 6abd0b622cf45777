//! What the card shows to coverage and to debuggers. Looks, and changes nothing.

use crate::card::Card;
use crate::config::DEVICE_CONTROL;
use crate::read::Reader;
use crate::transmit::Source;
use silico_spec::port::{ChannelView, Inspect};

impl Inspect for Card {
    fn c2h(&self, channel: usize) -> Option<ChannelView> {
        let sending = match self.transmitter.source {
            Some(Source::Channel(index) | Source::Fetch(index, _)) => index == channel,
            _ => false,
        };
        self.channels.get(channel).map(|unit| unit.view(sending, self.reads.of(Reader::C2h(channel)), &self.env))
    }

    fn h2c(&self, channel: usize) -> Option<ChannelView> {
        let sending = match self.transmitter.source {
            Some(Source::Block(index) | Source::Read(index, _)) => index == channel,
            _ => false,
        };
        self.h2c.get(channel).map(|unit| unit.view(sending, self.reads.of(Reader::H2c(channel)), &self.env))
    }

    fn tags(&self) -> (usize, usize) {
        let tally = self.reads.tally();
        (tally.in_use + tally.quarantined, tally.all)
    }

    fn device_control(&self) -> u16 {
        DEVICE_CONTROL
    }
}
