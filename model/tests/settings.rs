//! Which settings a start refuses: the last legal value of each, the first that is not, and what the channel says of it.

use crate::common::Bench;
use rstest::rstest;
use silico_model::Card;
use silico_spec::params::CardParams;
use silico_spec::registers::c2h::{
    BUSY_ASSERT, BUSY_RELEASE, COMP_BASE, COMP_ENTRIES, CONFIG, CONTROL, ERROR, ERROR_ADDR, FREE_BASE, FREE_ENTRIES, GEN_CONFIG, GEN_LINKS,
    GEN_MAX, GEN_MIN, GEN_RATE, MAX_FRAME, RING_BASE, RING_SIZE, WB_ADDR,
};
use silico_spec::writeback::ChannelError::{
    self, BadDescriptorRing, BadFrameLimit, BadGenerator, BadRing, BadThreshold, BadWriteBack, None as Good,
};

const GENERATOR: u64 = 1;
const WRITE_BACK: u64 = 1 << 2;
const PAGES: u64 = 1 << 5;
const BLOCKS: u64 = 1 << 2;
const FIFO: u64 = 8192;
/// The last multiple of 4 KiB that an address can be.
const LAST: u64 = u64::MAX - 0xfff;

/// Code and ERROR_ADDR after a start with these settings, all others legal.
fn start(settings: &[(u32, u64)]) -> (ChannelError, u64) {
    let params = CardParams { fifo_bytes: FIFO as u32, elinks: 64, ..CardParams::default() };
    let mut bench = Bench::new(Card::new(params.clone()).expect("legal"), &params);
    bench.bring_up(1);
    // The global enable stays low: nothing moves.
    let legal = [
        (RING_BASE, 0x1_0000_0000),
        (RING_SIZE, 0x1000),
        (MAX_FRAME, 100),
        (FREE_BASE, 0x1_0000),
        (FREE_ENTRIES, 16),
        (COMP_BASE, 0x2_0000),
        (COMP_ENTRIES, 16),
    ];
    for (register, value) in legal.iter().chain(settings) {
        match *register {
            RING_BASE | RING_SIZE | WB_ADDR | FREE_BASE | COMP_BASE => bench.set64(0, *register, *value),
            _ => bench.set32(0, *register, *value as u32),
        }
    }
    bench.set32(0, CONTROL, 1);
    bench.run(50);
    let code = ChannelError::from_bits(bench.get32(0, ERROR) as u8).expect("a code");
    (code, bench.get64(0, ERROR_ADDR))
}

#[rstest]
#[case::legal(&[], Good, 0)]
#[case::base_off_its_grid(&[(RING_BASE, 0x1_0000_0800)], BadRing, 0x1_0000_0800)]
#[case::base_is_off_with_pages(&[(RING_BASE, 0x800), (CONFIG, PAGES)], Good, 0)]
#[case::base_of_the_last(&[(RING_BASE, LAST - 0x1000)], Good, 0)]
#[case::base_beyond(&[(RING_BASE, LAST)], BadRing, LAST)]
#[case::no_size(&[(RING_SIZE, 0)], BadRing, 0)]
#[case::size_off_its_grid(&[(RING_SIZE, 0x1800)], BadRing, 0x1800)]
#[case::largest(&[(RING_SIZE, 1 << 40)], Good, 0)]
#[case::too_large(&[(RING_SIZE, (1 << 40) + 0x1000)], BadRing, (1 << 40) + 0x1000)]
#[case::block_off_its_grid(&[(WB_ADDR, 0x1_0020), (CONFIG, WRITE_BACK)], BadWriteBack, 0x1_0020)]
#[case::block_of_nobody(&[(WB_ADDR, 0x1_0020)], Good, 0)]
#[case::block_on_its_grid(&[(WB_ADDR, 0x1_0040), (CONFIG, WRITE_BACK)], Good, 0)]
#[case::no_frame(&[(MAX_FRAME, 0)], BadFrameLimit, 0)]
#[case::frame_fills_the_ring(&[(MAX_FRAME, 0x1000 - 32)], Good, 0)]
#[case::frame_over_the_ring(&[(MAX_FRAME, 0x1000 - 31)], BadFrameLimit, 0x1000 - 31)]
#[case::longest_frame(&[(MAX_FRAME, 0xffff_ffdf), (RING_SIZE, 1 << 40)], Good, 0)]
#[case::frame_beyond_all(&[(MAX_FRAME, 0xffff_ffe0), (RING_SIZE, 1 << 40)], BadFrameLimit, 0xffff_ffe0)]
#[case::long_frame_in_pages(&[(MAX_FRAME, 0xffff_ffdf), (CONFIG, PAGES)], Good, 0)]
#[case::blocks_have_one_length(&[(MAX_FRAME, 0x10000), (CONFIG, GENERATOR), (GEN_CONFIG, BLOCKS), (GEN_LINKS, 1)], Good, 0)]
#[case::assert_at_the_top(&[(BUSY_ASSERT, FIFO)], Good, 0)]
#[case::assert_beyond(&[(BUSY_ASSERT, FIFO + 1)], BadThreshold, FIFO + 1)]
#[case::release_at_assert(&[(BUSY_ASSERT, 5000), (BUSY_RELEASE, 5000)], Good, 0)]
#[case::release_above(&[(BUSY_ASSERT, 5000), (BUSY_RELEASE, 5001)], BadThreshold, 5000)]
#[case::assert_is_three_quarters(&[(BUSY_RELEASE, FIFO / 4 * 3)], Good, 0)]
#[case::assert_is_no_more(&[(BUSY_RELEASE, FIFO / 4 * 3 + 1)], BadThreshold, FIFO / 4 * 3)]
#[case::release_is_half(&[(BUSY_ASSERT, FIFO / 2)], Good, 0)]
#[case::release_is_no_less(&[(BUSY_ASSERT, FIFO / 2 - 1)], BadThreshold, FIFO / 2 - 1)]
#[case::unknown_mode(&[(CONFIG, GENERATOR), (GEN_CONFIG, 3)], BadGenerator, 3)]
#[case::unknown_mode_of_nobody(&[(GEN_CONFIG, 3)], Good, 0)]
#[case::one_length(&[(CONFIG, GENERATOR), (GEN_CONFIG, 1), (GEN_MIN, 9), (GEN_MAX, 9)], Good, 0)]
#[case::range_backwards(&[(CONFIG, GENERATOR), (GEN_CONFIG, 1), (GEN_MIN, 10), (GEN_MAX, 9)], BadGenerator, 1)]
#[case::fixed_length_has_no_range(&[(CONFIG, GENERATOR), (GEN_MIN, 10), (GEN_MAX, 9)], Good, 0)]
#[case::full_rate(&[(CONFIG, GENERATOR), (GEN_RATE, 1 << 16)], Good, 0)]
#[case::over_full_rate(&[(CONFIG, GENERATOR), (GEN_RATE, (1 << 16) + 1)], BadGenerator, 0)]
#[case::no_elinks(&[(CONFIG, GENERATOR), (GEN_CONFIG, BLOCKS)], BadGenerator, 0)]
#[case::no_elinks_of_frames(&[(CONFIG, GENERATOR)], Good, 0)]
#[case::all_elinks(&[(CONFIG, GENERATOR), (GEN_CONFIG, BLOCKS), (GEN_LINKS, 64)], Good, 0)]
#[case::more_elinks(&[(CONFIG, GENERATOR), (GEN_CONFIG, BLOCKS), (GEN_LINKS, 65)], BadGenerator, 65)]
#[case::last_elink(&[(CONFIG, GENERATOR), (GEN_CONFIG, BLOCKS | 0xfffe << 16), (GEN_LINKS, 2)], Good, 0)]
#[case::elinks_beyond(&[(CONFIG, GENERATOR), (GEN_CONFIG, BLOCKS | 0xfffe << 16), (GEN_LINKS, 3)], BadGenerator, 3)]
#[case::least_entries(&[(CONFIG, PAGES), (FREE_ENTRIES, 2), (COMP_ENTRIES, 2)], Good, 0)]
#[case::one_page(&[(CONFIG, PAGES), (FREE_ENTRIES, 1)], BadDescriptorRing, 1)]
#[case::one_entry(&[(CONFIG, PAGES), (COMP_ENTRIES, 1)], BadDescriptorRing, 1)]
#[case::most_entries(&[(CONFIG, PAGES), (FREE_ENTRIES, 1 << 16), (COMP_ENTRIES, 1 << 16)], Good, 0)]
#[case::too_many_pages(&[(CONFIG, PAGES), (FREE_ENTRIES, (1 << 16) + 1)], BadDescriptorRing, (1 << 16) + 1)]
#[case::too_many_entries(&[(CONFIG, PAGES), (COMP_ENTRIES, (1 << 16) + 1)], BadDescriptorRing, (1 << 16) + 1)]
#[case::list_off_its_grid(&[(CONFIG, PAGES), (FREE_BASE, 0x1_0020)], BadDescriptorRing, 0x1_0020)]
#[case::entries_off_their_grid(&[(CONFIG, PAGES), (COMP_BASE, 0x2_0010)], BadDescriptorRing, 0x2_0010)]
#[case::last_list(&[(CONFIG, PAGES), (FREE_BASE, LAST), (FREE_ENTRIES, 255)], Good, 0)]
#[case::list_beyond(&[(CONFIG, PAGES), (FREE_BASE, LAST), (FREE_ENTRIES, 256)], BadDescriptorRing, LAST)]
#[case::last_entries(&[(CONFIG, PAGES), (COMP_BASE, LAST), (COMP_ENTRIES, 127)], Good, 0)]
#[case::entries_beyond(&[(CONFIG, PAGES), (COMP_BASE, LAST), (COMP_ENTRIES, 128)], BadDescriptorRing, LAST)]
fn a_start_refuses_what_cannot_be(#[case] settings: &[(u32, u64)], #[case] code: ChannelError, #[case] value: u64) {
    assert_eq!(start(settings), (code, value));
}
