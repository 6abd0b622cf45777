//! Nothing on the path of a frame allocates. Alone in its file: the allocator is of the whole program.

mod common;

use common::{Fake, payload};
use silico_driver::channel::{DataInterrupt, Progress, RingConfig, WaitMode};
use silico_driver::h2c::{SendConfig, SendProgress, SpaceInterrupt, Until};
use silico_driver::pages::PageConfig;
use silico_driver::platform::DmaMemory;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

std::thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[allow(unsafe_code, reason = "a global allocator is unsafe to implement; this one only counts")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends has no counter any more, and is no test.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, handed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations that this thread makes in `work`.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1u8; 10]))), 1);
}

#[test]
fn frames_are_read_and_given_back_without_allocation() {
    for progress in [Progress::Register, RingConfig::default().progress] {
        let fake = Fake::new();
        let interrupt = Some(DataInterrupt::default());
        let mut channel = fake.started(&RingConfig { ring_bytes: 4096, max_frame: 1000, progress, interrupt, ..RingConfig::default() });
        let mut read = 0;
        for lap in 0..50 {
            (0..4).for_each(|frame| fake.deliver(0, &payload(lap * 4 + frame, 900)));
            let made = allocations(|| {
                while let Some(frame) = channel.poll().expect("poll") {
                    frame.verify().expect("CRC");
                    read += 1;
                    frame.done();
                }
                for mode in [WaitMode::Poll, WaitMode::Interrupt, WaitMode::Hybrid { max_poll_ns: 100 }] {
                    let deadline = fake.after(1000);
                    channel.wait_as(mode, deadline).expect("wait");
                }
            });
            assert_eq!(made, 0, "lap {lap}");
        }
        assert_eq!(read, 200);
    }
}

#[test]
fn frames_are_read_from_pages_and_given_back_without_allocation() {
    for packed in [false, true] {
        let fake = Fake::new();
        let interrupt = Some(DataInterrupt::default());
        let config = PageConfig { pages: 9, page_bytes: 512, max_frame: 1000, packed, interrupt, ..PageConfig::default() };
        let mut channel = fake.paged(&config);
        let mut read = 0;
        for lap in 0..50 {
            (0..3).for_each(|frame| fake.deliver(0, &payload(lap * 3 + frame, 900)));
            fake.lock().complete(0, 0);
            // Doorbells make the software card allocate: they are rung outside.
            let mut held = [const { None }; 3];
            let made = allocations(|| {
                for place in &mut held {
                    let frame = channel.poll().expect("poll").expect("a frame");
                    channel.view(&frame).expect("out").verify().expect("CRC");
                    *place = Some(frame);
                }
            });
            assert_eq!(made, 0, "lap {lap}");
            for place in held.iter_mut().rev() {
                read += 1;
                channel.give_back(place.take().expect("held")).expect("give back");
            }
            channel.flush().expect("flush");
            let made = allocations(|| {
                for mode in [WaitMode::Poll, WaitMode::Interrupt, WaitMode::Hybrid { max_poll_ns: 100 }] {
                    let deadline = fake.after(1000);
                    channel.wait_as(mode, deadline).expect("wait");
                }
            });
            assert_eq!(made, 0, "lap {lap}");
        }
        assert_eq!(read, 150);
    }
}

#[test]
fn frames_are_sent_and_reclaimed_without_allocation() {
    for progress in [SendProgress::Register, SendConfig::default().progress] {
        let fake = Fake::new();
        let interrupt = Some(SpaceInterrupt::default());
        // A batch that never fills: the doorbell, at which the software card allocates, is rung outside.
        let config = SendConfig { entries: 9, staging_bytes: 4096, batch: 9, progress, interrupt, ..SendConfig::default() };
        let mut channel = fake.sending(&config);
        let mut buffer = fake.alloc(64, 64).expect("memory");
        for lap in 0..50 {
            let made = allocations(|| {
                channel.send(&[7; 900], lap).expect("send");
                let mut frame = channel.reserve(1000).expect("reserve");
                frame.payload().fill(1);
                frame.send(lap).expect("send");
                channel.submit(&mut buffer, 0..0, lap).expect("submit");
            });
            assert_eq!(made, 0, "lap {lap}");
            channel.flush().expect("flush");
            let made = allocations(|| {
                assert_eq!(channel.reclaim(), Ok(3));
                for mode in [WaitMode::Poll, WaitMode::Interrupt, WaitMode::Hybrid { max_poll_ns: 100 }] {
                    let deadline = fake.after(1000);
                    channel.wait_as(mode, Until::AllSent, deadline).expect("wait");
                }
            });
            assert_eq!(made, 0, "lap {lap}");
        }
    }
}
