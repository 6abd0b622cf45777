//! Doorbells and settings: what is refused, and what is legal at the bound.

use super::*;

#[rstest]
#[case::beyond_the_list(c2h::FREE_TAIL, 17)]
#[case::far(c2h::FREE_TAIL, u64::MAX)]
#[case::back(c2h::FREE_TAIL, 3)]
#[case::beyond_the_tail(c2h::COMP_HEAD, 3)]
#[case::very_far(c2h::COMP_HEAD, u64::MAX)]
#[case::head_back(c2h::COMP_HEAD, 0)]
fn a_doorbell_out_of_bounds_touches_nothing(#[case] register: u32, #[case] value: u64) {
    let mut bench = bench();
    let (mut host, pages) = running(&mut bench, (12, 12), 0, &few(4, 64));
    bench.feed(0, &payload(0, 10), bench.now);
    bench.feed(0, &payload(1, 10), bench.now);
    bench.run(2000);
    assert_eq!(host.take(&bench, &pages), [0, 1]);
    bench.set64(0, c2h::COMP_HEAD, 1);
    // Up to the bounds all is well.
    bench.set64(0, c2h::COMP_HEAD, 2);
    bench.set64(0, c2h::FREE_TAIL, 4);
    let before = bench.sent.len();
    bench.set64(0, register, value);
    assert_eq!(error(&mut bench, 0), (ChannelError::BadDoorbell, value, 0));
    assert_eq!((bench.get64(0, c2h::FREE_TAIL), bench.get64(0, c2h::COMP_HEAD)), (4, 2));
    assert!(bench.sent[before..].iter().all(|sent| sent.header.address().0.wrapping_sub(MEMORY) >= 1 << 20));
    restarts(&mut bench, 0);
}

#[test]
fn a_full_list_is_legal_and_one_more_is_not() {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 100, 100, 0);
    start(&mut bench, 0);
    for n in 0..100 {
        host.put(&mut bench, 64 * n, 64, n as u32);
    }
    host.ring_pages(&mut bench);
    bench.run(2000);
    let fetched = bench.get64(0, c2h::FREE_HEAD);
    assert_eq!((bench.get32(0, c2h::ERROR), fetched), (0, 64));
    for n in 100..100 + fetched {
        host.put(&mut bench, 64 * n, 64, n as u32);
    }
    host.ring_pages(&mut bench);
    bench.run(100);
    assert_eq!(bench.get32(0, c2h::ERROR), 0);
    bench.set64(0, c2h::FREE_TAIL, host.given + 1);
    assert_eq!(error(&mut bench, 0).0, ChannelError::BadDoorbell);
}

/// Doorbells of the other discipline mean nothing.
#[test]
fn each_discipline_has_its_doorbells() {
    let mut bench = bench();
    let (..) = running(&mut bench, (12, 12), 0, &few(4, 64));
    bench.set64(0, c2h::SW_COUNT, 1 << 40);
    bench.run(100);
    assert_eq!((bench.get32(0, c2h::ERROR), bench.get64(0, c2h::SW_COUNT)), (0, 0));
    bench.set_up_ring(1, 0x4000, 0, 1000);
    start(&mut bench, 1);
    bench.set64(1, c2h::FREE_TAIL, 5);
    bench.set64(1, c2h::COMP_HEAD, 5);
    bench.run(100);
    assert_eq!((bench.get32(1, c2h::ERROR), bench.get64(1, c2h::FREE_TAIL), bench.get64(1, c2h::COMP_HEAD)), (0, 0, 0));
}

#[rstest]
#[case(c2h::FREE_ENTRIES, 1)]
#[case(c2h::FREE_ENTRIES, 65537)]
#[case(c2h::COMP_ENTRIES, 0)]
#[case(c2h::COMP_ENTRIES, u64::from(u32::MAX))]
#[case(c2h::FREE_BASE, MEMORY + 32)]
#[case(c2h::COMP_BASE, MEMORY + 1)]
#[case(c2h::FREE_BASE, u64::MAX - 63)]
#[case(c2h::COMP_BASE, u64::MAX - 63)]
fn rings_that_cannot_be_are_refused(#[case] register: u32, #[case] value: u64) {
    let mut bench = bench();
    bench.set_up_pages(0, 5, 5, 0);
    if matches!(register, c2h::FREE_ENTRIES | c2h::COMP_ENTRIES) {
        bench.set32(0, register, value as u32);
    } else {
        bench.set64(0, register, value);
    }
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(10);
    assert_eq!(error(&mut bench, 0), (ChannelError::BadDescriptorRing, value, 0));
    restarts(&mut bench, 0);
}

/// A start that is refused for another reason writes no block to where none can be.
#[rstest]
fn no_block_goes_where_none_can_be(#[values(0, 1 << 5)] pages: u32) {
    let mut bench = bench();
    bench.set64(0, c2h::RING_BASE, 1);
    bench.set64(0, c2h::WB_ADDR, MEMORY + 0x1001);
    bench.set32(0, c2h::CONFIG, WRITE_BACK | pages);
    bench.h2c_set64(0, h2c::RING_BASE, 1);
    bench.h2c_set64(0, h2c::WB_ADDR, MEMORY + 0x1ff4);
    bench.h2c_set32(0, h2c::CONFIG, WRITE_BACK);
    let before = bench.sent.len();
    bench.set32(0, c2h::CONTROL, 1);
    bench.h2c_set32(0, h2c::CONTROL, 1);
    bench.run(300);
    assert_eq!(state(&mut bench, 0), ChannelState::Error);
    assert!(bench.sent[before..].iter().all(|sent| sent.header.kind() != Kind::MemWrite));
}
