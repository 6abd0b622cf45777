//! What a channel shows to coverage and to debuggers.

use super::progress::Progress;
use super::{Channel, Env, Next};
use silico_spec::port::{Activity, ChannelView};
use silico_spec::writeback::ChannelState;

impl Channel {
    /// `sending`: a TLP of it is on the transmitter. `reads`: of page descriptors that are outstanding.
    pub(crate) fn view(&self, sending: bool, reads: u16, env: &Env) -> ChannelView {
        let activity = match self.state() {
            ChannelState::Idle => Activity::Idle,
            ChannelState::Stopping => Activity::Stopping,
            ChannelState::Error => Activity::Failed,
            ChannelState::Running if sending => Activity::Sending,
            ChannelState::Running => self.waits_for(reads, env),
        };
        let laps = match self.pages.as_deref() {
            Some(pages) => pages.completions.tail().checked_div(self.run.comp_entries.into()),
            None => self.delivered.count.checked_div(self.run.ring_size),
        };
        let laps = laps.unwrap_or(0);
        let Progress { sequence: blocks, block, signals, signal, .. } = self.progress;
        let view = ChannelView {
            state: self.state(),
            error: self.error.0,
            activity,
            reads,
            laps,
            blocks,
            block,
            signals,
            signal,
            ..ChannelView::default()
        };
        let Some(pages) = self.pages.as_deref() else { return view };
        let entries_full = pages.is_waiting() && !pages.has_entry();
        ChannelView { pages: true, entries: pages.completions.tail(), entry: pages.ended(), entries_full, ..view }
    }

    fn waits_for(&self, reads: u16, env: &Env) -> Activity {
        match self.next {
            _ if self.progress.due || self.entry_wanted(env) || self.fetch(env).is_some() => Activity::Wanting,
            Next::Chunk(_) => Activity::Wanting,
            _ if reads > 0 => Activity::Reading,
            Next::NoRoom => Activity::NoRoom,
            Next::NoData(_) | Next::Off => Activity::NoData,
        }
    }
}
