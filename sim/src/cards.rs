//! The reference cards that have a name: each can be had as a model, and as RTL if it was built in.

use crate::variants::{VARIANTS, Variant};
use silico_spec::params::{CardParams, DataWidth};

/// What a card of this variant is.
pub(crate) fn params(variant: &Variant) -> CardParams {
    CardParams {
        width: DataWidth::from_bits(variant.width).expect("a width of the port"),
        c2h_channels: variant.c2h as u8,
        h2c_channels: variant.h2c as u8,
        h2c_buffer_bytes: variant.h2c_buffer,
        read_tags: variant.tags as u16,
        read_timeout: variant.read_timeout,
        msix_vectors: variant.vectors as u16,
        fifo_bytes: variant.fifo_bytes,
        fifo_frames: variant.fifo_frames as u16,
        elinks: variant.elinks as u16,
        np_depth: variant.np_depth as u8,
        ..CardParams::default()
    }
}

/// All of them, each with its name; the first one has the default parameters.
#[must_use]
pub fn named() -> Vec<(&'static str, CardParams)> {
    VARIANTS.iter().map(|variant| (variant.name, params(variant))).collect()
}

#[cfg(test)]
mod tests {
    use super::named;
    use silico_spec::params::CardParams;

    #[test]
    fn the_first_is_the_default_card_and_all_are_legal() {
        let cards = named();
        assert_eq!(cards[0].1, CardParams::default());
        for (name, card) in &cards {
            assert_eq!(card.validate(), Ok(()), "{name}");
            assert_eq!(cards.iter().filter(|(_, other)| other == card).count(), 1, "{name} is there twice");
        }
    }
}
