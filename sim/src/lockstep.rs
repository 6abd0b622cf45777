//! Two cards on the same inputs, every output compared on every clock. Knows nothing of what is inside them; the first is the one that answers.

use silico_spec::credit::Limits;
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::params::DataWidth;
use silico_spec::port::{Beat, ChannelView, Endpoint, FrontBeat, Inspect, PortIn, PortOut};
use silico_spec::units::Cycles;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The first output that differed, or an assertion of the RTL that failed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Clock of the port, from the first one of the run.
    pub cycle: u64,
    /// Name of the signal, as in [`PortOut`]; of an assertion, what the simulator said of it.
    pub signal: String,
    /// It is an assertion: there are no values.
    pub is_assertion: bool,
    /// Values of the first and of the second card.
    pub values: [String; 2],
    /// Headers that came before, with the clock and which way they went.
    pub headers: Vec<String>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_assertion {
            return write!(f, "the RTL breaks an assertion at clock {}: {}", self.cycle, self.signal);
        }
        write!(f, "the cards differ at clock {} in {}: {} against {}", self.cycle, self.signal, self.values[0], self.values[1])?;
        self.headers.iter().try_for_each(|header| write!(f, "; {header}"))
    }
}

/// Where a [`Lockstep`] tells of the first difference.
#[derive(Clone, Debug, Default)]
pub struct Verdict(Arc<Mutex<Option<Divergence>>>);

impl Verdict {
    /// The first difference, if there was one.
    #[must_use]
    pub fn divergence(&self) -> Option<Divergence> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An assertion of the RTL failed at a clock of its port; `said` is what the simulator printed.
    pub fn failed(&self, cycle: u64, said: &str) {
        let first = said.lines().find(|line| line.contains("ssertion")).or_else(|| said.lines().next()).unwrap_or("it does not say which");
        // Without the simulator's own time, which counts nothing.
        let text = first.split_once("%Error: ").map_or(first, |(_, text)| text).trim();
        self.set(Divergence { cycle, signal: text.to_owned(), is_assertion: true, values: Default::default(), headers: Vec::new() });
    }

    fn set(&self, divergence: Divergence) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(divergence);
    }
}

impl Fork for Verdict {
    /// A place of its own, where the same was told so far.
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        memo.share(&self.0, |told, _| Ok(Mutex::new(told.lock().unwrap_or_else(PoisonError::into_inner).clone()))).map(Self)
    }
}

/// Two cards side by side. After a difference the second one is left alone, at once or after a while.
#[derive(Debug)]
pub struct Lockstep<A, B> {
    first: A,
    second: B,
    output: PortOut,
    cycle: u64,
    verdict: Verdict,
    parted: bool,
    /// Clocks for which the second one goes on after that.
    tail: u64,
    headers: VecDeque<(u64, bool, [u32; 4])>,
}

impl<A: Endpoint, B: Endpoint> Lockstep<A, B> {
    /// Both as after power-on. What differs is told to `verdict`.
    pub fn new(first: A, second: B, verdict: Verdict) -> Self {
        Self { first, second, output: PortOut::default(), cycle: 0, verdict, parted: false, tail: 0, headers: VecDeque::new() }
    }

    /// The same, but the second card goes on for `tail` clocks after a difference, for whoever watches it.
    #[must_use]
    pub fn with_tail(self, tail: Cycles) -> Self {
        Self { tail: tail.0, ..self }
    }

    /// The first card.
    pub fn first(&self) -> &A {
        &self.first
    }

    /// The second card.
    pub fn second(&self) -> &B {
        &self.second
    }
}

impl<A: Fork, B: Fork> Fork for Lockstep<A, B> {
    /// What differs in the copy is told to a verdict of its own, which whoever holds this one gets under the same `memo`.
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self {
            first: self.first.fork(memo)?,
            second: self.second.fork(memo)?,
            output: self.output.clone(),
            cycle: self.cycle,
            verdict: self.verdict.fork(memo)?,
            parted: self.parted,
            tail: self.tail,
            headers: self.headers.clone(),
        })
    }
}

impl<A: Inspect, B> Inspect for Lockstep<A, B> {
    fn c2h(&self, channel: usize) -> Option<ChannelView> {
        self.first.c2h(channel)
    }

    fn h2c(&self, channel: usize) -> Option<ChannelView> {
        self.first.h2c(channel)
    }

    fn tags(&self) -> (usize, usize) {
        self.first.tags()
    }

    fn device_control(&self) -> u16 {
        self.first.device_control()
    }
}

impl<A: Endpoint, B: Endpoint> Endpoint for Lockstep<A, B> {
    fn width(&self) -> DataWidth {
        self.first.width()
    }

    /// What both may pass.
    fn quiet(&self) -> Cycles {
        match (self.parted, self.tail) {
            (true, 0) => self.first.quiet(),
            (true, _) => Cycles(0),
            (false, _) => match self.second.quiet() {
                Cycles(0) => Cycles(0),
                second => Cycles(second.0.min(self.first.quiet().0)),
            },
        }
    }

    fn skip(&mut self, span: Cycles) {
        self.cycle += span.0;
        self.first.skip(span);
        if !self.parted {
            self.second.skip(span);
        }
    }

    fn clock(&mut self, input: &PortIn, output: &mut PortOut) {
        let shown = output.tx;
        self.first.clock(input, output);
        self.cycle += 1;
        if self.parted {
            if self.tail > 0 {
                self.tail -= 1;
                self.second.clock(input, &mut self.output);
            }
            return;
        }
        for (towards, beat) in [(true, &input.rx), (false, &shown)].into_iter().filter(|(_, beat)| beat.valid && beat.sop) {
            if self.headers.len() == 8 {
                self.headers.pop_front();
            }
            self.headers.push_back((self.cycle, towards, beat.header));
        }
        self.second.clock(input, &mut self.output);
        if let Some((signal, values)) = difference(output, &self.output) {
            self.parted = true;
            let show = |(cycle, towards, header): &(u64, bool, [u32; 4])| {
                format!("clock {cycle} {} {header:08x?}", if *towards { "to the cards" } else { "from them" })
            };
            self.verdict.set(Divergence {
                cycle: self.cycle,
                signal,
                is_assertion: false,
                values,
                headers: self.headers.iter().map(show).collect(),
            });
        }
    }
}

fn values<T: fmt::Debug>(first: &T, second: &T) -> [String; 2] {
    [format!("{first:x?}"), format!("{second:x?}")]
}

/// The first signal that differs, and its values.
#[must_use]
pub fn difference(first: &PortOut, second: &PortOut) -> Option<(String, [String; 2])> {
    if first == second {
        return None;
    }
    let found = |signal: &str, values: [String; 2]| Some((signal.to_owned(), values));
    if first.tx != second.tx {
        return beat_difference(&first.tx, &second.tx);
    }
    if first.rx_ready != second.rx_ready {
        return found("rx_ready", values(&first.rx_ready, &second.rx_ready));
    }
    if first.credits != second.credits {
        let Limits(a) = first.credits;
        let Limits(b) = second.credits;
        let class = (0..3).find(|&class| a[class] != b[class])?;
        return found(&format!("credits[{class}]"), values(&a[class], &b[class]));
    }
    if first.front_ready != second.front_ready {
        return found("front_ready", values(&first.front_ready, &second.front_ready));
    }
    if first.front_busy != second.front_busy {
        return found("front_busy", values(&first.front_busy, &second.front_busy));
    }
    if first.out_valid != second.out_valid {
        return found("out_valid", values(&first.out_valid, &second.out_valid));
    }
    let channel = (0..first.out.len()).find(|&channel| first.out_valid >> channel & 1 != 0 && first.out[channel] != second.out[channel])?;
    let show = |beat: &FrontBeat| {
        format!("{:02x?} last {} error {} source {}", &beat.data[..usize::from(beat.bytes)], beat.last, beat.error, beat.source)
    };
    found(&format!("out[{channel}]"), [show(&first.out[channel]), show(&second.out[channel])])
}

fn beat_difference(first: &Beat, second: &Beat) -> Option<(String, [String; 2])> {
    let found = |signal: &str, values: [String; 2]| Some((signal.to_owned(), values));
    if first.valid != second.valid {
        let show = |beat: &Beat| if beat.valid { format!("a beat (sop {}, header {:08x?})", beat.sop, beat.header) } else { "none".into() };
        return found("tx.valid", [show(first), show(second)]);
    }
    if (first.sop, first.eop) != (second.sop, second.eop) {
        return found("tx.sop, tx.eop", values(&(first.sop, first.eop), &(second.sop, second.eop)));
    }
    if first.header != second.header {
        let dword = (0..4).find(|&dword| first.header[dword] != second.header[dword])?;
        return found(&format!("tx.header[{dword}]"), values(&first.header, &second.header));
    }
    if first.bytes != second.bytes {
        return found("tx.bytes", values(&first.bytes, &second.bytes));
    }
    if first.data != second.data {
        let byte = (0..first.data.len()).find(|&byte| first.data[byte] != second.data[byte])?;
        return found(
            &format!("tx.data, byte {byte}"),
            [first, second].map(|beat| format!("{:02x?}", &beat.data[..usize::from(beat.bytes)])),
        );
    }
    if first.digest != second.digest {
        return found("tx.digest", values(&first.digest, &second.digest));
    }
    found("tx.discard", values(&first.discard, &second.discard))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows BUSY from a clock on.
    #[derive(Clone)]
    struct Busy(u64, u64);

    impl Endpoint for Busy {
        fn width(&self) -> DataWidth {
            DataWidth::W256
        }

        fn clock(&mut self, _: &PortIn, output: &mut PortOut) {
            self.0 += 1;
            output.front_busy = u16::from(self.0 >= self.1);
        }
    }

    impl Fork for Busy {
        fn fork(&self, _: &mut Memo) -> Result<Self, CannotFork> {
            Ok(self.clone())
        }
    }

    fn clocks(cards: &mut Lockstep<Busy, Busy>, clocks: u64) {
        let mut output = PortOut::default();
        (0..clocks).for_each(|_| cards.clock(&PortIn::default(), &mut output));
    }

    #[test]
    fn a_difference_is_told_where_it_is_found_the_original_or_the_copy() {
        let verdict = Verdict::default();
        let mut original = Lockstep::new(Busy(0, 8), Busy(0, 6), verdict.clone());
        clocks(&mut original, 3);
        let mut memo = Memo::new();
        let (mut copy, told) = (original.fork(&mut memo).unwrap(), verdict.fork(&mut memo).unwrap());
        clocks(&mut copy, 3);
        assert_eq!(told.divergence().map(|parted| (parted.cycle, parted.signal)), Some((6, "front_busy".into())));
        assert_eq!(verdict.divergence(), None, "the original has not come that far");
        // A copy of cards that have parted says so too.
        let mut memo = Memo::new();
        let (_, again) = (copy.fork(&mut memo).unwrap(), told.fork(&mut memo).unwrap());
        assert_eq!(again.divergence(), told.divergence());
        clocks(&mut original, 3);
        assert_eq!(verdict.divergence(), told.divergence());
    }
}
