//! What a channel shows to coverage and to debuggers.

use super::{Channel, Need};
use crate::c2h::Env;
use crate::c2h::progress::Progress;
use silico_spec::port::{Activity, ChannelView};
use silico_spec::writeback::ChannelState;

impl Channel {
    /// `sending`: a TLP of it is on the transmitter. `reads`: of it that are outstanding.
    pub(crate) fn view(&self, sending: bool, reads: u16, env: &Env) -> ChannelView {
        let activity = match self.state() {
            ChannelState::Idle => Activity::Idle,
            ChannelState::Stopping => Activity::Stopping,
            ChannelState::Error => Activity::Failed,
            ChannelState::Running if sending => Activity::Sending,
            ChannelState::Running if self.progress.due => Activity::Wanting,
            ChannelState::Running => match self.need(env) {
                Need::Descriptors(_) | Need::Payload(..) => Activity::Wanting,
                Need::NoRoom(_) => Activity::NoRoom,
                Need::NoDescriptor | Need::Nothing if reads > 0 => Activity::Reading,
                Need::NoDescriptor | Need::Nothing => Activity::NoData,
            },
        };
        let laps = self.delivered.count.checked_div(self.run.ring_entries.into()).unwrap_or(0);
        let Progress { sequence: blocks, block, signals, signal, .. } = self.progress;
        let view = ChannelView { state: self.state(), error: self.error.0, activity, reads, laps, ..ChannelView::default() };
        ChannelView { blocks, block, signals, signal, ..view }
    }
}
