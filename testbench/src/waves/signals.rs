//! What is known of one clock, and the signals that show it: the port, TLPs decoded, credits, the state of channels.

use super::config::Layout;
use super::tree::{Out, Tree, Var};
use silico_sim::lockstep;
use silico_spec::credit::Limits;
use silico_spec::params::{MAX_C2H, MAX_H2C};
use silico_spec::port::{Beat, ChannelView, Endpoint, FrontBeat, Inspect, PortIn, PortOut};
use silico_spec::tlp::{Header, Kind};

/// Where interrupt messages go.
const INTERRUPTS: std::ops::RangeInclusive<u64> = 0xfee0_0000..=0xfeef_ffff;
/// Assert_INTA, and Deassert_INTA (PCIe 4.0 table 2-21).
const ASSERT: u8 = 0x20;
const DEASSERT: u8 = 0x24;
/// Letters of a TLP in words.
const TLP: u32 = 80;

/// What a card tells of its channels.
#[derive(Clone, Debug, Default)]
pub(super) struct Views {
    c2h: [Option<ChannelView>; MAX_C2H],
    h2c: [Option<ChannelView>; MAX_H2C],
    tags: u64,
}

/// Looks into a card.
pub(super) fn look<E: Endpoint + Inspect>(card: &E, views: &mut Views) {
    views.c2h.iter_mut().enumerate().for_each(|(channel, view)| *view = card.c2h(channel));
    views.h2c.iter_mut().enumerate().for_each(|(channel, view)| *view = card.h2c(channel));
    views.tags = card.tags().0 as u64;
}

/// One card in one clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// What it drives.
    pub(super) output: PortOut,
    /// What it tells.
    pub(super) views: Views,
    /// What has changed inside it, as in a VCD file.
    pub(super) inside: Vec<u8>,
}

/// One clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    pub(super) cycle: u64,
    pub(super) input: PortIn,
    pub(super) sides: [Shown; 2],
}

impl Sample {
    /// The first signal in which two cards differ.
    pub(super) fn difference(&self) -> Option<String> {
        lockstep::difference(&self.sides[0].output, &self.sides[1].output).map(|(signal, _)| signal)
    }
}

type Done = Result<(), String>;

/// A stream of TLPs, without its ready.
struct Stream {
    plain: [Var; 6],
    header: Var,
    data: Var,
    words: [Var; 2],
    fields: [Var; 5],
}

impl Stream {
    fn declare(tree: &mut Tree, bits: u32) -> Result<Self, String> {
        let plain = [("valid", 1), ("sop", 1), ("eop", 1), ("discard", 1), ("bytes", 7), ("digest", 32)];
        let fields = [("address", 64), ("tag", 10), ("requester", 16), ("length_dw", 11), ("status", 3)];
        Ok(Self {
            plain: all(plain, |(name, bits)| tree.bits(name, bits))?,
            words: [tree.text("kind", 8)?, tree.text("tlp", TLP)?],
            fields: all(fields, |(name, bits)| tree.bits(name, bits))?,
            header: tree.bits("header", 128)?,
            data: tree.bits("data", bits)?,
        })
    }

    /// A TLP in words stays until the next one begins, or nothing is shown.
    fn show(&self, out: &mut Out, beat: &Beat) -> Done {
        let plain = [beat.valid.into(), beat.sop.into(), beat.eop.into(), beat.discard.into(), beat.bytes.into(), beat.digest.into()];
        self.plain.iter().zip(plain).try_for_each(|(var, value): (_, u64)| out.number(*var, value))?;
        out.little(self.data, &beat.data[..usize::from(beat.bytes)])?;
        if !beat.valid {
            return self.words.iter().try_for_each(|var| out.text(*var, ""));
        }
        if !beat.sop {
            return Ok(());
        }
        let header = Header(beat.header);
        let [a, b, c, d] = beat.header;
        let bytes: Vec<u8> = [d, c, b, a].iter().flat_map(|word| word.to_le_bytes()).collect();
        out.little(self.header, &bytes)?;
        out.text(self.words[0], &header.kind().to_string())?;
        out.text(self.words[1], &header.to_string())?;
        let fields = match header.kind() {
            Kind::Completion | Kind::CompletionData | Kind::CompletionLocked | Kind::CompletionLockedData => {
                [u64::from(header.lower_address()), u64::from(header.0[1] >> 13 & 7)]
            }
            Kind::CfgRead0 | Kind::CfgWrite0 | Kind::CfgRead1 | Kind::CfgWrite1 => [header.config_offset().into(), 0],
            _ => [header.address().0, 0],
        };
        let [address, status] = fields;
        let values = [address, header.tag().0.into(), header.requester().bits().into(), header.length().0.into(), status];
        self.fields.iter().zip(values).try_for_each(|(var, value)| out.number(*var, value))
    }
}

/// A front end, or an output of a host-to-card channel.
struct Front {
    plain: [Var; 6],
    data: Var,
}

impl Front {
    fn declare(tree: &mut Tree, bits: u32) -> Result<Self, String> {
        let plain = [("valid", 1), ("ready_from_host", 1), ("last", 1), ("error", 1), ("source", 16), ("bytes", 7)];
        Ok(Self { plain: all(plain, |(name, bits)| tree.bits(name, bits))?, data: tree.bits("data", bits)? })
    }

    fn show(&self, out: &mut Out, valid: bool, ready: bool, beat: &FrontBeat) -> Done {
        let beat = if valid { beat } else { &FrontBeat::NONE };
        let plain = [valid.into(), ready.into(), beat.last.into(), beat.error.into(), beat.source.into(), beat.bytes.into()];
        self.plain.iter().zip(plain).try_for_each(|(var, value): (_, u64)| out.number(*var, value))?;
        out.little(self.data, &beat.data[..usize::from(beat.bytes)])
    }
}

/// Limits of a class: the value that the credit counter wraps around in; all ones and `infinite` where there is none.
struct Credits([[Var; 3]; 3]);

impl Credits {
    fn declare(tree: &mut Tree) -> Result<Self, String> {
        let class = |name: &str| -> Result<[Var; 3], String> {
            Ok([
                tree.bits(&format!("{name}_headers"), 8)?,
                tree.bits(&format!("{name}_data"), 12)?,
                tree.bits(&format!("{name}_infinite"), 2)?,
            ])
        };
        all(["posted", "nonposted", "completion"], class).map(Self)
    }

    fn show(&self, out: &mut Out, limits: &Limits) -> Done {
        self.0.iter().zip(&limits.0).try_for_each(|([headers, data, infinite], limit)| {
            out.number(*headers, limit.headers().map_or(0xff, u64::from))?;
            out.number(*data, limit.data().map_or(0xfff, u64::from))?;
            out.number(*infinite, u64::from(limit.headers().is_none()) << 1 | u64::from(limit.data().is_none()))
        })
    }
}

/// What a channel tells.
struct Channel {
    words: [Var; 3],
    numbers: [Var; 5],
}

impl Channel {
    fn declare(tree: &mut Tree) -> Result<Self, String> {
        let numbers = [("reads_outstanding", 16), ("laps", 32), ("write_backs", 32), ("signals", 32), ("completion_entries", 32)];
        Ok(Self {
            words: all([("state", 8), ("error", 20), ("activity", 8)], |(name, letters)| tree.text(name, letters))?,
            numbers: all(numbers, |(name, bits)| tree.bits(name, bits))?,
        })
    }

    fn show(&self, out: &mut Out, view: &ChannelView) -> Done {
        let words = [format!("{:?}", view.state), format!("{:?}", view.error), format!("{:?}", view.activity)];
        self.words.iter().zip(&words).try_for_each(|(var, word)| out.text(*var, word))?;
        let numbers = [view.reads.into(), view.laps, view.blocks, view.signals.into(), view.entries];
        self.numbers.iter().zip(numbers).try_for_each(|(var, value)| out.number(*var, value))
    }
}

/// What one card drives and tells.
struct Card {
    stream: Stream,
    ready: Var,
    credits: Credits,
    /// `front_ready` and `front_busy`.
    fronts: [Var; 2],
    outputs: Vec<Front>,
    /// Raised in this clock, by which message, and the levels of INTx.
    interrupts: [Var; 3],
    channels: Option<(Vec<Channel>, Vec<Channel>, Var)>,
    levels: u64,
}

impl Card {
    fn declare(tree: &mut Tree, layout: &Layout, inside: bool) -> Result<Self, String> {
        let bits = layout.params.width.bytes() * 8;
        let (c2h, h2c) = (layout.params.c2h_channels, layout.params.h2c_channels);
        let output = |tree: &mut Tree, channel| tree.scope(&format!("out{channel}"), |tree| Front::declare(tree, bits));
        let channel = |tree: &mut Tree, name: &str, channel| tree.scope(&format!("{name}{channel}"), Channel::declare);
        let interrupt = |tree: &mut Tree| Ok([tree.bits("raised", 1)?, tree.bits("message_data", 32)?, tree.bits("intx_levels", 4)?]);
        Ok(Self {
            stream: tree.scope("tx", |tree| Stream::declare(tree, bits))?,
            ready: tree.bits("rx_ready", 1)?,
            credits: tree.scope("credits_granted", Credits::declare)?,
            fronts: [tree.bits("front_ready", c2h.into())?, tree.bits("front_busy", c2h.into())?],
            outputs: (0..h2c).map(|index| output(tree, index)).collect::<Result<_, _>>()?,
            interrupts: tree.scope("interrupts", interrupt)?,
            channels: if inside {
                let c2h = (0..c2h).map(|index| channel(tree, "c2h", index)).collect::<Result<_, _>>()?;
                let h2c = (0..h2c).map(|index| channel(tree, "h2c", index)).collect::<Result<_, _>>()?;
                Some((c2h, h2c, tree.bits("tags_in_use", 16)?))
            } else {
                None
            },
            levels: 0,
        })
    }

    fn show(&mut self, out: &mut Out, input: &PortIn, shown: &Shown) -> Done {
        let output = &shown.output;
        self.stream.show(out, &output.tx)?;
        out.number(self.ready, output.rx_ready.into())?;
        self.credits.show(out, &output.credits)?;
        out.number(self.fronts[0], output.front_ready.into())?;
        out.number(self.fronts[1], output.front_busy.into())?;
        for (channel, front) in self.outputs.iter().enumerate() {
            let bit = |bits: u8| bits >> channel & 1 != 0;
            front.show(out, bit(output.out_valid), bit(input.out_ready), &output.out[channel])?;
        }
        self.interrupt(out, input, &output.tx)?;
        let Some((c2h, h2c, tags)) = &self.channels else { return Ok(()) };
        for (channel, view) in c2h.iter().zip(&shown.views.c2h).chain(h2c.iter().zip(&shown.views.h2c)) {
            channel.show(out, &view.unwrap_or_default())?;
        }
        out.number(*tags, shown.views.tags)
    }

    /// An interrupt is raised when its message leaves the card.
    fn interrupt(&mut self, out: &mut Out, input: &PortIn, beat: &Beat) -> Done {
        let header = Header(beat.header);
        let leaves = beat.valid && beat.sop && input.tx_ready;
        let message = leaves && header.kind() == Kind::MemWrite && INTERRUPTS.contains(&header.address().0);
        if let (true, Kind::Message(_)) = (leaves, header.kind()) {
            match header.message_code() {
                code @ ASSERT..DEASSERT => self.levels |= 1 << (code - ASSERT),
                code @ DEASSERT..0x28 => self.levels &= !(1 << (code - DEASSERT)),
                _ => {}
            }
        }
        if input.reset || !input.link_up {
            self.levels = 0;
        }
        out.number(self.interrupts[0], message.into())?;
        if message {
            let data = u32::from_le_bytes([beat.data[0], beat.data[1], beat.data[2], beat.data[3]]);
            out.number(self.interrupts[1], data.into())?;
        }
        out.number(self.interrupts[2], self.levels)
    }
}

/// All signals of the port.
pub(super) struct Signals {
    cycle: Var,
    /// The cards differ, and in what.
    differs: Option<[Var; 2]>,
    plain: [Var; 3],
    stream: Stream,
    credits: Credits,
    fronts: Vec<Front>,
    cards: Vec<Card>,
}

impl Signals {
    pub(super) fn declare(tree: &mut Tree, layout: &Layout) -> Result<Self, String> {
        let bits = layout.params.width.bytes() * 8;
        let names = layout.sides.names();
        let front = |tree: &mut Tree, channel| tree.scope(&format!("front{channel}"), |tree| Front::declare(tree, bits));
        let cycle = tree.bits("cycle", 64)?;
        let differs = if names.len() == 2 { Some([tree.bits("differs", 1)?, tree.text("differs_in", 16)?]) } else { None };
        let (plain, stream, credits, fronts) = tree.scope("inputs", |tree| {
            Ok((
                [tree.bits("reset", 1)?, tree.bits("link_up", 1)?, tree.bits("tx_ready", 1)?],
                tree.scope("rx", |tree| Stream::declare(tree, bits))?,
                tree.scope("credits", Credits::declare)?,
                (0..layout.params.c2h_channels).map(|index| front(tree, index)).collect::<Result<_, _>>()?,
            ))
        })?;
        let card = |tree: &mut Tree, name: &str| tree.scope(name, |tree| Card::declare(tree, layout, name == "model"));
        let cards = names.iter().map(|name| card(tree, name)).collect::<Result<_, _>>()?;
        Ok(Self { cycle, differs, plain, stream, credits, fronts, cards })
    }

    pub(super) fn show(&mut self, out: &mut Out, sample: &Sample) -> Done {
        let input = &sample.input;
        out.number(self.cycle, sample.cycle)?;
        if let Some([differs, signal]) = self.differs {
            let difference = sample.difference();
            out.number(differs, difference.is_some().into())?;
            out.text(signal, difference.as_deref().unwrap_or(""))?;
        }
        let plain: [u64; 3] = [input.reset.into(), input.link_up.into(), input.tx_ready.into()];
        self.plain.iter().zip(plain).try_for_each(|(var, value)| out.number(*var, value))?;
        self.stream.show(out, &input.rx)?;
        self.credits.show(out, &input.credits)?;
        let ready = sample.sides[0].output.front_ready;
        for (channel, front) in self.fronts.iter().enumerate() {
            let bit = |bits: u16| bits >> channel & 1 != 0;
            front.show(out, bit(input.front_valid), bit(ready), &input.front[channel])?;
        }
        self.cards.iter_mut().zip(&sample.sides).try_for_each(|(card, shown)| card.show(out, input, shown))
    }
}

/// As many as there are, or the first error.
fn all<T, U, const N: usize>(of: [T; N], make: impl FnMut(T) -> Result<U, String>) -> Result<[U; N], String> {
    let made: Vec<U> = of.into_iter().map(make).collect::<Result<_, _>>()?;
    made.try_into().map_err(|_| "as many signals as names".to_string())
}
