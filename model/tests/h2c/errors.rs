//! Wrong answers, bad descriptors, settings and doorbells: the channel stops with code, address and cookie.

use super::*;

/// Errors of one read: the channel stops with code, address and cookie; the other runs on; all tags come back.
#[rstest]
#[case(Fault::Unsupported, ChannelError::UnsupportedRequest, 0)]
#[case(Fault::Abort, ChannelError::CompleterAbort, 0)]
#[case(Fault::Poison, ChannelError::PoisonedCompletion, 1 << 12)]
#[case(Fault::Silence, ChannelError::CompletionTimeout, 1 << 14)]
#[case(Fault::ByteCount, ChannelError::None, 1 << 18)]
#[case(Fault::LowerAddress, ChannelError::None, 1 << 18)]
#[case(Fault::Requester, ChannelError::None, 1 << 16)]
#[case(Fault::Twice, ChannelError::None, 1 << 16)]
#[case(Fault::Long, ChannelError::CompletionTimeout, 1 << 18 | 1 << 14)]
fn a_wrong_answer_stops_one_channel(#[case] fault: Fault, #[case] code: ChannelError, #[case] aer: u32) {
    let mut bench = bench(CardParams { read_timeout: 20_000, ..CardParams::default() }, 23);
    // The advisory kind of error is logged too.
    bench.config_write(0x114, 0);
    let host = bench.host.as_mut().unwrap();
    host.split = Some(128);
    host.delay = (20, 0);
    // The third read is the second of the payload.
    host.fault = Some((2, fault));
    start(&mut bench, 0, 8, STREAM | WRITE_BACK);
    bench.h2c_set32(0, h2c::INT_ERROR, 1 << 31 | 3);
    bench.put(0, 8, 0, &descriptor(0x100, 3000, END));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(60_000);
    let (control, status) = (bench.h2c_get32(0, h2c::ERROR), state(&mut bench, 0));
    assert_eq!(control, code as u32);
    if code == ChannelError::None {
        assert_eq!(status, ChannelState::Running as u64);
        let (bytes, ends) = expected(&bench, &[descriptor(0x100, 3000, END)]);
        assert_eq!((&bench.stimulus.out[0].bytes, &bench.stimulus.out[0].ends), (&bytes, &ends));
    } else {
        assert_eq!(status, ChannelState::Error as u64);
        assert_eq!(bench.h2c_get64(0, h2c::ERROR_ADDR), MEMORY + PAYLOAD + 0x200);
        assert_eq!(bench.h2c_get64(0, h2c::ERROR_COOKIE), 0xc00c_0100);
        let interrupts = bench.sent.iter().filter(|sent| sent.header.address().0 == 0xfee0_0000 && sent.payload[0] == 3).count();
        assert_eq!((interrupts, bench.h2c_get32(0, h2c::DISCARDED)), (1, 1));
        let summary = bench.read(BAR0 + u64::from(card::ERROR_SUMMARY), 4);
        assert_eq!(summary, 1 << 16);
    }
    let uncorrectable = bench.config_read(0x104);
    assert_eq!(uncorrectable & 0x1_d000 | uncorrectable & 1 << 18, aer, "{uncorrectable:#x}");
    let aborts = bench.config_read(0x04) >> 28 & 3;
    assert_eq!(
        aborts,
        match fault {
            Fault::Unsupported => 2,
            Fault::Abort => 1,
            _ => 0,
        }
    );
    assert_eq!(tags_in_use(&mut bench), 0);
    // The other channel, and then this one again.
    bench.host.as_mut().unwrap().fault = None;
    for channel in [1, 0] {
        bench.h2c_set32(channel, h2c::CONTROL, 0);
        bench.run(1000);
        start(&mut bench, channel, 8, SINK);
        submit(&mut bench, channel, 8, &[descriptor(3, 2000, END)]);
        assert_eq!(bench.h2c_get32(channel, h2c::CHECK_LENGTH), 2000);
    }
}

#[rstest]
#[case::not_answered(Some(true))]
#[case::answered_late(Some(false))]
#[case::disabled(None)]
fn the_timeout_is_as_device_control_2_says(#[case] silent: Option<bool>) {
    let mut bench = bench(CardParams { read_timeout: 20_000, ..CardParams::default() }, 29);
    let express = bench.find_capability(0x10);
    // Range A: 50 to 100 us, 25 000 clocks; or disabled.
    bench.config_write(express + 0x28, if silent.is_some() { 1 } else { 0x10 });
    let host = bench.host.as_mut().unwrap();
    host.delay = (24_500, 0);
    if silent != Some(false) {
        host.fault = Some((0, Fault::Silence));
    }
    start(&mut bench, 0, 8, SINK);
    bench.put(0, 8, 0, &descriptor(0, 10, END));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(22_000);
    assert_eq!(bench.h2c_get32(0, h2c::ERROR), 0);
    assert_ne!(bench.device_control() >> 16 & 1 << 5, 0, "transactions are pending");
    bench.run(60_000);
    let code = if silent == Some(true) { ChannelError::CompletionTimeout } else { ChannelError::None };
    assert_eq!(bench.h2c_get32(0, h2c::ERROR), code as u32);
    assert_eq!(bench.device_control() >> 21 & 1, u32::from(silent.is_none()));
}

#[rstest]
#[case::reserved(H2cDescriptor { flags: DescriptorFlags(1 << 9), ..descriptor(0, 100, 0) })]
#[case::empty(descriptor(0, 0, 0))]
#[case::beyond_the_end(H2cDescriptor { address: u64::MAX - 5, length: 100, ..descriptor(0, 0, END) })]
fn a_bad_descriptor_stops_the_channel(#[case] bad: H2cDescriptor, #[values(0, 1, 2, 3, 4, 7)] before: usize) {
    let mut bench = bench(CardParams::default(), 31);
    start(&mut bench, 0, 3, STREAM);
    submit(&mut bench, 0, 3, &vec![descriptor(0, 100, END); before]);
    bench.put(0, 3, before as u64, &bad);
    bench.h2c_set64(0, h2c::TAIL, before as u64 + 1);
    bench.run(2000);
    assert_eq!(bench.h2c_get32(0, h2c::ERROR), ChannelError::BadDescriptor as u32);
    assert_eq!(
        bench.h2c_get64(0, h2c::ERROR_ADDR),
        MEMORY + crate::common::H2C_RING + 32 * (before as u64 % 3),
        "where it lies in the ring"
    );
    assert_eq!((bench.h2c_get64(0, h2c::ERROR_COOKIE), state(&mut bench, 0)), (bad.cookie, ChannelState::Error as u64));
    assert_eq!(tags_in_use(&mut bench), 0);
}

#[rstest]
#[case::base(h2c::RING_BASE, MEMORY + 32, ChannelError::BadDescriptorRing)]
#[case::entries(h2c::RING_ENTRIES, 1, ChannelError::BadDescriptorRing)]
#[case::many(h2c::RING_ENTRIES, 65537, ChannelError::BadDescriptorRing)]
#[case::output(h2c::CONFIG, 3, ChannelError::BadOutput)]
#[case::target(h2c::CONFIG, 2 | 4 << 8, ChannelError::BadOutput)]
#[case::block(h2c::WB_ADDR, MEMORY + 32, ChannelError::BadWriteBack)]
#[case::vector(h2c::INT_SPACE, 1 << 31 | 16, ChannelError::BadVector)]
#[case::error_vector(h2c::INT_ERROR, 1 << 31 | 200, ChannelError::BadVector)]
fn a_start_with_bad_settings_is_refused(#[case] register: u32, #[case] value: u64, #[case] code: ChannelError) {
    let mut bench = bench(CardParams::default(), 37);
    bench.set_up_h2c(0, 8, 0);
    match register {
        h2c::RING_BASE => bench.h2c_set64(0, register, value),
        h2c::WB_ADDR => {
            bench.h2c_set64(0, register, value);
            bench.h2c_set32(0, h2c::CONFIG, WRITE_BACK);
        }
        _ => bench.h2c_set32(0, register, value as u32),
    }
    let from = bench.sent.len();
    bench.h2c_set32(0, h2c::CONTROL, 1);
    bench.run(20);
    assert_eq!((bench.h2c_get32(0, h2c::ERROR), bench.h2c_get64(0, h2c::ERROR_ADDR)), (code as u32, value));
    assert_eq!((bench.h2c_get32(0, h2c::CONTROL), state(&mut bench, 0)), (0, ChannelState::Error as u64));
    assert!(!bench.sent[from..].iter().any(|sent| matches!(sent.header.kind(), Kind::MemRead | Kind::MemWrite)), "no block goes anywhere");
}

/// The causes take effect at once: a vector that there is not stops a channel that runs.
#[rstest]
#[case(h2c::INT_SPACE)]
#[case(h2c::INT_ERROR)]
fn a_bad_vector_stops_the_channel(#[case] register: u32) {
    let mut bench = bench(CardParams::default(), 37);
    start(&mut bench, 0, 8, SINK);
    for (value, code) in [(1 << 31 | 15, ChannelError::None), (16, ChannelError::None), (1 << 31 | 16, ChannelError::BadVector)] {
        bench.h2c_set32(0, register, value);
        bench.run(20);
        let at = if code == ChannelError::None { 0 } else { value.into() };
        assert_eq!((bench.h2c_get32(0, h2c::ERROR), bench.h2c_get64(0, h2c::ERROR_ADDR)), (code as u32, at));
    }
    assert_eq!(state(&mut bench, 0), ChannelState::Error as u64);
}

/// A last block that cannot be written is an error of its own; not so after another one, which is kept.
#[rstest]
#[case::stop(h2c::CONTROL, ChannelError::BusMasterOff)]
#[case::error(h2c::TAIL, ChannelError::BadDoorbell)]
fn a_last_block_needs_bus_mastering(#[case] register: u32, #[case] code: ChannelError) {
    let mut bench = bench(CardParams::default(), 53);
    start(&mut bench, 0, 8, SINK | WRITE_BACK);
    submit(&mut bench, 0, 8, &[descriptor(0, 10, END)]);
    bench.run(500);
    bench.config_write(0x04, 0x0002);
    match register {
        h2c::TAIL => bench.h2c_set64(0, register, 100),
        _ => bench.h2c_set32(0, register, 0),
    }
    bench.run(50);
    assert_eq!((bench.h2c_get32(0, h2c::ERROR), state(&mut bench, 0)), (code as u32, ChannelState::Error as u64));
}

/// The whole ring must have addresses: it may begin where it does not end.
#[rstest]
#[case::inside(126, ChannelError::None)]
#[case::beyond_the_end(130, ChannelError::BadDescriptorRing)]
fn a_ring_ends_before_addresses_do(#[case] entries: u32, #[case] code: ChannelError) {
    let mut bench = bench(CardParams::default(), 37);
    let base = u64::MAX - 4095;
    bench.set_up_h2c(0, entries, SINK);
    bench.h2c_set64(0, h2c::RING_BASE, base);
    bench.h2c_set32(0, h2c::CONTROL, 1);
    bench.run(20);
    let at = if code == ChannelError::None { 0 } else { base };
    assert_eq!((bench.h2c_get32(0, h2c::ERROR), bench.h2c_get64(0, h2c::ERROR_ADDR)), (code as u32, at));
}

/// Software takes bus mastering away: whatever the channel wants of memory next, it stops with an error instead.
#[rstest]
#[case::a_read(0)]
#[case::a_block(1)]
fn a_channel_without_memory_stops(#[case] done: u64) {
    let mut bench = bench(CardParams::default(), 43);
    start(&mut bench, 0, 8, SINK | WRITE_BACK);
    bench.h2c_set32(0, h2c::INT_ERROR, 1 << 31 | 3);
    // The block waits for its timer.
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.h2c_set32(0, h2c::WB_EVERY, 0);
    bench.h2c_set32(0, h2c::WB_TIME, 3000);
    bench.run(20);
    bench.h2c_set32(0, h2c::CONTROL, 1);
    if done > 0 {
        submit(&mut bench, 0, 8, &[descriptor(0, 100, END)]);
    }
    bench.config_write(0x04, 0x0002);
    let from = bench.sent.len();
    if done == 0 {
        bench.h2c_set64(0, h2c::TAIL, 1);
    }
    bench.run(4000);
    assert_eq!(bench.h2c_get32(0, h2c::ERROR), ChannelError::BusMasterOff as u32);
    assert_eq!((bench.h2c_get64(0, h2c::ERROR_ADDR), bench.h2c_get64(0, h2c::ERROR_COOKIE)), (0, 0));
    assert_eq!((bench.h2c_get64(0, h2c::DONE), state(&mut bench, 0)), (done, ChannelState::Error as u64));
    let wrote = |sent: &crate::common::Sent| matches!(sent.header.kind(), Kind::MemRead | Kind::MemWrite);
    assert!(!bench.sent[from..].iter().any(wrote), "nothing of it reaches memory");
    bench.config_write(0x04, 0x0006);
    bench.run(100);
    assert_eq!(bench.sent[from..].iter().filter(|sent| wrote(sent)).map(|sent| sent.payload.clone()).collect::<Vec<_>>(), [[3, 0, 0, 0]]);
}

#[rstest]
#[case::ahead(9)]
#[case::back(2)]
fn a_doorbell_out_of_bounds_stops_the_channel(#[case] tail: u64) {
    let mut bench = bench(CardParams::default(), 41);
    start(&mut bench, 0, 5, SINK);
    submit(&mut bench, 0, 5, &[descriptor(0, 10, END); 3]);
    let reads = bench.host.as_ref().unwrap().reads;
    bench.h2c_set64(0, h2c::TAIL, 3);
    bench.run(500);
    assert_eq!(bench.h2c_get32(0, h2c::ERROR), 0, "rung again with the same");
    bench.h2c_set64(0, h2c::TAIL, tail);
    bench.run(500);
    assert_eq!((bench.h2c_get32(0, h2c::ERROR), bench.h2c_get64(0, h2c::ERROR_ADDR)), (ChannelError::BadDoorbell as u32, tail));
    assert_eq!(bench.host.as_ref().unwrap().reads, reads, "it touches nothing");
}
