//! What machines were, and what their links did: read from the configuration and from the counters that a machine keeps anyway.

use super::bin::bins;
use super::{Counts, Record};
use silico_sim::{CompletionSplit, DllStats, MachineConfig, Placement, Stalls, Starvation, Stats};
use silico_spec::params::CardParams;

bins! {
    /// A direction of the link.
    pub enum Way {
        ToHost => "to host",
        ToCard => "to card",
    }
}

bins! {
    /// What the data link layer did with TLPs of one direction.
    pub enum Dll {
        Lcrc => "wrong LCRC",
        Lost => "lost",
        OutOfSequence => "discarded behind a gap",
        Duplicate => "discarded as duplicate",
        Nak => "Nak",
        DamagedAck => "Ack or Nak damaged",
        Gap => "Nak for a gap in the sequence",
        Timeout => "REPLAY_TIMER expired",
        Rollover => "REPLAY_NUM rolled over: the link retrains",
        Replay => "replay",
        Full => "replay buffer full",
        DamagedUpdate => "UpdateFC damaged",
    }
}

bins! {
    /// What went before an older TLP, by the cell of PCIe 4.0 table 2-39 that lets it.
    pub enum Passing {
        RelaxedWrite => "A2b: the card's write with relaxed ordering, before an older write",
        Read => "B3, D5a: completions for the card, before those of an older read",
        RelaxedCompletion => "D2b: completions with relaxed ordering for the card, while a write of the CPU waits",
        Completion => "D3: completions for the card, while a read of the CPU waits",
        Posted => "A3: a write of the CPU, before an older read" elsewhere "sim/src/link/downlink.rs: this CPU waits for each of its reads",
    }
}

bins! {
    /// What happened on the link, to either end.
    pub enum OnLink {
        Retrain => "link retrained",
        NotReady => "not ready for the card",
        NoPosted => "posted credits for no other TLP",
        NoNonPosted => "non-posted credits for no other TLP",
        NoCompletion => "completion credits for no other TLP",
        Late => "completion after its request was given up" elsewhere "sim/tests/machine/access.rs: a card that answers late",
        Interrupt => "interrupt delivered",
        IntxLevel => "INTx level changed",
        ErrCor => "ERR_COR taken",
        ErrNonFatal => "ERR_NONFATAL taken",
        ErrFatal => "ERR_FATAL taken",
    }
}

bins! {
    /// Freedoms that a machine was given.
    pub enum Freedom {
        CreditsOff => "credits as they come free",
        Withheld => "credits withheld",
        OneByOne => "credits one by one",
        TxRandom => "transmit stalls, random",
        TxBursts => "transmit stalls, bursts",
        TxEvery => "transmit stalls, every Nth clock",
        TxAllBut => "transmit stalls, all but every Nth clock",
        RxRandom => "receive gaps, random",
        RxBursts => "receive gaps, bursts",
        RxEvery => "receive gaps, every Nth clock",
        RxAllBut => "receive gaps, all but every Nth clock",
        RxPause => "pauses between TLPs to the card",
        Ecrc => "ECRC",
        RelaxedWrites => "relaxed writes overtake",
        RelaxedCompletions => "relaxed completions overtake",
        Arbitrate => "request or completion by chance",
        Reorder => "reads overtake each other",
        Late => "writes seen late",
        Torn => "writes seen torn",
        SplitLargest => "completions as large as can be",
        SplitSmallest => "completions split at each RCB",
        SplitRandom => "completions split at random",
    }
}

bins! {
    /// Sizes of card, link and host.
    pub enum Shape {
        Width64 => "64 bit", Width128 => "128 bit", Width256 => "256 bit", Width512 => "512 bit",
        Mps128 => "MPS 128", Mps256 => "MPS 256", Mps512 => "MPS 512", Mps1024 => "MPS 1024",
        Mrrs128 => "MRRS 128", Mrrs256 => "MRRS 256", Mrrs512 => "MRRS 512",
        Mrrs1024 => "MRRS 1024", Mrrs2048 => "MRRS 2048", Mrrs4096 => "MRRS 4096",
        Rcb64 => "RCB 64", Rcb128 => "RCB 128",
        Gen1 => "generation 1", Gen2 => "generation 2", Gen3 => "generation 3", Gen4 => "generation 4", Gen5 => "generation 5",
        X1 => "x1", X2 => "x2", X4 => "x4", X8 => "x8", X16 => "x16",
        C2h1 => "1 C2H channel", C2hSome => "2 to 4 C2H channels",
        C2hMany => "more than 4 C2H channels" elsewhere "testbench/tests/params.rs and matrix.rs: cards at both ends of every parameter",
        H2c1 => "1 H2C channel", H2cSome => "2 to 4 H2C channels",
        H2cMany => "more than 4 H2C channels" elsewhere "testbench/tests/params.rs and matrix.rs: cards at both ends of every parameter",
        Tag1 => "1 tag", TagsFew => "2 to 255 tags", Tags256 => "256 tags",
        Low => "memory below 4 GiB", High => "memory above 4 GiB", Mixed => "memory on both sides of 4 GiB",
    }
}

/// Counts of machines.
#[derive(Debug, Default)]
pub struct Machines {
    dll: Counts<(Way, Dll)>,
    link: Counts<OnLink>,
    passes: Counts<Passing>,
    freedoms: Counts<Freedom>,
    shapes: Counts<Shape>,
}

fn stalls(stalls: Stalls, [random, bursts, every, all_but]: [Freedom; 4]) -> Option<Freedom> {
    match stalls {
        Stalls::Off => None,
        Stalls::Random { .. } => Some(random),
        Stalls::Bursts { .. } => Some(bursts),
        Stalls::Every { .. } => Some(every),
        Stalls::AllBut { .. } => Some(all_but),
    }
}

impl Machines {
    /// A machine is at its end.
    pub fn ran(&mut self, config: &MachineConfig, params: &CardParams, stats: &Stats) {
        self.dll(Way::ToHost, &stats.dll_to_host, stats.damaged_updates[1]);
        self.dll(Way::ToCard, &stats.dll_to_card, stats.damaged_updates[0]);
        for (bin, times) in [
            (OnLink::Retrain, stats.retrains),
            (OnLink::NotReady, stats.clocks_not_ready),
            (OnLink::NoPosted, stats.credits_exhausted[0]),
            (OnLink::NoNonPosted, stats.credits_exhausted[1]),
            (OnLink::NoCompletion, stats.credits_exhausted[2]),
            (OnLink::Late, stats.late_completions),
            (OnLink::Interrupt, stats.interrupts.iter().sum()),
            (OnLink::IntxLevel, stats.intx_changes),
            (OnLink::ErrCor, stats.error_messages[0]),
            (OnLink::ErrNonFatal, stats.error_messages[1]),
            (OnLink::ErrFatal, stats.error_messages[2]),
        ] {
            self.link.add(bin, times);
        }
        for (bin, times) in [
            (Passing::RelaxedWrite, stats.passes.relaxed_write),
            (Passing::Read, stats.passes.read),
            (Passing::RelaxedCompletion, stats.passes.relaxed_completion),
            (Passing::Completion, stats.passes.completion),
            (Passing::Posted, stats.passes.posted),
        ] {
            self.passes.add(bin, times);
        }
        self.freedoms(config);
        self.shapes(config, params);
    }

    fn dll(&mut self, way: Way, stats: &DllStats, updates: u64) {
        for (bin, times) in [
            (Dll::Lcrc, stats.lcrc_errors),
            (Dll::Lost, stats.lost_tlps),
            (Dll::OutOfSequence, stats.out_of_sequence),
            (Dll::Duplicate, stats.duplicates),
            (Dll::Nak, stats.naks),
            (Dll::DamagedAck, stats.damaged_acks),
            (Dll::Gap, stats.gaps),
            (Dll::Timeout, stats.timeouts),
            (Dll::Rollover, stats.rollovers),
            (Dll::Replay, stats.replays),
            (Dll::Full, stats.full),
            (Dll::DamagedUpdate, updates),
        ] {
            self.dll.add((way, bin), times);
        }
    }

    fn freedoms(&mut self, config: &MachineConfig) {
        use Freedom as F;
        let (link, host) = (&config.link, &config.host);
        let credits = match link.starvation {
            Starvation::Off => F::CreditsOff,
            Starvation::Withhold { .. } => F::Withheld,
            Starvation::OneByOne { .. } => F::OneByOne,
        };
        let split = match host.split {
            CompletionSplit::Largest => F::SplitLargest,
            CompletionSplit::Smallest => F::SplitSmallest,
            CompletionSplit::Random => F::SplitRandom,
        };
        let order = &host.ordering;
        let given = [
            Some(credits),
            Some(split),
            stalls(link.tx_stalls, [F::TxRandom, F::TxBursts, F::TxEvery, F::TxAllBut]),
            stalls(link.rx_gaps, [F::RxRandom, F::RxBursts, F::RxEvery, F::RxAllBut]),
            (link.rx_pause.max() > 0).then_some(F::RxPause),
            link.ecrc.then_some(F::Ecrc),
            order.relaxed_latency.map(|_| F::RelaxedWrites),
            order.relaxed_completions.then_some(F::RelaxedCompletions),
            order.arbitrate.then_some(F::Arbitrate),
            host.reorder.then_some(F::Reorder),
            (order.late > 0).then_some(F::Late),
            host.torn.map(|_| F::Torn),
        ];
        given.into_iter().flatten().for_each(|freedom| self.freedoms.hit(freedom));
    }

    fn shapes(&mut self, config: &MachineConfig, params: &CardParams) {
        use Shape as S;
        let pick = |bins: &[S], value: u32, least: u32| bins.get(value.ilog2().saturating_sub(least.ilog2()) as usize).copied();
        let link = &config.link;
        let mrrs = [S::Mrrs128, S::Mrrs256, S::Mrrs512, S::Mrrs1024, S::Mrrs2048, S::Mrrs4096];
        let lanes = [S::X1, S::X2, S::X4, S::X8, S::X16];
        let generations = [S::Gen1, S::Gen2, S::Gen3, S::Gen4, S::Gen5];
        let some = |count: u8, [one, some, many]: [S; 3]| {
            Some(if count == 1 {
                one
            } else if count <= 4 {
                some
            } else {
                many
            })
        };
        let shapes = [
            pick(&[S::Width64, S::Width128, S::Width256, S::Width512], params.width.bytes(), 8),
            pick(&[S::Mps128, S::Mps256, S::Mps512, S::Mps1024], link.max_payload, 128),
            pick(&mrrs, link.max_read_request, 128),
            pick(&[S::Rcb64, S::Rcb128], link.rcb, 64),
            pick(&lanes, link.lanes.into(), 1),
            generations.get(link.generation as usize).copied(),
            some(params.c2h_channels, [S::C2h1, S::C2hSome, S::C2hMany]),
            some(params.h2c_channels, [S::H2c1, S::H2cSome, S::H2cMany]),
            Some(match params.read_tags {
                1 => S::Tag1,
                256 => S::Tags256,
                _ => S::TagsFew,
            }),
            Some(match config.host.placement {
                Placement::Low => S::Low,
                Placement::High => S::High,
                Placement::Mixed => S::Mixed,
            }),
        ];
        shapes.into_iter().flatten().for_each(|shape| self.shapes.hit(shape));
    }

    /// The counts as groups of a record.
    #[must_use]
    pub fn record(&self) -> Record {
        let groups = [
            ("link: data link layer", self.dll.group()),
            ("link: events", self.link.group()),
            ("link: ordering", self.passes.group()),
            ("machine: freedoms", self.freedoms.group()),
            ("machine: shapes", self.shapes.group()),
        ];
        let mut record = Record::default();
        record.groups.extend(groups.into_iter().map(|(name, group)| (name.to_string(), group)));
        record
    }
}
