//! CRC-32C (Castagnoli): polynomial 0x1EDC6F41 reflected, initial value and final xor all ones (RFC 3720 §12.1).

/// CRC-32C of `bytes`.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    append(0, bytes)
}

/// CRC-32C of what `crc` covers followed by `bytes`; start with 0.
#[must_use]
#[inline]
pub fn append(crc: u32, bytes: &[u8]) -> u32 {
    go_on(crc, bytes)
}

#[cfg(feature = "std")]
use crc32c::crc32c_append as go_on;
#[cfg(not(feature = "std"))]
use table::append as go_on;

#[cfg(any(test, not(feature = "std")))]
mod table {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            let mut crc = i as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 != 0 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
                bit += 1;
            }
            table[i] = crc;
            i += 1;
        }
        table
    };

    pub(super) fn append(crc: u32, bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!crc, |crc, byte| TABLE[usize::from(crc as u8 ^ byte)] ^ crc >> 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The accelerated code against the table, at all lengths that take another path in it, all alignments and any state.
    #[test]
    fn as_the_table_says() {
        let bytes: [u8; 1100] = core::array::from_fn(|i| (i * i >> 3) as u8);
        let mut crc = 0;
        for len in 0..bytes.len() {
            let part = &bytes[len % 17..(len % 17 + len).min(bytes.len())];
            let next = append(crc, part);
            assert_eq!(next, table::append(crc, part), "{len} bytes after {crc:#010x}");
            crc = next;
        }
    }

    /// The vectors of RFC 3720 §B.4.
    #[test]
    fn rfc_3720_vectors() {
        let ascending: [u8; 32] = core::array::from_fn(|i| i as u8);
        for (bytes, crc) in
            [(&[0; 32][..], 0x8a91_36aa), (&[0xff; 32], 0x62a8_ab43), (&ascending, 0x46dd_794e), (b"123456789", 0xe306_9283)]
        {
            assert_eq!(crc32c(bytes), crc);
            assert_eq!(table::append(0, bytes), crc);
            let (head, tail) = bytes.split_at(7);
            assert_eq!(append(append(0, head), tail), crc);
        }
    }
}
