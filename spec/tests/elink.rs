//! E-link blocks: what is packed comes out again, each broken rule is named, what is lost is found, and no bytes do any harm.

use proptest::prelude::*;
use rstest::rstest;
use silico_spec::elink::{
    BLOCK_BYTES, Block, BlockError, ChunkFlags, ChunkSequence, Event, Kind, MAX_PAYLOAD, MAX_SUBCHUNKS, Packed, Packing, Reassembler,
    ReassemblyError, View, Writer, link_of,
};
use silico_spec::generator::{FrameSequence, LengthMode};

type Bytes = [u8; BLOCK_BYTES];

fn content(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + seed * 31 + (i >> 8) + 1) as u8).collect()
}

/// Packs chunks of one e-link, and closes the last block.
fn pack(elink: u16, chunks: &[(Vec<u8>, ChunkFlags)]) -> Vec<Bytes> {
    let (mut writer, mut blocks) = (Writer::new(elink), Vec::new());
    let mut take = |writer: &mut Writer| {
        let mut out = [0; BLOCK_BYTES];
        writer.take(&mut out);
        blocks.push(out);
    };
    for (bytes, flags) in chunks {
        let mut packing = Packing::default();
        loop {
            let packed = writer.pack(&mut packing, bytes.len() as u32, *flags, |offset, out| {
                out.copy_from_slice(&bytes[offset as usize..][..out.len()]);
            });
            if packed.is_full() {
                take(&mut writer);
            }
            if packed.ended() {
                break;
            }
        }
    }
    if !writer.is_empty() {
        writer.close(Kind::Timeout);
        take(&mut writer);
    }
    blocks
}

fn plain(lengths: &[usize]) -> Vec<(Vec<u8>, ChunkFlags)> {
    lengths.iter().enumerate().map(|(seed, &length)| (content(seed, length), ChunkFlags(0))).collect()
}

type Came = (Vec<(u16, ChunkFlags, Vec<u8>)>, u64);

fn unpack(reassembler: &mut Reassembler, blocks: &[Bytes]) -> Result<Came, ReassemblyError> {
    let (mut chunks, mut lost) = (Vec::new(), 0);
    for bytes in blocks {
        let block = Block::decode(bytes).expect("a legal block");
        reassembler.push(&block, |event| match event {
            Event::Lost { blocks, .. } => lost += u64::from(blocks),
            Event::Chunk(chunk) => chunks.push((chunk.elink, chunk.flags, chunk.payload.to_vec())),
        })?;
    }
    Ok((chunks, lost))
}

/// One legal block: `kinds` with payloads of `length` bytes, raw.
fn raw(parts: &[(u8, u8, usize)]) -> Bytes {
    let mut bytes = [0; BLOCK_BYTES];
    bytes[..8].copy_from_slice(&[0x1c, 0xe1, 5, 0, 0, 0, 0, 0]);
    let mut at = 8;
    for &(kind, flags, length) in parts {
        if kind != 0 && kind != 5 {
            bytes[at..at + length].fill(0xaa);
        }
        at += length.next_multiple_of(4);
        let trailer = length as u32 | u32::from(flags) << 24 | u32::from(kind) << 28;
        bytes[at..at + 4].copy_from_slice(&trailer.to_le_bytes());
        at += 4;
    }
    assert_eq!(at, BLOCK_BYTES, "the parts fill the block");
    bytes
}

#[test]
fn the_layout_is_what_the_page_says() {
    let blocks = pack(0x1234, &[(content(1, 6), ChunkFlags::ERROR), (content(2, 2000), ChunkFlags::TRUNCATED)]);
    let first = &blocks[0];
    assert_eq!(first[..8], [0x1c, 0xe1, 0x34, 0x12, 0, 0, 0, 0]);
    assert_eq!(first[8..14], content(1, 6)[..]);
    assert_eq!(first[14..16], [0, 0], "padded to 4");
    assert_eq!(first[16..20], [6, 0, 0, 0x32], "whole, error, 6 bytes");
    let room = BLOCK_BYTES - 20 - 4;
    assert_eq!(first[1020..], [room as u8, (room >> 8) as u8, 0, 0x10], "first");
    assert_eq!((View(&blocks[1]).elink(), View(&blocks[1]).sequence()), (0x1234, 1));
    let left = 2000 - room;
    let end = 8 + left.next_multiple_of(4);
    assert_eq!(blocks[1][end..end + 4], [left as u8, (left >> 8) as u8, 0, 0x21], "last, truncated");
    assert_eq!(blocks[1][1023], 0x50, "timeout");
    let block = Block::decode(&blocks[1]).unwrap();
    assert_eq!((block.len(), block.padding()), (1, Some(Kind::Timeout)));
}

#[test]
fn blocks_hold_the_most_that_they_can() {
    assert_eq!(pack(0, &plain(&[MAX_PAYLOAD])).len(), 1);
    assert_eq!(pack(0, &plain(&[MAX_PAYLOAD + 1])).len(), 2);
    let empties = pack(0, &plain(&[0; MAX_SUBCHUNKS]));
    assert_eq!((empties.len(), Block::decode(&empties[0]).unwrap().len()), (1, MAX_SUBCHUNKS));
    // Just a trailer is left: no piece without bytes, but padding; an empty chunk still fits.
    let tight = pack(0, &plain(&[MAX_PAYLOAD - 4, 1]));
    assert_eq!(Block::decode(&tight[0]).unwrap().padding(), Some(Kind::Null));
    assert_eq!(pack(0, &plain(&[MAX_PAYLOAD - 4, 0])).len(), 1);
}

#[test]
fn a_full_block_says_so() {
    let mut writer = Writer::new(0);
    let mut pack = |length| writer.pack(&mut Packing::default(), length, ChunkFlags(0), |_, out| out.fill(1));
    assert_eq!(pack(1000), Packed::Ended);
    assert_eq!(pack(8), Packed::EndedAndFull);
    let mut writer = Writer::new(0);
    let mut packing = Packing::default();
    assert_eq!(writer.pack(&mut packing, 1013, ChunkFlags(0), |_, out| out.fill(1)), Packed::Full);
    assert_eq!(packing.done, 1012);
}

/// Whoever sends a block needs to know beforehand what of it a piece will change: payload, padding to 4 bytes, trailer.
#[test]
fn a_writer_says_where_the_next_piece_will_lie() {
    let mut writer = Writer::new(0x1234);
    assert_eq!(writer.elink(), 0x1234);
    let lengths: [u32; 8] = [6, 0, 1, 4, 800, 37, 125, 3000];
    let (mut at, mut ends) = (8, Vec::new());
    for length in lengths {
        let piece = writer.piece(length);
        assert_eq!(piece.start, at, "{length} bytes");
        let packed = writer.pack(&mut Packing::default(), length, ChunkFlags(0), |_, out| out.fill(1));
        at = piece.end;
        ends.push((at, packed.ended()));
    }
    // The last one goes on in the next block: of its 3000 bytes, 4 have room here.
    let right = [20, 24, 32, 40, 844, 888, 1020, 1024].map(|end| (end, end < 1024));
    assert_eq!(ends, right);
    let mut block = [0; BLOCK_BYTES];
    writer.take(&mut block);
    let came: Vec<_> = Block::decode(&block).unwrap().subchunks().map(|sub| sub.payload.len()).collect();
    assert_eq!(came, [6, 0, 1, 4, 800, 37, 125]);
    assert_eq!(writer.piece(3000), 8..1024, "all of the next one");
}

#[test]
fn a_block_of_padding_alone_is_empty() {
    for (parts, count, padding) in
        [(&[(5, 0, 1012)][..], 0, Some(Kind::Timeout)), (&[(3, 0, 8), (0, 0, 1000)], 1, Some(Kind::Null)), (&[(3, 0, 1012)], 1, None)]
    {
        let bytes = raw(parts);
        let block = Block::decode(&bytes).unwrap();
        assert_eq!((block.len(), block.is_empty(), block.padding(), block.subchunks().count()), (count, count == 0, padding, count));
    }
}

#[rstest]
#[case(&[(3, 0, 1011)], |_: &mut Bytes| {}, None)]
#[case(&[(3, 0, 1011)], |b: &mut Bytes| b[0] = 0, Some(BlockError::Magic(0xe100)))]
#[case(&[(3, 0, 1011)], |b: &mut Bytes| b[1023] = 0x60, Some(BlockError::Kind { at: 1020, kind: 6 }))]
#[case(&[(3, 0, 1011)], |b: &mut Bytes| b[1022] = 0x80, Some(BlockError::Reserved { at: 1020, bits: 0x80 }))]
#[case(&[(3, 8, 1011)], |_: &mut Bytes| {}, Some(BlockError::Reserved { at: 1020, bits: 8 }))]
#[case::reserved_in_both_bytes(&[(3, 8, 1011)], |b: &mut Bytes| b[1022] = 8, Some(BlockError::Reserved { at: 1020, bits: 8 }))]
#[case(&[(3, 0, 1012)], |b: &mut Bytes| b[1020] = 0xf5, Some(BlockError::Length { at: 1020, length: 1013, most: 1012 }))]
#[case(&[(3, 0, 1012)], |b: &mut Bytes| b[1021] = 0xff, Some(BlockError::Length { at: 1020, length: 0xfff4, most: 1012 }))]
#[case(&[(3, 0, 1011)], |b: &mut Bytes| b[1019] = 9, Some(BlockError::Padding { at: 1019, value: 9 }))]
#[case(&[(3, 0, 996), (0, 0, 12)], |b: &mut Bytes| b[1010] = 9, Some(BlockError::Padding { at: 1010, value: 9 }))]
#[case(&[(3, 0, 996), (5, 1, 12)], |_: &mut Bytes| {}, Some(BlockError::Flags { at: 1020, flags: 1, kind: Kind::Timeout }))]
#[case(&[(1, 2, 1012)], |_: &mut Bytes| {}, Some(BlockError::Flags { at: 1020, flags: 2, kind: Kind::First }))]
#[case(&[(2, 0, 0), (3, 0, 1008)], |_: &mut Bytes| {}, Some(BlockError::Empty { at: 8, kind: Kind::Last }))]
#[case(&[(3, 0, 1008), (1, 0, 0)], |_: &mut Bytes| {}, Some(BlockError::Empty { at: 1020, kind: Kind::First }))]
#[case(&[(1, 0, 8), (3, 0, 1000)], |_: &mut Bytes| {}, Some(BlockError::Place { at: 16, kind: Kind::First }))]
#[case(&[(3, 0, 8), (2, 0, 1000)], |_: &mut Bytes| {}, Some(BlockError::Place { at: 1020, kind: Kind::Last }))]
#[case(&[(3, 0, 8), (4, 0, 1000)], |_: &mut Bytes| {}, Some(BlockError::Place { at: 1020, kind: Kind::Middle }))]
#[case(&[(4, 0, 8), (3, 0, 1000)], |_: &mut Bytes| {}, Some(BlockError::Place { at: 16, kind: Kind::Middle }))]
#[case(&[(0, 0, 8), (3, 0, 1000)], |_: &mut Bytes| {}, Some(BlockError::Place { at: 16, kind: Kind::Null }))]
#[case(&[(0, 0, 8), (5, 0, 1000)], |_: &mut Bytes| {}, Some(BlockError::Place { at: 16, kind: Kind::Null }))]
fn each_broken_rule_is_named(#[case] parts: &[(u8, u8, usize)], #[case] spoil: fn(&mut Bytes), #[case] error: Option<BlockError>) {
    let mut bytes = raw(parts);
    spoil(&mut bytes);
    assert_eq!(Block::decode(&bytes).err(), error);
}

#[test]
fn another_size_is_no_block() {
    for size in [0, 7, 1023, 1025] {
        assert_eq!(Block::decode(&vec![0; size]).err(), Some(BlockError::Size(size)));
    }
}

fn decode_one(reassembler: &mut Reassembler, bytes: &Bytes) -> Result<(), ReassemblyError> {
    reassembler.push(&Block::decode(bytes).unwrap(), |_| {})
}

#[test]
fn an_unknown_elink_is_refused_and_changes_nothing() {
    let (mut few, block) = (Reassembler::new(6, 3, 100), raw(&[(3, 0, 8), (5, 0, 1000)]));
    assert_eq!(decode_one(&mut few, &block), Err(ReassemblyError::Elink { elink: 5, first: 6, last: 8 }));
    let mut high = block;
    View(&mut high).set_elink(9);
    assert_eq!(decode_one(&mut few, &high), Err(ReassemblyError::Elink { elink: 9, first: 6, last: 8 }));
}

#[test]
fn a_repeated_block_is_refused() {
    let (mut reassembler, block) = (Reassembler::new(5, 1, 100), raw(&[(3, 0, 8), (5, 0, 1000)]));
    decode_one(&mut reassembler, &block).unwrap();
    assert_eq!(decode_one(&mut reassembler, &block), Err(ReassemblyError::Sequence { elink: 5, expected: 1, got: 0 }));
    reassembler.restart();
    decode_one(&mut reassembler, &block).unwrap();
}

#[rstest]
#[case(&[(2, 0, 8), (5, 0, 1000)], Kind::Last)]
#[case(&[(4, 0, 1012)], Kind::Middle)]
fn a_piece_of_no_chunk_is_an_error(#[case] parts: &[(u8, u8, usize)], #[case] kind: Kind) {
    let mut reassembler = Reassembler::new(5, 1, 2000);
    assert_eq!(decode_one(&mut reassembler, &raw(parts)), Err(ReassemblyError::NotOpen { elink: 5, sequence: 0, kind }));
}

#[rstest]
#[case(&[(3, 0, 8), (5, 0, 1000)])]
#[case(&[(5, 0, 1012)])]
fn an_open_chunk_must_go_on(#[case] parts: &[(u8, u8, usize)]) {
    let mut reassembler = Reassembler::new(5, 1, 2000);
    decode_one(&mut reassembler, &raw(&[(1, 0, 1012)])).unwrap();
    let mut next = raw(parts);
    View(&mut next).set_sequence(1);
    assert_eq!(decode_one(&mut reassembler, &next), Err(ReassemblyError::Unfinished { elink: 5, sequence: 1, bytes: 1012 }));
}

/// Numbers are compared as serial numbers are: up to half of their range ahead, blocks were lost; beyond, the block is an old one.
#[test]
fn a_block_is_ahead_by_at_most_half_of_the_numbers() {
    for (expected, sequence, lost) in
        [(0, 0x7fff_ffff, Some(0x7fff_ffff)), (0, 0x8000_0000, None), (1, 0x8000_0000, Some(0x7fff_ffff)), (1, 0x8000_0001, None)]
    {
        let (mut reassembler, mut block) = (Reassembler::new(5, 1, 100), raw(&[(3, 0, 8), (5, 0, 1000)]));
        if expected == 1 {
            decode_one(&mut reassembler, &block).unwrap();
        }
        View(&mut block).set_sequence(sequence);
        let mut found = None;
        let came = reassembler.push(&Block::decode(&block).unwrap(), |event| {
            if let Event::Lost { blocks, .. } = event {
                found = Some(blocks);
            }
        });
        assert_eq!(found, lost, "{sequence:#x} where {expected} is the next");
        assert_eq!(came.err(), lost.is_none().then_some(ReassemblyError::Sequence { elink: 5, expected, got: sequence }));
    }
}

/// Its beginning was lost with a block; what came after shows that it is open, so it must still go on.
#[rstest]
#[case::a_chunk_begins(&[(3, 0, 8), (5, 0, 1000)], Some(0))]
#[case::nothing_comes(&[(5, 0, 1012)], Some(0))]
#[case::it_goes_on(&[(4, 0, 1012)], None)]
#[case::it_ends(&[(2, 0, 8), (5, 0, 1000)], None)]
fn a_chunk_whose_beginning_was_lost_must_go_on(#[case] parts: &[(u8, u8, usize)], #[case] error: Option<usize>) {
    let mut reassembler = Reassembler::new(5, 1, 2000);
    for (sequence, parts) in [(1, &[(4, 0, 1012)][..]), (2, parts)] {
        let mut block = raw(parts);
        View(&mut block).set_sequence(sequence);
        let error = error.filter(|_| sequence == 2).map(|bytes| ReassemblyError::Unfinished { elink: 5, sequence, bytes });
        let block = Block::decode(&block).unwrap();
        let came = reassembler.push(&block, |event| assert!(matches!(event, Event::Lost { blocks: 1, .. }), "{event:?}"));
        assert_eq!(came.err(), error);
    }
}

/// The last e-link that there can be, and ranges that reach beyond it.
#[test]
fn a_range_of_elinks_is_cut_at_the_last_one() {
    for (first, links, last) in [(0, 1, 0), (0, 0, 0), (10, 5, 14), (65530, 5, 65534), (65530, 100, 65534), (65535, 3, 65535)] {
        let mut block = raw(&[(3, 0, 8), (5, 0, 1000)]);
        View(&mut block).set_elink(last);
        let mut reassembler = Reassembler::new(first, links, 100);
        assert_eq!(reassembler.memory_bytes(), (usize::from(last - first) + 1) * 100, "{first}, {links}");
        assert_eq!(decode_one(&mut reassembler, &block), Ok(()), "{first}, {links}");
        let Some(beyond) = last.checked_add(1) else { continue };
        View(&mut block).set_elink(beyond);
        assert_eq!(decode_one(&mut reassembler, &block), Err(ReassemblyError::Elink { elink: beyond, first, last }));
    }
}

#[test]
fn a_chunk_beyond_the_memory_is_an_error_and_the_next_one_comes() {
    let blocks = pack(5, &plain(&[3000, 20, 1000]));
    let mut reassembler = Reassembler::new(5, 1, 2000);
    assert_eq!(reassembler.memory_bytes(), 2000);
    let too_long = unpack(&mut reassembler, &blocks[..2]).unwrap_err();
    assert_eq!(too_long, ReassemblyError::TooLong { elink: 5, sequence: 1, bytes: 2024, most: 2000 });
    let (chunks, lost) = unpack(&mut reassembler, &blocks[2..]).unwrap();
    assert_eq!((chunks.iter().map(|chunk| chunk.2.len()).collect::<Vec<_>>(), lost), (vec![20, 1000], 0));
    let whole = raw(&[(3, 0, 108), (5, 0, 900)]);
    assert_eq!(decode_one(&mut Reassembler::new(5, 1, 108), &whole), Ok(()), "just as much as there is");
    assert!(matches!(decode_one(&mut Reassembler::new(5, 1, 100), &whole), Err(ReassemblyError::TooLong { bytes: 108, most: 100, .. })));
}

#[test]
fn the_generators_chunks_are_dealt_out_whole() {
    let all = FrameSequence::new(9, 2, LengthMode::Uniform, 0, 500, [0; 16]);
    let links: Vec<Vec<_>> = (0..5).map(|link| ChunkSequence::new(all.clone(), 5, link, 1000).collect()).collect();
    assert!(links.iter().all(|chunks| (140..260).contains(&chunks.len())), "{:?}", links.iter().map(Vec::len).collect::<Vec<_>>());
    let mut heads = [0; 5];
    let mut made = all;
    for _ in 0..1000 {
        let chunk = made.draw();
        let link = usize::from(link_of(chunk.1, 5));
        assert_eq!(links[link][heads[link]], chunk);
        heads[link] += 1;
    }
    assert!(links.iter().zip(heads).all(|(chunks, head)| chunks.len() == head));
}

fn chunks() -> impl Strategy<Value = Vec<(Vec<u8>, ChunkFlags)>> {
    let length = prop_oneof![0..9_usize, 0..100_usize, 900..1100_usize, 0..5000_usize];
    prop::collection::vec((any::<u8>(), length, 0..8_u8), 1..40)
        .prop_map(|chunks| chunks.into_iter().map(|(seed, length, flags)| (content(seed.into(), length), ChunkFlags(flags))).collect())
}

proptest! {
    #[test]
    fn what_is_packed_comes_out(chunks in chunks()) {
        let mut reassembler = Reassembler::new(3, 1, 5000);
        let (came, lost) = unpack(&mut reassembler, &pack(3, &chunks)).unwrap();
        prop_assert_eq!(lost, 0);
        prop_assert_eq!(came.len(), chunks.len());
        for ((elink, flags, bytes), (sent, sent_flags)) in came.iter().zip(&chunks) {
            prop_assert!(*elink == 3 && flags == sent_flags && bytes == sent);
        }
    }

    /// Whatever blocks are lost: all gaps but one at the end are seen, and every chunk that had no part in a lost block comes, in order, whole.
    #[test]
    fn lost_blocks_are_counted_and_cost_no_other_chunk(chunks in chunks(), lost in prop::collection::vec(any::<bool>(), 60)) {
        let blocks = pack(3, &chunks);
        let is_lost = |index: usize| lost.get(index).copied().unwrap_or(false);
        let kept: Vec<Bytes> = (0..blocks.len()).filter(|index| !is_lost(*index)).map(|index| blocks[index]).collect();
        let last_kept = (0..blocks.len()).rev().find(|index| !is_lost(*index));
        let gaps = (0..last_kept.unwrap_or(0)).filter(|index| is_lost(*index)).count() as u64;
        let mut reassembler = Reassembler::new(3, 1, 5000);
        let (came, missing) = unpack(&mut reassembler, &kept).unwrap();
        prop_assert_eq!(missing, gaps);
        // In which blocks each chunk lies, by packing one more at a time.
        let mut expected = Vec::new();
        let mut begin = 0;
        for (index, (bytes, flags)) in chunks.iter().enumerate() {
            let end = pack(3, &chunks[..=index]).len() - 1;
            // Four bytes that are left of a block hold an empty chunk, and no other.
            if (begin.min(end)..=end).all(|block| !is_lost(block)) || bytes.is_empty() && !is_lost(end) {
                expected.push((3_u16, *flags, bytes.clone()));
            }
            begin = begin_of_next(&chunks[..=index]);
        }
        prop_assert!(came.len() <= chunks.len());
        let mut sent = chunks.iter();
        for (_, flags, bytes) in &came {
            prop_assert!(sent.any(|(b, f)| b == bytes && f == flags), "out of order or never sent");
        }
        prop_assert!(expected.iter().all(|one| came.contains(one)), "{} came, {} were whole", came.len(), expected.len());
    }

    #[test]
    fn decoding_never_panics(mut bytes in prop::collection::vec(any::<u8>(), BLOCK_BYTES), legal_magic: bool) {
        if legal_magic {
            bytes[..2].copy_from_slice(&[0x1c, 0xe1]);
        }
        if let Ok(block) = Block::decode(&bytes) {
            let _ = Reassembler::new(0, u16::MAX, 1).push(&block, |_| {});
        }
    }

    /// Legal blocks with a few bytes spoilt: no panic, and what is taken as legal is no longer than the block.
    #[test]
    fn spoilt_blocks_do_no_harm(chunks in chunks(), spoils in prop::collection::vec((0..BLOCK_BYTES, any::<u8>()), 0..4), most in 0..3000_usize) {
        let mut reassembler = Reassembler::new(0, 8, most);
        for mut bytes in pack(3, &chunks) {
            for (at, value) in &spoils {
                bytes[*at] = *value;
            }
            if let Ok(block) = Block::decode(&bytes) {
                prop_assert!(block.subchunks().map(|sub| sub.payload.len() + 4).sum::<usize>() <= BLOCK_BYTES - 8);
                let _ = reassembler.push(&block, |event| {
                    if let Event::Chunk(chunk) = event {
                        assert!(chunk.payload.len() <= most.max(MAX_PAYLOAD));
                    }
                });
            }
        }
    }
}

/// The block in which a chunk of one byte would begin after `chunks`.
fn begin_of_next(chunks: &[(Vec<u8>, ChunkFlags)]) -> usize {
    let with_one = [chunks, &[(vec![1], ChunkFlags(0))]].concat();
    pack(3, &with_one).len() - 1
}
