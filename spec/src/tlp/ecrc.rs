//! The end-to-end CRC (PCIe 4.0 §2.7.1): CRC-32 with polynomial 0x04C11DB7 over header and payload, first byte first, bit 0 first, starting from all
//! ones, complemented. What may change on the way, EP and bit 0 of Type, counts as one.
//!
//! The digest is held like a header's dword: the number that its four wire bytes form in big-endian order. Table 2-52 mirrors each byte of the
//! result, which makes the wire bytes those of the reflected CRC, lowest first, as in Ethernet.

use super::Header;

/// Bits of the header's first dword that are variant: bit 0 of Type, EP.
const VARIANT: u32 = 1 << 24 | 1 << 14;
/// The polynomial with its bits in the order in which they pass.
const POLYNOMIAL: u32 = 0x04c1_1db7_u32.reverse_bits();

/// `TABLES[n][b]`: what byte `b` does to the CRC of zeros when `n` bytes follow it.
static TABLES: [[u32; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut n = 1;
    while n < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[n - 1][byte];
            tables[n][byte] = tables[0][(before & 0xff) as usize] ^ before >> 8;
            byte += 1;
        }
        n += 1;
    }
    tables
};

/// The CRC register after `bytes`, from `crc` on.
fn pass(mut crc: u32, bytes: &[u8]) -> u32 {
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        let word = u64::from_le_bytes(*eight) ^ u64::from(crc);
        crc = (0..8).fold(0, |crc, n| crc ^ TABLES[7 - n][(word >> (8 * n)) as usize & 0xff]);
    }
    rest.iter().fold(crc, |crc, byte| TABLES[0][usize::from(crc as u8 ^ byte)] ^ crc >> 8)
}

/// The digest of the TLP with this header and payload; TD counts as it is in the header.
#[must_use]
pub fn ecrc(header: &Header, payload: &[u8]) -> u32 {
    let mut invariant = *header;
    invariant.0[0] |= VARIANT;
    let crc = pass(u32::MAX, &invariant.to_wire()[..4 * header.dwords()]);
    (!pass(crc, payload)).swap_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlp::{Attributes, Kind};
    use crate::units::{Bdf, BusAddr, Dwords, Tag};
    use proptest::prelude::*;

    /// As the specification draws it (figure 2-46): a shift register of 32 bits, fed bit by bit, and its complement mapped by table 2-52.
    fn as_drawn(wire: &[u8]) -> u32 {
        let mut register = u32::MAX;
        for bit in wire.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1)) {
            let out = (register >> 31) as u8 ^ bit;
            register <<= 1;
            if out != 0 {
                register ^= 0x04c1_1db7;
            }
        }
        let result = !register;
        // Result bit 0 goes to digest bit 7, 1 to 6, and so on in each byte.
        (0..32).fold(0, |digest, bit| digest | (result >> bit & 1) << (bit / 8 * 8 + 7 - bit % 8))
    }

    fn write(address: u64, dwords: u32) -> Header {
        Header::memory(Kind::MemWrite, Bdf::from_bits(0x0100), Tag(0), BusAddr(address), Dwords(dwords)).with_digest(true)
    }

    proptest! {
        #[test]
        fn as_the_specification_draws_it(words: [u32; 4], payload in prop::collection::vec(any::<u8>(), 0..300)) {
            let header = Header(words);
            let mut wire = header.to_wire()[..4 * header.dwords()].to_vec();
            wire[0] |= 1;
            wire[2] |= 0x40;
            wire.extend_from_slice(&payload);
            prop_assert_eq!(ecrc(&header, &payload), as_drawn(&wire));
        }

        /// Any burst of up to 32 bits is found, and so is any single bit; but not in what may change on the way.
        #[test]
        fn damage_is_found(at in 0..8 * 80_usize, burst in 1..u32::MAX) {
            let header = write(0x1_0000_0000, 16);
            let (mut wire, payload) = (header.to_wire().to_vec(), [0x5a; 64]);
            wire.extend_from_slice(&payload);
            for bit in (0..32).filter(|bit| burst >> bit & 1 != 0 && at + bit < 8 * 80) {
                wire[(at + bit) / 8] ^= 1 << ((at + bit) % 8);
            }
            let damaged = Header::from_wire(&wire).unwrap();
            prop_assume!(damaged.dwords() == 4);
            let same = (damaged.0[0] | VARIANT, &damaged.0[1..]) == (header.0[0] | VARIANT, &header.0[1..]) && wire[16..] == payload;
            prop_assert_eq!(ecrc(&damaged, &wire[16..]) == ecrc(&header, &payload), same);
        }
    }

    /// The check value of CRC-32 (Ethernet's), and its residue: what the register holds after a TLP and its digest is the same for every TLP.
    #[test]
    fn known_answers() {
        assert_eq!(!pass(u32::MAX, b"123456789"), 0xcbf4_3926);
        for (header, payload) in [(write(0x1000, 1), &[1, 2, 3, 4][..]), (write(0x2_0000_0000, 2), &[0; 8])] {
            let mut wire = header.to_wire()[..4 * header.dwords()].to_vec();
            wire[0] |= 1;
            wire[2] |= 0x40;
            wire.extend_from_slice(payload);
            wire.extend_from_slice(&ecrc(&header, payload).to_be_bytes());
            assert_eq!(pass(u32::MAX, &wire), 0xdebb_20e3);
        }
        // By zlib's crc32.
        assert_eq!(ecrc(&write(0xfee0_0000, 1), &[5, 0, 0, 0]), MESSAGE);
        assert_eq!(as_drawn(&[0x41, 0, 0xc0, 1, 1, 0, 0, 0xf, 0xfe, 0xe0, 0, 0, 5, 0, 0, 0]), MESSAGE);
    }

    const MESSAGE: u32 = 0x4b3e_72e9;

    #[test]
    fn what_may_change_on_the_way_does_not_count() {
        let header = write(0x1000, 1);
        assert_eq!(ecrc(&header.with_poisoned(true), &[7; 4]), ecrc(&header, &[7; 4]));
        let config = Header([0x0500_8001, 0x0000_000f, 0x0100_0000, 0]);
        let converted = Header([0x0400_8001, 0x0000_000f, 0x0100_0000, 0]);
        assert_eq!(ecrc(&config, &[]), ecrc(&converted, &[]), "a type 1 config request becomes type 0 on its way");
        let relaxed = header.with_attributes(Attributes { relaxed: true, ..Attributes::default() });
        assert_ne!(ecrc(&relaxed, &[7; 4]), ecrc(&header, &[7; 4]));
    }
}
