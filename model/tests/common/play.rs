//! Random operations on a card at its port: drawn, and played. What they are compared with is for others to say.

use crate::common::{BAR0, Bench, Fault, Host, MEMORY, Sent};
use proptest::prelude::*;
use silico_spec::credit::Limits;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor, PageDescriptor};
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::TlpPort;
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::units::Cycle;

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Run(u64),
    Feed {
        channel: usize,
        bytes: usize,
        delay: u64,
    },
    Start(u32),
    Stop(u32),
    Reset(u32),
    Doorbell {
        channel: u32,
        share: u8,
    },
    Arm(u32),
    /// Some bytes of a vector's mask.
    Mask(bool, u8),
    Hold(u64),
    /// Clocks of the next 64 in which the streams from and to the card stand still.
    Stall([u64; 2]),
    Credits {
        headers: u8,
        data: u16,
    },
    Enable(bool),
    CardReset,
    /// Of the H2C channels.
    Begin {
        channel: u32,
        output: u32,
    },
    End(u32),
    Renew(u32),
    Give {
        channel: u32,
        count: u8,
        at: u16,
        length: u16,
        flags: u8,
    },
    ArmSpace(u32),
    OutHold {
        channel: u32,
        clocks: u64,
    },
    ReadCredits(u8),
    MastersOff,
    /// Function-level reset; everything is set up again.
    Function,
    /// The link goes for some clocks, or reset is asserted; likewise.
    Link {
        fundamental: bool,
        clocks: u64,
    },
    /// MSI-X on, or INTx instead; interrupts disabled or not.
    Messages(bool, bool),
    Acknowledge(u32),
    /// ECRC generation and checking.
    Digests(u32),
    /// Of the C2H channels with pages.
    GivePages {
        channel: u32,
        count: u8,
        length: u16,
        grid: u8,
    },
    TakeEntries {
        channel: u32,
        share: u8,
    },
    /// A doorbell is rung with what it should not: far too much, backwards, beyond its ring, again, with a bit turned.
    Wrong {
        channel: u32,
        bell: Bell,
        how: u8,
    },
}

/// What a host rings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bell {
    Freed,
    Pages,
    Entries,
    Descriptors,
}

fn wrong(bells: &'static [Bell]) -> impl Strategy<Value = Op> {
    (0..2_u32, prop::sample::select(bells), 0..5_u8).prop_map(|(channel, bell, how)| Op::Wrong { channel, bell, how })
}

fn c2h_op() -> impl Strategy<Value = Op> {
    let channel = 0..2_u32;
    prop_oneof![
        8 => (1..400_u64).prop_map(Op::Run),
        6 => (0..2_usize, prop_oneof![0..64_usize, 0..700_usize, 0..3000_usize], 0..100_u64).prop_map(|(channel, bytes, delay)| Op::Feed { channel, bytes, delay }),
        3 => channel.clone().prop_map(Op::Start),
        1 => channel.clone().prop_map(Op::Stop),
        1 => channel.clone().prop_map(Op::Reset),
        4 => (channel.clone(), 1..=4_u8).prop_map(|(channel, share)| Op::Doorbell { channel, share }),
        1 => wrong(&[Bell::Freed]),
        2 => channel.prop_map(Op::Arm),
        1 => (any::<bool>(), prop_oneof![Just(0xf_u8), 0..16_u8]).prop_map(|(masked, bytes)| Op::Mask(masked, bytes)),
        2 => (1..60_u64).prop_map(Op::Hold),
        2 => any::<[u64; 2]>().prop_map(Op::Stall),
        3 => (0..6_u8, 0..60_u16).prop_map(|(headers, data)| Op::Credits { headers, data }),
        1 => any::<bool>().prop_map(Op::Enable),
        1 => Just(Op::CardReset),
    ]
}

fn h2c_op() -> impl Strategy<Value = Op> {
    let channel = 0..2_u32;
    let length = prop_oneof![0..70_u16, 0..700_u16, 0..5000_u16];
    let output = prop_oneof![Just(0_u32), Just(1), Just(2), Just(2 | 1 << 8), Just(4), Just(5)];
    prop_oneof![
        4 => (channel.clone(), output).prop_map(|(channel, output)| Op::Begin { channel, output }),
        1 => channel.clone().prop_map(Op::End),
        1 => channel.clone().prop_map(Op::Renew),
        8 => (channel.clone(), 0..6_u8, any::<u16>(), length, 0..4_u8)
            .prop_map(|(channel, count, at, length, flags)| Op::Give { channel, count, at, length, flags }),
        2 => channel.clone().prop_map(Op::ArmSpace),
        2 => (channel, 1..300_u64).prop_map(|(channel, clocks)| Op::OutHold { channel, clocks }),
        2 => (0..20_u8).prop_map(Op::ReadCredits),
        1 => wrong(&[Bell::Descriptors]),
        1 => Just(Op::MastersOff),
    ]
}

fn card_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => Just(Op::Function),
        2 => (any::<bool>(), 1..40_u64).prop_map(|(fundamental, clocks)| Op::Link { fundamental, clocks }),
        2 => any::<[bool; 2]>().prop_map(|[on, disabled]| Op::Messages(on, disabled)),
        2 => any::<u32>().prop_map(Op::Acknowledge),
        1 => (0..4_u32).prop_map(Op::Digests),
    ]
}

fn page_op() -> impl Strategy<Value = Op> {
    let channel = 0..2_u32;
    let length = prop_oneof![1..4_u16, 1..30_u16, 1..130_u16];
    prop_oneof![
        12 => (channel.clone(), 0..12_u8, length, any::<u8>()).prop_map(|(channel, count, length, grid)| Op::GivePages { channel, count, length, grid }),
        8 => (channel.clone(), 1..4_u8).prop_map(|(channel, share)| Op::TakeEntries { channel, share }),
        2 => wrong(&[Bell::Pages, Bell::Entries]),
    ]
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![9 => c2h_op(), 6 => h2c_op(), 9 => page_op(), 2 => card_op()]
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) generator: [bool; 2],
    pub(crate) config: [u32; 2],
    /// Entries of free list and completion ring.
    pub(crate) entries: (u32, u32),
    pub(crate) flush: u32,
    pub(crate) rate: u32,
    pub(crate) pause: u32,
    pub(crate) frame: u32,
    pub(crate) mode: u32,
    pub(crate) blocks: Option<Blocks>,
    pub(crate) wb_time: u32,
    pub(crate) int_time: u32,
    pub(crate) finite_credits: bool,
    pub(crate) width: DataWidth,
    pub(crate) host: Answers,
    /// MPS and MRRS, 128 << n, if not those of after a reset.
    pub(crate) sizes: Option<(u32, u32)>,
}

/// The generators' block mode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    pub(crate) links: u32,
    pub(crate) flush: u32,
    pub(crate) count: u32,
}

fn blocks() -> impl Strategy<Value = Option<Blocks>> {
    let flush = prop_oneof![Just(0), 1..40_u32, 100..1000_u32];
    let count = prop_oneof![2 => Just(0), 1 => 1..30_u32];
    let some = (1..9_u32, flush, count).prop_map(|(links, flush, count)| Some(Blocks { links, flush, count }));
    prop_oneof![Just(None), some]
}

/// How the host answers reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answers {
    pub(crate) seed: u64,
    pub(crate) delay: (u64, u64),
    pub(crate) split: Option<u32>,
    pub(crate) tags: u16,
    pub(crate) fault: Option<(u64, Fault)>,
}

fn answers() -> impl Strategy<Value = Answers> {
    use Fault::{Abort, ByteCount, Long, Poison, Silence, Twice, Unsupported};
    let faults = prop::sample::select(vec![Abort, ByteCount, Long, Poison, Silence, Twice, Unsupported]);
    let split = prop_oneof![Just(None), Just(Some(64)), Just(Some(128))];
    let tags = prop_oneof![Just(1_u16), Just(3), Just(256)];
    let fault = prop_oneof![Just(None), (0..20_u64, faults).prop_map(Some)];
    (any::<u64>(), (0..300_u64, 0..600_u64), split, tags, fault).prop_map(|(seed, delay, split, tags, fault)| Answers {
        seed,
        delay,
        split,
        tags,
        fault,
    })
}

pub(crate) fn shape() -> impl Strategy<Value = Shape> {
    let width = prop_oneof![1 => Just(DataWidth::W64), 1 => Just(DataWidth::W128), 3 => Just(DataWidth::W256), 1 => Just(DataWidth::W512)];
    let sizes = prop_oneof![Just(None), (0..4_u32, 0..6_u32).prop_map(Some)];
    let rate = prop_oneof![4 => Just(1_u32 << 16), 2 => 1_u32..1 << 16, 1 => Just(0)];
    (
        any::<[bool; 2]>(),
        any::<[[bool; 4]; 2]>(),
        rate,
        0..50_u32,
        0..2000_u32,
        (0..3_u32, blocks()),
        prop_oneof![Just(0), 1..500_u32],
        prop_oneof![Just(0), 1..500_u32],
        any::<bool>(),
        (width, answers(), any::<[[bool; 2]; 2]>(), (2..12_u32, 2..9_u32), prop_oneof![Just(0), 1..300_u32], sizes),
    )
        .prop_map(
            |(
                generator,
                bits,
                rate,
                pause,
                frame,
                (mode, blocks),
                wb_time,
                int_time,
                finite_credits,
                (width, host, pages, entries, flush, sizes),
            )| Shape {
                generator,
                config: std::array::from_fn(|index| {
                    let ([drop, write_back, relaxed, no_snoop], [pages, packed]) = (bits[index], pages[index]);
                    let order = u32::from(relaxed) << 3 | u32::from(no_snoop) << 4;
                    order | u32::from(drop) << 1 | u32::from(write_back) << 2 | u32::from(pages) << 5 | u32::from(packed) << 6
                }),
                entries,
                flush,
                rate,
                pause,
                frame,
                mode,
                blocks,
                wb_time,
                int_time,
                finite_credits,
                width,
                host,
                sizes,
            },
        )
}

fn set_up<P: TlpPort>(bench: &mut Bench<P>, shape: &Shape) {
    bench.bring_up(16);
    bench.enable();
    if bench.host.is_none() {
        let mut host = Host::new(shape.host.seed);
        (host.delay, host.split, host.fault) = (shape.host.delay, shape.host.split, shape.host.fault);
        (host.limits.digest, host.ecrc) = (true, true);
        bench.host = Some(host);
    }
    if let Some((mps, mrrs)) = shape.sizes {
        bench.set_sizes(mps, mrrs);
        if let Some(host) = &mut bench.host {
            (host.limits.max_payload, host.limits.max_read_request) = (128 << mps, 128 << mrrs);
        }
    }
    for channel in 0..2 {
        bench.set_up_h2c(channel, 6 + 5 * channel, 0);
        bench.h2c_set32(channel, h2c::WB_EVERY, 2);
        bench.h2c_set32(channel, h2c::WB_TIME, shape.wb_time);
        bench.h2c_set32(channel, h2c::INT_SPACE, 1 << 31 | 4 + channel);
        bench.h2c_set32(channel, h2c::INT_ERROR, 1 << 31 | 6);
        bench.h2c_set32(channel, h2c::INT_SPACE_COUNT, 3 * channel);
        bench.h2c_set32(channel, h2c::INT_SPACE_TIME, shape.int_time);
    }
    bench.write(BAR0 + u64::from(card::INT_CARD), 1 << 31 | 7, 4);
    bench.write(BAR0 + u64::from(card::ERROR_MASK), 2 << 16 | 1, 4);
    for channel in 0..2 {
        let index = channel as usize;
        bench.set_up_ring(channel, 0x4000, shape.config[index] | u32::from(shape.generator[index]), 2500);
        bench.set_up_pages(channel, shape.entries.0, shape.entries.1, shape.config[index] | u32::from(shape.generator[index]));
        bench.set32(channel, c2h::CONFIG, shape.config[index] | u32::from(shape.generator[index]));
        bench.set32(channel, c2h::FLUSH_TIME, shape.flush);
        bench.set32(channel, c2h::WB_FRAMES, 3);
        bench.set32(channel, c2h::WB_TIME, shape.wb_time);
        bench.set32(channel, c2h::GEN_CONFIG, shape.mode | u32::from(shape.blocks.is_some()) << 2 | 0x50 << 16);
        if let Some(blocks) = shape.blocks {
            bench.set32(channel, c2h::GEN_LINKS, blocks.links);
            bench.set32(channel, c2h::GEN_FLUSH, blocks.flush);
            bench.set64(channel, c2h::GEN_COUNT, blocks.count.into());
        }
        bench.set32(channel, c2h::GEN_MIN, shape.frame / 2);
        bench.set32(channel, c2h::GEN_MAX, shape.frame);
        bench.set32(channel, c2h::GEN_PAUSE, shape.pause);
        bench.set32(channel, c2h::GEN_RATE, shape.rate);
        for entry in 0..16 {
            bench.set32(channel, c2h::GEN_TABLE + 4 * entry, shape.frame.saturating_sub(entry * 100));
        }
        bench.set32(channel, c2h::INT_DATA, 1 << 31 | channel);
        bench.set32(channel, c2h::INT_ERROR, 1 << 31 | 2);
        bench.set32(channel, c2h::INT_DATA_FRAMES, 4 * channel);
        bench.set32(channel, c2h::INT_DATA_TIME, shape.int_time);
    }
    if shape.finite_credits {
        // What was infinite so far becomes a grant of what has been used, as far as 8 and 12 bits tell.
        bench.stimulus.credits = Limits::INFINITE;
        starve(bench);
    }
}

/// Progress that the operations build on, the same for every card as long as the cards are the same.
fn apply<P: TlpPort>(bench: &mut Bench<P>, op: &Op, shape: &Shape, at_most: u64) {
    match *op {
        Op::Run(clocks) => bench.run_to(bench.now + clocks, at_most),
        Op::Feed { channel, bytes, delay } => {
            let payload: Vec<u8> = (0..bytes).map(|i| (i * 31 + bytes) as u8).collect();
            bench.feed(channel, &payload, bench.now + delay);
        }
        Op::Start(channel) => bench.set32(channel, c2h::CONTROL, 1),
        Op::Stop(channel) => bench.set32(channel, c2h::CONTROL, 0),
        Op::Reset(channel) => bench.set32(channel, c2h::CONTROL, 2),
        Op::Doorbell { channel, share } => {
            let (hw, sw) = (bench.get64(channel, c2h::HW_COUNT), bench.get64(channel, c2h::SW_COUNT));
            bench.set64(channel, c2h::SW_COUNT, sw + (hw.saturating_sub(sw)) / u64::from(share) / 32 * 32);
        }
        Op::Arm(channel) => {
            let seen = bench.get64(channel, c2h::FRAMES);
            bench.set64(channel, c2h::INT_DATA_ARM, seen);
        }
        Op::Mask(masked, bytes) => bench.write_bytes(crate::common::BAR2 + 12, masked.into(), bytes),
        Op::Stall(masks) => bench.stalls = (bench.now, masks),
        Op::Hold(clocks) => bench.stimulus.tx_ready_at = Cycle(bench.now + clocks),
        Op::Credits { headers, data } if shape.finite_credits => bench.stimulus.credits.0[0].grant(headers, data),
        Op::Credits { .. } => {}
        Op::Enable(on) => bench.write(BAR0 + u64::from(card::CONTROL), on.into(), 4),
        Op::CardReset => bench.write(BAR0 + u64::from(card::CONTROL), 3, 4),
        Op::Begin { channel, output } => {
            bench.h2c_set32(channel, h2c::CONFIG, output);
            bench.h2c_set32(channel, h2c::CONTROL, 1);
        }
        Op::End(channel) => bench.h2c_set32(channel, h2c::CONTROL, 0),
        Op::Renew(channel) => bench.h2c_set32(channel, h2c::CONTROL, 2),
        Op::Give { channel, count, at, length, flags } => give(bench, channel, count.into(), at, length, flags),
        Op::ArmSpace(channel) => {
            let seen = bench.h2c_get64(channel, h2c::DONE);
            bench.h2c_set64(channel, h2c::INT_SPACE_ARM, seen);
        }
        Op::OutHold { channel, clocks } => bench.stimulus.out[channel as usize].ready_at = Cycle(bench.now + clocks),
        Op::ReadCredits(credits) if shape.finite_credits => bench.stimulus.credits.0[1].grant(credits, 0),
        Op::ReadCredits(_) => {}
        Op::GivePages { channel, count, length, grid } => give_pages(bench, shape, channel, count, length, grid),
        Op::TakeEntries { channel, share } => {
            let (tail, head) = (bench.get64(channel, c2h::COMP_TAIL), bench.get64(channel, c2h::COMP_HEAD));
            bench.set64(channel, c2h::COMP_HEAD, head + tail.saturating_sub(head).div_ceil(share.into()));
        }
        Op::Wrong { channel, bell, how } => ring_wrongly(bench, channel, bell, how),
        Op::MastersOff => {
            bench.config_write(0x04, 0x0002);
            bench.run_to(bench.now + 20, at_most);
            bench.config_write(0x04, 0x0006);
        }
        Op::Function => {
            bench.config_write(0x88, 1 << 15 | 0x2810);
            bench.run_to(bench.now + 30, at_most);
            set_up(bench, shape);
        }
        Op::Link { fundamental, clocks } => {
            bench.cut_link(fundamental, clocks, at_most);
            bench.run_to(bench.now + 5, at_most);
            set_up(bench, shape);
        }
        Op::Messages(on, disabled) => {
            bench.config_write(0x70, u32::from(on) << 31);
            bench.config_write(0x04, 0x0006 | u32::from(disabled) << 10);
        }
        Op::Acknowledge(bits) => {
            bench.write(BAR0 + u64::from(card::INT_ACK), bits.into(), 4);
            bench.write(BAR0 + u64::from(card::INT_ACK_2), bits.rotate_left(7).into(), 4);
        }
        Op::Digests(bits) => bench.config_write(0x118, (bits & 1) << 6 | (bits & 2) << 7),
    }
}

fn ring_wrongly<P: TlpPort>(bench: &mut Bench<P>, channel: u32, bell: Bell, how: u8) {
    let (at, grid) = match bell {
        Bell::Freed => (bench.channel(channel, c2h::SW_COUNT), 32),
        Bell::Pages => (bench.channel(channel, c2h::FREE_TAIL), 1),
        Bell::Entries => (bench.channel(channel, c2h::COMP_HEAD), 1),
        Bell::Descriptors => (bench.host_channel(channel, h2c::TAIL), 1),
    };
    let value = bench.read(at, 8);
    let wrong = match how {
        0 => 1 << 40,
        1 => value.wrapping_sub(grid),
        2 => value.wrapping_add(1000 * grid),
        3 => value,
        _ => value ^ 1,
    };
    bench.write(at, wrong, 8);
}

/// Gives descriptors; too many for the ring now and then, and some that cannot be.
fn give<P: TlpPort>(bench: &mut Bench<P>, channel: u32, count: u64, at: u16, length: u16, flags: u8) {
    let tail = bench.h2c_get64(channel, h2c::TAIL);
    for index in tail..tail + count {
        let address = MEMORY + 0x9_0000 + u64::from(at) + 97 * index;
        let flags = DescriptorFlags(u32::from(flags));
        bench.put(channel, 6 + 5 * channel, index, &H2cDescriptor { address, length: length.into(), flags, cookie: index });
    }
    bench.h2c_set64(channel, h2c::TAIL, tail + count);
}

/// Gives pages, as many as the list has room for; now and then one that cannot be.
fn give_pages<P: TlpPort>(bench: &mut Bench<P>, shape: &Shape, channel: u32, count: u8, length: u16, grid: u8) {
    let (tail, head) = (bench.get64(channel, c2h::FREE_TAIL), bench.get64(channel, c2h::FREE_HEAD));
    let entries = u64::from(shape.entries.0);
    let room = (head + entries).saturating_sub(tail).min(count.into());
    for index in tail..tail + room {
        let at = 0x1_0000 * u64::from(channel) + 4160 * (index % 13) + 32 * u64::from(grid);
        let length = if grid == 77 { 33 } else { 32 * u32::from(length) };
        let page = PageDescriptor { address: MEMORY + at, length, cookie: index as u32 };
        let slot = (0xe_0000 + 0x4000 * u64::from(channel) + 16 * (index % entries)) as usize;
        for (word, value) in page.emit().iter().enumerate() {
            bench.memory[slot + 8 * word..slot + 8 * word + 8].copy_from_slice(&value.to_le_bytes());
        }
    }
    bench.set64(channel, c2h::FREE_TAIL, tail + room);
}

/// What a card did: TLPs, registers, the clock at the end, and what came out of its streams.
pub(crate) type Played = (Vec<Sent>, Vec<u64>, u64, Vec<(Vec<u8>, Vec<usize>)>);

pub(crate) fn play<P: TlpPort>(port: P, params: &CardParams, shape: &Shape, ops: &[Op], at_most: u64) -> Played {
    let mut bench = Bench::new(port, params);
    set_up(&mut bench, shape);
    for op in ops {
        apply(&mut bench, op, shape, at_most);
    }
    bench.stimulus.credits = Limits::INFINITE;
    bench.run_to(bench.now + 500, at_most);
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    let mut registers = Vec::new();
    for offset in (0..0xa8).chain(0x1000..0x11c8).chain(0x1200..0x13c8).chain(0x8000..0x80c0).chain(0x8200..0x82c0).step_by(4) {
        registers.push(bench.read(BAR0 + offset, 4));
    }
    let out = bench.stimulus.out.into_iter().map(|out| (out.bytes, out.ends)).collect();
    (bench.sent, registers, bench.now, out)
}

/// From here on posted credits are counted: none are left.
fn starve<P: TlpPort>(bench: &mut Bench<P>) {
    use silico_spec::tlp::Kind::{MemRead, MemWrite, Message};
    let sent = &bench.sent[bench.since..];
    let posted = sent.iter().filter(|sent| matches!(sent.header.kind(), MemWrite | Message(_)));
    let (headers, data) =
        posted.fold((0_u8, 0_u16), |(h, d), sent| (h.wrapping_add(1), (d + sent.payload.len().div_ceil(16) as u16) & 0xfff));
    bench.stimulus.credits.0[0] = silico_spec::credit::Limit::initial(headers, data);
    let reads = sent.iter().filter(|sent| sent.header.kind() == MemRead).fold(3_u8, |reads, _| reads.wrapping_add(1));
    bench.stimulus.credits.0[1] = silico_spec::credit::Limit::initial(reads, 0);
}
