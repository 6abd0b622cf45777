//! Frames of any size and place, with any read size and number of tags; the sink.

use super::*;

#[rstest]
fn frames_of_all_sizes_and_alignments_come_out(
    #[values(0, 1, 3, 31, 32, 33, 64, 511, 512, 513, 4095, 4096, 5000)] size: u32,
    #[values(0, 1, 2, 3, 7, 4093)] offset: u64,
    #[values(DataWidth::W64, DataWidth::W256, DataWidth::W512)] width: DataWidth,
) {
    let mut bench = bench(CardParams { width, ..CardParams::default() }, size.into());
    start(&mut bench, 0, 5, STREAM | WRITE_BACK);
    let descriptors: Vec<_> = (0..7).map(|n| descriptor(offset + 6000 * n, size, END)).collect();
    submit(&mut bench, 0, 5, &descriptors);
    bench.run(500);
    let (bytes, ends) = expected(&bench, &descriptors);
    assert_eq!((&bench.stimulus.out[0].bytes, &bench.stimulus.out[0].ends), (&bytes, &ends));
    assert_eq!((bench.h2c_get64(0, h2c::FRAMES), bench.h2c_get64(0, h2c::BYTES)), (7, bytes.len() as u64));
    let at = H2C_BLOCK as usize;
    let block: Vec<u64> = bench.memory[at..at + 64].as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect();
    let block = WriteBack::parse(&block.try_into().unwrap()).unwrap();
    assert_eq!((block.hw_count, block.frames, block.state), (7, 7, ChannelState::Running as u8));
    assert_eq!(tags_in_use(&mut bench), 0);
}

#[rstest]
fn every_read_size_and_number_of_tags_will_do(
    #[values(0, 1, 3, 5)] mrrs: u32,
    #[values(1, 2, 256)] tags: u16,
    #[values(2, 3, 64)] entries: u32,
) {
    let mut bench = bench(CardParams { read_tags: tags, ..CardParams::default() }, 7);
    bench.set_sizes(1, mrrs);
    bench.host.as_mut().unwrap().limits.max_read_request = 128 << mrrs;
    start(&mut bench, 1, entries, STREAM);
    let descriptors: Vec<_> =
        (0..40).map(|n| descriptor(n * 777, (n * n * 7 % 3000) as u32 + 1, if n % 3 == 2 { END } else { 0 })).collect();
    let mut descriptors = descriptors;
    descriptors.push(descriptor(0, 0, END));
    submit(&mut bench, 1, entries, &descriptors);
    bench.run(300);
    let (bytes, ends) = expected(&bench, &descriptors);
    assert_eq!((&bench.stimulus.out[1].bytes, &bench.stimulus.out[1].ends), (&bytes, &ends));
    assert!(bench.host.as_ref().unwrap().most_open <= tags.into());
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    if tags == 1 {
        assert!(bench.read(BAR0 + u64::from(card::PERF_NO_TAG), 8) > 0 && bench.h2c_get64(1, h2c::PERF_NO_TAG) > 0);
    }
}

#[test]
fn without_extended_tags_no_more_than_thirty_two_are_used() {
    let mut bench = bench(CardParams::default(), 3);
    let express = bench.find_capability(0x10);
    bench.config_write(express + 8, 0x2810 & !0x100 | 1 << 5);
    let host = bench.host.as_mut().unwrap();
    (host.limits.tag_bits, host.delay) = (5, (2000, 0));
    start(&mut bench, 0, 16, SINK);
    submit(&mut bench, 0, 16, &[descriptor(0, 0x3_0000, END)]);
    assert_eq!(bench.host.as_ref().unwrap().most_open, 32);
}

#[test]
fn the_sink_tells_length_and_crc_of_the_last_frame() {
    let mut bench = bench(CardParams::default(), 11);
    start(&mut bench, 0, 8, SINK);
    let descriptors = [descriptor(0, 100, END), descriptor(1003, 5001, 0), descriptor(9, 700, END)];
    submit(&mut bench, 0, 8, &descriptors);
    let (bytes, ends) = expected(&bench, &descriptors);
    let last = &bytes[ends[0]..];
    assert_eq!(bench.h2c_get32(0, h2c::CHECK_LENGTH) as usize, last.len());
    assert_eq!(bench.h2c_get32(0, h2c::CHECK_CRC), crc32c(last));
    assert!(bench.stimulus.out[0].bytes.is_empty());
}
