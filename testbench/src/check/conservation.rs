//! Conservation: at the end of a run every frame that was sent is accounted for, by the host's count and by the card's; and so is every interrupt.

use std::fmt;

/// One channel's books at the end, after it was drained and stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Books {
    /// Frames that the source presented.
    pub sent: u64,
    /// Frames that the host took and checked.
    pub delivered: u64,
    /// Frames that the host found missing before others.
    pub missing: u64,
    /// Frames delivered, by the card's count.
    pub card_delivered: u64,
    /// Frames dropped, by the card's count.
    pub card_dropped: u64,
    /// Frames discarded by a stop, by the card's count.
    pub card_discarded: u64,
}

/// A sum that does not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imbalance {
    /// The channel.
    pub channel: u8,
    /// Which sum.
    pub rule: &'static str,
    /// Its left side.
    pub left: u64,
    /// Its right side.
    pub right: u64,
    /// All counts.
    pub books: Books,
}

impl fmt::Display for Imbalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Books { sent, delivered, missing, card_delivered, card_dropped, card_discarded } = self.books;
        write!(
            f,
            "channel {}: {}: {} is not {} (sent {sent}, host took {delivered} and missed {missing}; card delivered {card_delivered}, dropped {card_dropped}, discarded {card_discarded})",
            self.channel, self.rule, self.left, self.right
        )
    }
}

/// Checks one channel's books.
///
/// # Errors
/// The first sum that does not add up.
pub fn check(channel: u8, books: Books) -> Result<(), Imbalance> {
    let sums = [
        ("frames that the host took = frames that the card delivered", books.delivered, books.card_delivered),
        ("frames sent = delivered + dropped + discarded", books.sent, books.card_delivered + books.card_dropped + books.card_discarded),
    ];
    for (rule, left, right) in sums {
        if left != right {
            return Err(Imbalance { channel, rule, left, right, books });
        }
    }
    // Frames dropped after the last delivered one leave no mark, so the host may have missed fewer.
    if books.missing > books.card_dropped {
        let rule = "frames missed by the host = frames dropped by the card, at most";
        return Err(Imbalance { channel, rule, left: books.missing, right: books.card_dropped, books });
    }
    Ok(())
}

/// Interrupts that got lost between card and host, or came from nowhere. A host that was awake anyway does not notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostInterrupts {
    /// Messages sent, by the card's count.
    pub sent: u64,
    /// Messages delivered, by the host's count.
    pub delivered: u64,
}

impl fmt::Display for LostInterrupts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupts sent = interrupts delivered: {} is not {}", self.sent, self.delivered)
    }
}

/// Checks that every interrupt sent was delivered, once.
///
/// # Errors
/// Both counts, if they differ.
pub fn check_interrupts(sent: u64, delivered: u64) -> Result<(), LostInterrupts> {
    if sent == delivered { Ok(()) } else { Err(LostInterrupts { sent, delivered }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_or_doubled_interrupt_is_seen() {
        assert_eq!(check_interrupts(3, 3), Ok(()));
        assert_eq!(check_interrupts(3, 2).unwrap_err().to_string(), "interrupts sent = interrupts delivered: 3 is not 2");
        assert!(check_interrupts(3, 4).is_err());
    }

    #[test]
    fn each_count_off_by_one_is_seen() {
        let good = Books { sent: 10, delivered: 6, missing: 3, card_delivered: 6, card_dropped: 3, card_discarded: 1 };
        assert_eq!(check(0, good), Ok(()));
        let bad = [
            Books { sent: 11, ..good },
            Books { delivered: 5, ..good },
            Books { missing: 4, ..good },
            Books { card_delivered: 7, ..good },
            Books { card_dropped: 4, ..good },
            Books { card_discarded: 0, ..good },
        ];
        for books in bad {
            let imbalance = check(3, books).unwrap_err();
            assert!(imbalance.to_string().starts_with("channel 3: frames"), "{imbalance}");
        }
    }
}
