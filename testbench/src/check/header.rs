//! Header: channel, source and flags say what happened to the frame, no more and no less.

use super::Mismatch;
use silico_spec::frame::{Flags, FrameHeader};

/// Checks a header's description of its frame.
///
/// # Errors
/// The first field that differs.
#[inline]
pub fn check(header: &FrameHeader, channel: u8, source: u16, flags: Flags) -> Result<(), Mismatch> {
    if header.channel != channel {
        return Err(Mismatch::Channel { got: header.channel });
    }
    if header.source != source {
        return Err(Mismatch::Source { expected: source, got: header.source });
    }
    if header.flags != flags {
        return Err(Mismatch::Flags { expected: flags, got: header.flags });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_checked() {
        let header = FrameHeader { channel: 1, source: 2, flags: Flags::ERROR, ..FrameHeader::default() };
        assert_eq!(check(&header, 1, 2, Flags::ERROR), Ok(()));
        assert_eq!(check(&header, 0, 2, Flags::ERROR), Err(Mismatch::Channel { got: 1 }));
        assert_eq!(check(&header, 1, 3, Flags::ERROR), Err(Mismatch::Source { expected: 3, got: 2 }));
        assert_eq!(check(&header, 1, 2, Flags(0)), Err(Mismatch::Flags { expected: Flags(0), got: Flags::ERROR }));
    }
}
