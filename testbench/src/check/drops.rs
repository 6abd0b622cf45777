//! Drops: a frame may be missing only where the channel drops when full, and then the next one delivered says so.
//!
//! Which frames were dropped is not in the header, so the frame that came is looked for among those sent: the first that is equal, and after which all
//! follow that came without another gap. Taking the first is safe: if any choice accounts for all later frames, so does this one.

use silico_spec::frame::Flags;

/// Most frames that are looked through for one that came: bounds the search on a frame that was never sent.
pub const SEARCH_LIMIT: u64 = 1 << 20;

/// Frames in one piece after a gap, after which it is certain where they lie.
pub const CHAIN_LIMIT: usize = 256;

/// Whether frames before one may be missing: only with the drop policy, and if its header says so.
#[must_use]
#[inline]
pub fn may_skip(drop_policy: bool, flags: Flags) -> bool {
    drop_policy && flags.contains(Flags::DROPPED_BEFORE)
}

/// The flags that fit a frame before which `skipped` frames were found missing.
#[must_use]
#[inline]
pub fn expected_flags(base: Flags, skipped: u64) -> Flags {
    if skipped > 0 { base.with(Flags::DROPPED_BEFORE) } else { base }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_needs_the_policy_and_the_flag() {
        assert!(may_skip(true, Flags::DROPPED_BEFORE));
        assert!(!may_skip(false, Flags::DROPPED_BEFORE));
        assert!(!may_skip(true, Flags::ERROR));
    }

    #[test]
    fn a_flag_needs_a_gap() {
        assert_eq!(expected_flags(Flags(0), 0), Flags(0));
        assert_eq!(expected_flags(Flags::ERROR, 2), Flags::ERROR.with(Flags::DROPPED_BEFORE));
    }
}
