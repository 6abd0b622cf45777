//! A bit field of a register: where it lies and how to get and set it. Knows no register.

/// A field of a register of up to 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    low: u8,
    width: u8,
}

impl Field {
    /// The field whose lowest bit is `low` and that is `width` bits wide. A constant outside 64 bits does not compile.
    #[must_use]
    pub const fn new(low: u8, width: u8) -> Self {
        assert!(width >= 1 && low < 64 && width <= 64 - low, "a field lies within 64 bits");
        Self { low, width }
    }

    /// The largest value that the field holds.
    #[must_use]
    #[inline]
    pub const fn max(self) -> u64 {
        u64::MAX >> (64 - self.width)
    }

    /// Ones where the field lies.
    #[must_use]
    #[inline]
    pub const fn mask(self) -> u64 {
        self.max() << self.low
    }

    /// The field's value in `word`.
    #[must_use]
    #[inline]
    pub const fn get(self, word: u64) -> u64 {
        word >> self.low & self.max()
    }

    /// Whether any bit of the field is set in `word`.
    #[must_use]
    #[inline]
    pub const fn is_set(self, word: u64) -> bool {
        word & self.mask() != 0
    }

    /// `word` with the field set to `value`; bits of `value` beyond the field's width are cut off.
    #[must_use]
    #[inline]
    pub const fn set(self, word: u64, value: u64) -> u64 {
        word & !self.mask() | (value & self.max()) << self.low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_set_field_reads_back_and_touches_nothing_else((low, width) in (0u8..64).prop_flat_map(|low| (Just(low), 1..=64 - low)), word: u64, value: u64) {
            let field = Field::new(low, width);
            let after = field.set(word, value);
            let kept = if width == 64 { value } else { value & ((1 << width) - 1) };
            prop_assert_eq!(field.get(after), kept);
            prop_assert_eq!(after & !field.mask(), word & !field.mask());
            prop_assert_eq!(field.is_set(after), kept != 0);
            prop_assert_eq!(field.mask().count_ones(), u32::from(width));
            prop_assert_eq!(field.mask().trailing_zeros(), u32::from(low));
        }
    }

    #[test]
    #[should_panic(expected = "within 64 bits")]
    fn a_field_beyond_the_word_is_refused() {
        let _ = Field::new(60, 5);
    }
}
