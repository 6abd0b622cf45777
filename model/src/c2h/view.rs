//! What a channel shows to coverage and to debuggers.

use super::{Channel, Next};
use silico_spec::port::{Activity, ChannelView};
use silico_spec::writeback::ChannelState;

impl Channel {
    /// `sending`: a TLP of it is on the transmitter.
    pub(crate) fn view(&self, sending: bool) -> ChannelView {
        let activity = match self.state() {
            ChannelState::Idle => Activity::Idle,
            ChannelState::Stopping => Activity::Stopping,
            ChannelState::Error => Activity::Failed,
            ChannelState::Running if sending => Activity::Sending,
            ChannelState::Running => self.waits_for(),
        };
        let laps = self.delivered.count.checked_div(self.run.ring_size).unwrap_or(0);
        ChannelView { state: self.state(), error: self.error.0, activity, pages: false, reads: 0, laps }
    }

    fn waits_for(&self) -> Activity {
        match self.next {
            _ if self.progress.due => Activity::Wanting,
            Next::Chunk(_) => Activity::Wanting,
            Next::NoRoom => Activity::NoRoom,
            Next::NoData(_) | Next::Off => Activity::NoData,
        }
    }
}
