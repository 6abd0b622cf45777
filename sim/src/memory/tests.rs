//! Ownership, bounds and reuse, as CPU and device see them.

use super::*;
use proptest::prelude::*;

fn memory(memory_bytes: u64, low_bytes: u64) -> Arc<HostMemory> {
    HostMemory::new(&HostConfig { memory_bytes, low_bytes, guard_bytes: 64, ..HostConfig::default() }).unwrap()
}

#[test]
fn both_sides_of_4_gib_are_used() {
    let memory = memory(1 << 20, 256 << 10);
    let small = memory.alloc(4096, 4096).unwrap();
    let large = memory.alloc(128 << 10, 4096).unwrap();
    assert!(!small.bus_addr().needs_64() && large.bus_addr().needs_64());
    assert!(small.bus_addr().0.is_multiple_of(4096) && large.bus_addr().0.is_multiple_of(4096));
    let fallen_back = memory.alloc(768 << 10, 64);
    assert!(fallen_back.is_err(), "guards and the large buffer leave less");
    assert_eq!(memory.alloc(0, 1).unwrap_err(), AllocError::Senseless { bytes: 0, align: 1 });
    assert_eq!(memory.alloc(1, 3).unwrap_err(), AllocError::Senseless { bytes: 1, align: 3 });
    assert_eq!(memory.alloc(u64::MAX, 1).unwrap_err(), AllocError::Exhausted { bytes: u64::MAX, align: 1 });
}

#[test]
fn a_buffer_that_is_reused_is_zero_again_and_the_old_address_is_dead() {
    let memory = memory(64 << 10, 0);
    let mut cursor = Cursor::new(memory.clone());
    let region = memory.alloc(4096, 64).unwrap();
    let address = region.bus_addr().0;
    cursor.write(address, &[7; 100]).unwrap();
    assert_eq!(region.load64(0), 0x0707_0707_0707_0707);
    drop(region);
    assert_eq!(cursor.write(address, &[7; 100]), Err(DeviceError::Unmapped), "the cache does not keep a dead buffer alive");
    let region = memory.alloc(2048, 64).unwrap();
    assert_eq!(region.bus_addr().0, address);
    assert!((0..2048).step_by(8).all(|offset| region.load64(offset) == 0));
    assert_eq!(cursor.write(address + 2040, &[7; 9]), Err(DeviceError::Unmapped), "one byte over the end");
    assert_eq!(cursor.write(address + 2040, &[7; 8]), Ok(()));
    assert_eq!(cursor.write(address - 1, &[7; 8]), Err(DeviceError::Unmapped));
}

#[test]
fn a_longer_buffer_in_a_dead_ones_place_is_found() {
    let memory = memory(64 << 10, 0);
    let mut cursor = Cursor::new(memory.clone());
    let region = memory.alloc(64, 64).unwrap();
    let address = region.bus_addr().0;
    cursor.write(address, &[1; 64]).unwrap();
    drop(region);
    let _region = memory.alloc(4096, 64).unwrap();
    assert_eq!(cursor.write(address, &[1; 128]), Ok(()));
}

#[test]
fn what_the_cpu_owns_the_device_cannot_touch() {
    let memory = memory(64 << 10, 0);
    let mut cursor = Cursor::new(memory.clone());
    let mut region = memory.alloc(256, 64).unwrap();
    let address = region.bus_addr().0;
    cursor.write(address, &[1; 256]).unwrap();
    region.acquire(13..29);
    assert_eq!(cursor.write(address + 28, &[2; 4]), Err(DeviceError::Owned));
    assert_eq!(region.view(13..29), [1; 16]);
    // The border words: only their shared bytes change.
    cursor.write(address, &[3; 13]).unwrap();
    cursor.write(address + 29, &[4; 10]).unwrap();
    assert_eq!(region.load64(8), u64::from_le_bytes([3, 3, 3, 3, 3, 1, 1, 1]));
    assert_eq!(region.load64(24), u64::from_le_bytes([1, 1, 1, 1, 1, 4, 4, 4]));
    let mut read = [0; 32];
    assert_eq!(cursor.read(address + 8, &mut read, 0, 32), Err(DeviceError::Owned));
    // A read takes whole dwords; those bytes of them that nobody asked for may be anybody's.
    assert_eq!(cursor.read(address + 8, &mut [0; 8], 0, 5), Ok(()));
    assert_eq!(cursor.read(address + 8, &mut [0; 8], 0, 6), Err(DeviceError::Owned));
    assert_eq!(cursor.read(address + 28, &mut [0; 4], 1, 3), Ok(()));
    assert_eq!(read[..8], [3, 3, 3, 3, 3, 0xff, 0xff, 0xff]);
    assert_eq!(read[16..], [0xff, 0xff, 0xff, 0xff, 0xff, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 1]);
    region.view_mut(13..29).fill(9);
    region.release(13..29);
    assert_eq!(cursor.read(address + 8, &mut read, 0, 32), Ok(()));
    assert_eq!(read[5..21], [9; 16]);
}

#[test]
#[should_panic(expected = "not owned by the CPU")]
fn a_view_of_the_devices_bytes_panics() {
    let mut region = memory(64 << 10, 0).alloc(64, 64).unwrap();
    region.acquire(0..32);
    let _ = region.view(0..33);
}

#[test]
#[should_panic(expected = "owned by the CPU")]
fn a_store_under_a_possible_slice_panics() {
    let mut region = memory(64 << 10, 0).alloc(64, 64).unwrap();
    region.acquire(0..1);
    region.store64(0, 1);
}

#[test]
#[should_panic(expected = "outside the buffer")]
fn a_word_over_the_end_panics() {
    let region = memory(64 << 10, 0).alloc(60, 64).unwrap();
    let _ = region.load64(56);
}

#[test]
fn two_threads_see_data_before_the_word_that_announces_it() {
    let memory = memory(64 << 10, 0);
    let mut cursor = Cursor::new(memory.clone());
    let (mut data, status) = (memory.alloc(4096, 64).unwrap(), memory.alloc(64, 64).unwrap());
    let (data_at, status_at) = (data.bus_addr().0, status.bus_addr().0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for round in 1..=16u8 {
                cursor.write(data_at + u64::from(round) * 128, &[round; 128]).unwrap();
                cursor.write(status_at, &u64::from(round).to_le_bytes()).unwrap();
            }
        });
        let mut seen = 0;
        while seen < 16 {
            let now = status.load64(0);
            for round in seen + 1..=now {
                data.acquire(round * 128..(round + 1) * 128);
                assert_eq!(data.view(round * 128..(round + 1) * 128), [round as u8; 128]);
            }
            seen = now;
        }
    });
}

proptest! {
    /// Device writes of any alignment and length against a plain array.
    #[test]
    fn writes_land_where_they_should(writes in prop::collection::vec((0u64..300, 0usize..80, any::<u8>()), 1..30)) {
        let memory = memory(64 << 10, 0);
        let mut cursor = Cursor::new(memory.clone());
        let mut region = memory.alloc(301, 64).unwrap();
        let mut expected = [0u8; 301];
        for (offset, len, byte) in writes {
            let len = len.min(301 - offset as usize);
            cursor.write(region.bus_addr().0 + offset, &vec![byte; len]).unwrap();
            expected[offset as usize..offset as usize + len].fill(byte);
            let mut back = vec![0; len];
            cursor.read(region.bus_addr().0 + offset, &mut back, 0, len as u64).unwrap();
            prop_assert!(back.iter().all(|&b| b == byte));
        }
        region.acquire(0..301);
        prop_assert_eq!(region.view(0..301), &expected[..]);
    }
}

#[test]
fn a_freed_buffer_does_not_say_who_polls_the_one_in_its_place() {
    let memory = HostMemory::new(&HostConfig::default()).unwrap();
    let mut cursor = Cursor::new(memory.clone());
    for polled in [true, false, true] {
        let region = memory.alloc(4096, 4096).unwrap();
        let address = region.bus_addr().0;
        assert!(!cursor.watched(address));
        if polled {
            assert_eq!(region.load64(0), 0);
        }
        assert_eq!(cursor.watched(address), polled);
    }
}

fn fork(memory: &Arc<HostMemory>, region: &DmaRegion) -> (Arc<HostMemory>, DmaRegion, Memo) {
    let mut memo = Memo::new();
    (HostMemory::fork(memory, &mut memo).unwrap(), region.fork(&mut memo).unwrap(), memo)
}

#[test]
fn a_fork_has_the_same_bytes_and_owners_and_goes_its_own_way() {
    let memory = HostMemory::new(&HostConfig::default()).unwrap();
    let mut region = memory.alloc(100_003, 4096).unwrap();
    region.acquire(5..20_001);
    region.view_mut(5..20_001).iter_mut().zip(1..).for_each(|(byte, value): (&mut u8, u32)| *byte = value as u8);
    // Owned up to the middle of a word, the device's beyond; and a page that only the device has touched.
    region.release(9000..9500);
    let mut cursor = Cursor::new(memory.clone());
    let base = region.bus_addr().0;
    let at = |offset: u64| base + offset;
    cursor.write(at(9001), &[0xaa; 499]).unwrap();
    cursor.write(at(99_990), &[0xbb; 13]).unwrap();
    region.store64(40_000, 0x1234_5678);
    let (copied, mut copy, _memo) = fork(&memory, &region);
    assert_eq!((copy.bus_addr(), copy.len()), (region.bus_addr(), region.len()));
    assert_eq!(copy.load64(40_000), 0x1234_5678);
    assert_eq!((copy.view(5..9000), copy.view(9500..20_001)), (region.view(5..9000), region.view(9500..20_001)));
    copy.acquire(0..100_003);
    region.acquire(0..100_003);
    assert!(copy.view(0..100_003) == region.view(0..100_003), "bytes differ");
    assert_eq!(copy.view(99_990..100_003), [0xbb; 13]);
    // What one does, the other does not see.
    copy.view_mut(50..51)[0] ^= 0xff;
    assert_ne!(copy.view(50..51), region.view(50..51));
    assert_eq!(Cursor::new(copied.clone()).write(at(0), &[1; 8]), Err(DeviceError::Owned));
    drop(copy);
    assert_eq!(Cursor::new(copied).write(at(0), &[1; 8]), Err(DeviceError::Unmapped));
    region.release(0..8);
    assert_eq!(cursor.write(at(0), &[1; 8]), Ok(()));
}

#[test]
fn a_buffer_is_forked_once_and_with_its_memory() {
    let memory = HostMemory::new(&HostConfig::default()).unwrap();
    let region = memory.alloc(64, 64).unwrap();
    let (_copied, _copy, mut memo) = fork(&memory, &region);
    assert!(region.fork(&mut memo).is_err(), "two buffers for the same bytes");
    let late = memory.alloc(64, 64).unwrap();
    assert!(late.fork(&mut memo).is_err(), "it is not in the copy");
}

#[test]
fn what_a_fork_leaves_is_clean_for_the_next() {
    let memory = HostMemory::new(&HostConfig::default()).unwrap();
    let region = memory.alloc(1 << 20, 4096).unwrap();
    for round in 0..5 {
        let (copied, mut copy, _memo) = fork(&memory, &region);
        copy.acquire(0..1 << 20);
        assert!(copy.view(0..1 << 20).iter().all(|byte| *byte == 0), "round {round}");
        copy.view_mut(round * 5000..(round + 60) * 5000).fill(0xcc);
        let mut more = copied.alloc(10_000, 64).unwrap();
        more.acquire(0..10_000);
        assert!(more.view(0..10_000).iter().all(|byte| *byte == 0), "round {round}");
        more.view_mut(0..10_000).fill(0xdd);
    }
}
