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
