//! Integrity: the CRC-32C in a frame's header is that of the payload beside it.

use super::Mismatch;
use silico_spec::crc;

/// Checks a frame's CRC against its payload, delivered in at most two pieces.
///
/// # Errors
/// If they differ.
#[inline]
pub fn check(in_header: u32, payload: [&[u8]; 2]) -> Result<(), Mismatch> {
    let expected = crc::append(crc::crc32c(payload[0]), payload[1]);
    if expected == in_header { Ok(()) } else { Err(Mismatch::Crc { expected, got: in_header }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_payload_is_seen_in_either_piece() {
        let crc = crc::crc32c(b"123456789");
        assert_eq!(crc, 0xe306_9283, "check value of CRC-32C");
        assert!(check(crc, [b"1234", b"56789"]).is_ok());
        assert!(check(crc, [b"1235", b"56789"]).is_err());
        assert!(check(crc, [b"1234", b"56788"]).is_err());
    }
}
