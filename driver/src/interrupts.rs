//! Which kind of interrupt a card is driven with, chosen at bring-up from what the platform offers; and what a firing of each kind says of its cause.

use crate::access::Named;
use crate::error::DriverError;
use crate::platform::{InterruptControl, InterruptKind, Interrupts};
use silico_spec::registers::card;

pub use crate::demux::DemuxCounters;

/// Which kind is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterruptChoice {
    /// This one, or the next in the order MSI-X, MSI, INTx that the platform offers.
    Prefer(InterruptKind),
    /// This one and no other.
    Only(InterruptKind),
    /// None: all channels are polled.
    Off,
}

impl InterruptChoice {
    /// In the order in which they are tried.
    fn candidates(self) -> &'static [InterruptKind] {
        use InterruptKind::{Intx, Msi, MsiX};
        match self {
            Self::Prefer(MsiX) => &[MsiX, Msi, Intx],
            Self::Prefer(Msi) => &[Msi, Intx],
            Self::Only(MsiX) => &[MsiX],
            Self::Only(Msi) => &[Msi],
            Self::Prefer(Intx) | Self::Only(Intx) => &[Intx],
            Self::Off => &[],
        }
    }
}

/// What was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The kind.
    pub kind: InterruptKind,
    /// Vectors that it has. Channels that ask for more share: vector `n` is `n` modulo this.
    pub vectors: u16,
}

/// Switches on what `choice` says and the platform offers, with at most `vectors` vectors.
pub(crate) fn choose(platform: &impl InterruptControl, choice: InterruptChoice, vectors: u16) -> Result<Option<Chosen>, DriverError> {
    for &kind in choice.candidates() {
        let most = platform.offered(kind).min(vectors);
        if most == 0 {
            continue;
        }
        let granted = platform.enable(kind, most).map_err(|error| DriverError::access("interrupt set-up", error))?;
        // More than asked for would be vectors that nobody knows of.
        if granted > 0 {
            return Ok(Some(Chosen { kind, vectors: granted.min(most) }));
        }
    }
    match choice {
        InterruptChoice::Only(kind) => Err(DriverError::NoInterrupts { kind }),
        InterruptChoice::Prefer(_) | InterruptChoice::Off => Ok(None),
    }
}

/// Channels that a firing may be for, of `subscribers`, as their bits. A level is quiet after it.
///
/// The status register of the card keeps what an MSI or INTx was for; a cause that went out as MSI-X leaves no trace, so that all are woken. What is
/// read here is acknowledged before anybody is woken: hazard of a level, which wants quiet first and a look at the work after it. A channel that is armed
/// anew in between, and fires, is looked at after the acknowledgement.
pub(crate) fn targets(regs: &impl Named, irqs: &impl Interrupts, kind: InterruptKind, subscribers: u32) -> Result<u32, DriverError> {
    match kind {
        InterruptKind::MsiX => Ok(subscribers),
        InterruptKind::Msi if subscribers.count_ones() <= 1 => Ok(subscribers),
        InterruptKind::Msi => Ok(channels(regs.any32(card::INT_STATUS)?, regs.any32(card::INT_STATUS_2)?)),
        InterruptKind::Intx => {
            let (first, second) = (regs.any32(card::INT_STATUS)?, regs.any32(card::INT_STATUS_2)?);
            if first == u32::MAX && second == u32::MAX {
                return Err(DriverError::Gone { register: "INT_STATUS" });
            }
            if first != 0 {
                regs.put32(card::INT_ACK, first)?;
            }
            if second != 0 {
                regs.put32(card::INT_ACK_2, second)?;
            }
            // Pushes the writes: the level is down before the platform looks at it again.
            regs.any32(card::INT_STATUS)?;
            irqs.unmask(0).map_err(|error| DriverError::access("interrupt", error))?;
            Ok(channels(first, second))
        }
    }
}

/// Channel bits of the two status registers, data, space and error causes alike.
fn channels(first: u32, second: u32) -> u32 {
    let c2h = card::int_status::C2H_DATA.get(first.into()) | card::int_status::C2H_ERROR.get(first.into());
    let h2c = card::int_status_2::H2C_SPACE.get(second.into()) | card::int_status_2::H2C_ERROR.get(second.into());
    (c2h | h2c << 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ChannelId;
    use crate::platform::{AccessError, Nanos, Registers, Wake};
    use alloc::rc::Rc;
    use alloc::vec;
    use alloc::vec::Vec;
    use core::cell::RefCell;

    /// A line of which the two status registers read as given, and what was done to it.
    #[derive(Clone)]
    struct Line([u32; 2], Rc<RefCell<Vec<Done>>>);

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Done {
        Read(u32),
        Wrote(u32, u32),
        Unmasked,
    }

    impl Line {
        /// Who a firing is for, of channels 0 and 1, and what it took to know it.
        fn fires(first: u32, second: u32, kind: InterruptKind, subscribers: u32) -> (Result<u32, DriverError>, Vec<Done>) {
            let line = Self([first, second], Rc::default());
            let found = targets(&line, &line, kind, subscribers);
            (found, line.1.take())
        }

        fn note(&self, done: Done) {
            self.1.borrow_mut().push(done);
        }
    }

    impl Registers for Line {
        fn read32(&self, offset: u32) -> Result<u32, AccessError> {
            self.note(Done::Read(offset));
            Ok(self.0[usize::from(offset == card::INT_STATUS_2)])
        }
        fn read64(&self, _: u32) -> Result<u64, AccessError> {
            panic!("the registers have 32 bits")
        }
        fn write32(&self, offset: u32, value: u32) -> Result<(), AccessError> {
            self.note(Done::Wrote(offset, value));
            Ok(())
        }
        fn write64(&self, _: u32, _: u64) -> Result<(), AccessError> {
            panic!("the registers have 32 bits")
        }
        fn is_cut_off(&self) -> bool {
            false
        }
    }

    impl Interrupts for Line {
        fn vectors(&self) -> u16 {
            1
        }
        fn wait(&self, _: u16, _: Nanos) -> Result<Wake, AccessError> {
            panic!("it has fired already")
        }
        fn kick(&self, _: u16) {}
        fn unmask(&self, _: u16) -> Result<(), AccessError> {
            self.note(Done::Unmasked);
            Ok(())
        }
    }

    /// A read costs a microsecond on a real card.
    #[test]
    fn a_firing_for_one_alone_asks_the_card_nothing() {
        for kind in [InterruptKind::MsiX, InterruptKind::Msi] {
            assert_eq!(Line::fires(0, 0, kind, 0b10), (Ok(0b10), vec![]));
        }
        assert_eq!(Line::fires(0, 0, InterruptKind::MsiX, 0b11), (Ok(0b11), vec![]), "nor where it could not tell");
        let asked = vec![Done::Read(card::INT_STATUS), Done::Read(card::INT_STATUS_2)];
        assert_eq!(Line::fires(0b10, 0, InterruptKind::Msi, 0b11), (Ok(0b10), asked));
    }

    #[test]
    fn a_level_is_acknowledged_pushed_and_unmasked_in_this_order() {
        let (first, second, unmasked) = (card::INT_STATUS, card::INT_STATUS_2, Done::Unmasked);
        let both = vec![
            Done::Read(first),
            Done::Read(second),
            Done::Wrote(card::INT_ACK, 0b10),
            Done::Wrote(card::INT_ACK_2, 0b1),
            Done::Read(first),
            unmasked,
        ];
        assert_eq!(Line::fires(0b10, 0b1, InterruptKind::Intx, 0b11), (Ok(0x1_0002), both));
        let none = vec![Done::Read(first), Done::Read(second), Done::Read(first), unmasked];
        assert_eq!(Line::fires(0, 0, InterruptKind::Intx, 0b11), (Ok(0), none));
    }

    /// The first register is all ones when each of 16 channels has data and an error; the second never is.
    #[test]
    fn a_level_with_all_causes_of_one_register_is_no_card_that_is_gone() {
        let fires = |first, second| Line::fires(first, second, InterruptKind::Intx, u32::MAX);
        assert_eq!(fires(u32::MAX, 0).0, Ok(0xffff));
        assert_eq!(fires(u32::MAX, 0b1).0, Ok(0x1_ffff));
        assert_eq!(fires(0, u32::MAX).0, Ok(0xff_0000));
        let asked = vec![Done::Read(card::INT_STATUS), Done::Read(card::INT_STATUS_2)];
        assert_eq!(fires(u32::MAX, u32::MAX), (Err(DriverError::Gone { register: "INT_STATUS" }), asked));
    }

    #[test]
    fn status_bits_are_channel_bits() {
        let (c2h, h2c) = (ChannelId::C2h(3).bit(), ChannelId::H2c(5).bit());
        assert_eq!(channels(1 << 3, 0), c2h);
        assert_eq!(channels(1 << 19, 1 << 5), c2h | h2c);
        assert_eq!(channels(0, 1 << 13 | 1 << 16), h2c, "the card cause is nobody's channel");
    }
}
