//! The freedoms of PCIe's ordering rules, taken and never exceeded; and how late and how torn a CPU may see memory.

use crate::card::{Handle, Out, completions, machine, read, run, send, write};
use silico_sim::{Distribution, DmaRegion, Machine, MachineConfig, Ordering, Torn};
use silico_spec::tlp::{Attributes, Kind};
use silico_spec::units::Cycles;

fn with(change: impl FnOnce(&mut MachineConfig)) -> (Machine, Handle, DmaRegion) {
    let mut config = MachineConfig::default();
    change(&mut config);
    let (machine, shared) = machine(config);
    let region = machine.memory().alloc(64 << 10, 4096).unwrap();
    (machine, shared, region)
}

fn relaxed(mut out: Out) -> Out {
    out.header = out.header.with_attributes(Attributes { relaxed: true, ..Attributes::default() });
    out
}

/// Clocks in which a relaxed write was seen before an earlier one, over 200 of them.
fn overtaken(ordering: Ordering) -> usize {
    let (mut machine, shared, region) = with(|config| config.host.ordering = ordering);
    let base = region.bus_addr().0;
    send(&shared, (0..200).map(|n| relaxed(write(base + n * 64, vec![1; 64]))));
    send(&shared, [write(base + 200 * 64, vec![1; 64])]);
    let mut overtaken = 0;
    // Looked at without `load64`, so that the buffer does not count as polled.
    let mut region = region;
    for _ in 0..4000 {
        run(&mut machine, 1);
        region.acquire(0..201 * 64);
        let seen: Vec<bool> = region.view(0..201 * 64).chunks(64).map(|chunk| chunk[0] != 0).collect();
        region.release(0..201 * 64);
        overtaken += usize::from(seen.windows(2).any(|pair| !pair[0] && pair[1]));
        assert!(!seen[200] || seen.iter().all(|&seen| seen), "the strict write passed");
    }
    // What the CPU owned while a write came is the test's own doing; it never is at the end of a clock.
    assert_eq!(machine.violation(), None);
    overtaken
}

#[test]
fn relaxed_writes_overtake_as_configured() {
    let normal = overtaken(Ordering::default());
    let wide = overtaken(Ordering { relaxed_latency: Some(Distribution::Uniform { min: 0, max: 2000 }), ..Ordering::default() });
    assert!(normal > 0 && wide > normal, "{normal} {wide}");
    assert_eq!(overtaken(Ordering { relaxed_writes: false, ..Ordering::default() }), 0);
}

/// Whether completions that became ready after a blocked store of the CPU arrived before it.
fn completions_pass(allowed: bool, asked: bool) -> bool {
    let (mut machine, shared, region) = with(|config| config.host.ordering.relaxed_completions = allowed);
    crate::card::lock(&shared).hoard = true;
    for n in 0..9 {
        machine.write(0, n * 8, 8, n).unwrap();
    }
    let out = read(region.bus_addr().0, 16, 0);
    send(&shared, [if asked { relaxed(out) } else { out }]);
    run(&mut machine, 5000);
    let passed = !completions(&shared).is_empty();
    crate::card::lock(&shared).grant = 1;
    run(&mut machine, 10);
    run(&mut machine, 5000);
    assert_eq!((completions(&shared).len(), machine.violation()), (1, None));
    passed
}

#[test]
fn completions_pass_stores_only_with_relaxed_ordering_and_if_allowed() {
    assert!(completions_pass(true, true));
    assert!(!completions_pass(true, false));
    assert!(!completions_pass(false, true));
}

#[test]
fn chance_changes_the_order_of_what_may_go() {
    let order = |arbitrate| {
        let (mut machine, shared, region) = with(|config| (config.seed, config.host.ordering.arbitrate) = (3, arbitrate));
        let base = region.bus_addr().0;
        send(&shared, (0..60).map(|n| read(base + n * 512, 128, n as u16)));
        run(&mut machine, 100);
        for _ in 0..20 {
            machine.read(0, 0, 4).unwrap();
        }
        run(&mut machine, 20_000);
        assert_eq!(machine.violation(), None);
        machine.trace().digest()
    };
    assert_eq!(order(true), order(true));
    assert_ne!(order(true), order(false));
}

const LATE: u32 = 20_000;

fn late(config: &mut MachineConfig) {
    config.host.ordering.late = LATE;
}

#[test]
fn late_writes_are_seen_at_last() {
    let (mut machine, shared, region) = with(late);
    send(&shared, [write(region.bus_addr().0, vec![1; 64])]);
    run(&mut machine, u64::from(LATE) / 4 - 10);
    assert_eq!(region.load64(0), 0);
    run(&mut machine, 200);
    assert_ne!(region.load64(0), 0);
}

#[test]
fn an_interrupt_handler_sees_all_late_writes_before_it_and_no_sooner() {
    let (mut machine, shared, region) = with(late);
    machine.enable_msix(4).unwrap();
    let data = (0..16).map(|n| write(region.bus_addr().0 + n * 256, vec![1; 256]));
    send(&shared, data.chain([write(0xfee0_1000, vec![1, 0, 0, 0]), write(region.bus_addr().0 + 8192, vec![1; 64])]));
    while !machine.wait_interrupt(1, machine.now().after(Cycles(1))).unwrap() {
        assert!((0..16).all(|n| region.load64(n * 256) == 0), "seen before anything forced it");
    }
    assert!((0..16).all(|n| region.load64(n * 256) != 0), "the handler runs, and a write before its message is not there");
    assert_eq!(region.load64(8192), 0, "what came after it need not be");
}

#[test]
fn a_register_read_and_a_read_of_the_card_push_late_writes() {
    let (mut machine, shared, region) = with(late);
    send(&shared, [write(region.bus_addr().0, vec![1; 64])]);
    run(&mut machine, 60);
    assert_eq!(region.load64(0), 0);
    machine.read(0, 0, 4).unwrap();
    assert_ne!(region.load64(0), 0);
    send(&shared, [write(region.bus_addr().0 + 64, vec![2; 64]), read(region.bus_addr().0 + 64, 16, 0)]);
    run(&mut machine, 1000);
    assert_eq!(completions(&shared)[0].2, [2; 64], "the card reads what it wrote");
    assert_ne!(region.load64(64), 0);
    assert_eq!(machine.violation(), None);
}

/// Polls a block that the card writes over and over, each word the same count, clock by clock. Returns how many looks found it torn, at which words.
fn torn(grain: u32, bytes: u64) -> (usize, Vec<usize>) {
    let span = Distribution::Uniform { min: 0, max: 400 };
    let (mut machine, shared, region) = with(|config| config.host.torn = Some(Torn { grain, span }));
    let block = |n: u64| (n * 0x0000_0001_0000_0001).to_le_bytes().repeat(bytes as usize / 8);
    send(&shared, (1..200).map(|n| Out { at: machine.now().after(Cycles(n * 40)), ..write(region.bus_addr().0, block(n)) }));
    let (mut looks, mut places, mut last) = (0, Vec::new(), 0);
    for _ in 0..12_000 {
        run(&mut machine, 1);
        let words: Vec<u64> = (0..bytes / 8).map(|n| region.load64(n * 8)).collect();
        let halves: Vec<u64> = words.iter().flat_map(|word| [word & 0xffff_ffff, word >> 32]).collect();
        assert!(halves.windows(2).all(|pair| pair[0] >= pair[1]), "ascending addresses first: {halves:?}");
        assert!(halves[0] <= halves[halves.len() - 1] + 1, "one write at a time: {halves:?}");
        assert!(halves[0] >= last, "and never back");
        last = halves[0];
        if let Some(place) = halves.windows(2).position(|pair| pair[0] != pair[1]) {
            looks += 1;
            places.push(place + 1);
        }
    }
    assert_eq!((last, machine.violation()), (199, None));
    places.sort_unstable();
    places.dedup();
    (looks, places)
}

#[test]
fn blocks_are_torn_between_grains_only() {
    let (looks, places) = torn(8, 64);
    assert!(looks > 1000, "{looks}");
    assert_eq!(places, [2, 4, 6, 8, 10, 12, 14]);
    assert_eq!(torn(4, 8).1, [1], "a 32-bit host tears a 64-bit count");
    assert_eq!(torn(8, 8).0, 0, "a 64-bit one does not");
    assert_eq!(torn(64, 64).0, 0);
    assert_eq!(torn(32, 64).1, [8]);
}

#[test]
fn data_is_whole_when_the_word_that_announces_it_is_seen() {
    let (mut machine, shared, region) =
        with(|config| config.host.torn = Some(Torn { grain: 4, span: Distribution::Uniform { min: 0, max: 900 } }));
    let base = region.bus_addr().0;
    send(
        &shared,
        (0..100u64).flat_map(|n| [write(base + 4096 + n % 16 * 256, vec![n as u8; 256]), write(base, (n + 1).to_le_bytes().to_vec())]),
    );
    let mut seen = 0;
    while seen < 100 {
        run(&mut machine, 1);
        let count = region.load64(0);
        if count != seen {
            seen = count;
            let at = 4096 + (count - 1) % 16 * 256;
            assert!(
                (0..32).all(|word| region.load64(at + word * 8).to_le_bytes() == [count as u8 - 1; 8] || region.load64(at + word * 8) > 0)
            );
            assert_eq!(region.load64(at + 248) & 0xff, count - 1, "the last word came after its announcement");
        }
    }
    let sent = crate::card::lock(&shared).sent.iter().filter(|(_, header)| header.kind() == Kind::MemWrite).count();
    assert_eq!((sent, machine.violation()), (200, None));
}
