//! The order of requests: the oldest goes first, a read never passes a write, and what cannot be answered takes its credits along.

use crate::common::{BAR0, Bench, HOST};
use rstest::rstest;
use silico_model::Card;
use silico_spec::credit::{Class, Limit};
use silico_spec::params::CardParams;
use silico_spec::registers::card;
use silico_spec::tlp::{Header, Kind};
use silico_spec::units::{BusAddr, Dwords, Tag};

const SCRATCH: u64 = BAR0 + card::SCRATCH as u64;

fn bench() -> Bench<Card> {
    let params = CardParams::default();
    let mut bench = Bench::new(Card::new(params.clone()).expect("legal"), &params);
    bench.bring_up(1);
    bench
}

fn write(bench: &mut Bench<Card>, value: u64) {
    bench.push(Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(SCRATCH), Dwords(2)), &value.to_le_bytes());
}

fn read(bench: &mut Bench<Card>, tag: u16) {
    bench.push(Header::memory(Kind::MemRead, HOST, Tag(tag), BusAddr(SCRATCH), Dwords(2)), &[]);
}

/// What reads of the scratch register saw, in the order of their completions.
fn seen(bench: &Bench<Card>, from: usize) -> Vec<u64> {
    let data = bench.sent[from..].iter().filter(|sent| sent.header.kind() == Kind::CompletionData);
    data.map(|sent| u64::from_le_bytes(sent.payload[..].try_into().unwrap())).collect()
}

/// TLPs of one beat come faster than the card takes them, two dwords each: they wait beside each other.
#[rstest]
#[case::a_read_behind_writes("wwwr", &[3])]
#[case::a_write_behind_reads("rrrw", &[0, 0, 0])]
#[case::by_turns("wwrwrr", &[2, 3, 3])]
fn requests_are_done_in_the_order_of_their_arrival(#[case] requests: &str, #[case] expected: &[u64]) {
    let mut bench = bench();
    let from = bench.sent.len();
    let mut written = 0;
    for (n, request) in requests.chars().enumerate() {
        if request == 'w' {
            written += 1;
            write(&mut bench, written);
        } else {
            read(&mut bench, n as u16);
        }
    }
    bench.run(100);
    assert_eq!(seen(&bench, from), expected);
    assert_eq!(bench.read(SCRATCH, 8), written);
}

/// Without credits for completions a card owes as many as it has places for, and no more: further requests wait, and keep their credits.
#[test]
fn reads_that_cannot_be_answered_wait() {
    let mut bench = bench();
    let places = u16::from(CardParams::default().np_depth);
    let from = bench.sent.len();
    let used = bench.sent.iter().filter(|sent| sent.header.kind().class() == Class::Completion).count() as u8;
    bench.stimulus.credits.0[Class::Completion as usize] = Limit::new(Some(used), None);
    let mut expected = bench.response.credits.expect("out of reset");
    for tag in 0..2 * places {
        read(&mut bench, tag);
        bench.run(10);
    }
    expected.of_mut(Class::NonPosted).grant(places as u8, 0);
    assert_eq!((bench.response.credits, seen(&bench, from).len()), (Some(expected), 0));
    bench.stimulus.credits.0[Class::Completion as usize] = Limit::INFINITE;
    bench.run(200);
    assert_eq!(seen(&bench, from).len(), usize::from(2 * places));
    expected.of_mut(Class::NonPosted).grant(places as u8, 0);
    assert_eq!(bench.response.credits, Some(expected));
}

/// Of two dwords each has byte enables of its own.
#[rstest]
#[case::low_bytes(0xf, 0b0011, 0x0000_6666_5555_5555)]
#[case::high_bytes(0b1100, 0xf, 0x6666_6666_5555_0000)]
fn a_write_changes_the_bytes_that_are_enabled(#[case] first: u8, #[case] last: u8, #[case] expected: u64) {
    let mut bench = bench();
    let header = Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(SCRATCH), Dwords(2)).with_byte_enables(first, last);
    bench.push(header, &0x6666_6666_5555_5555_u64.to_le_bytes());
    bench.run(20);
    assert_eq!(bench.read(SCRATCH, 8), expected);
}
