//! The card's errors as PCI Express logs them: Advanced Error Reporting (PCIe 4.0 §7.8.4) and Device Status, typed. Reads and clears; decides nothing.

use crate::error::DriverError;
use crate::platform::{AccessError, ConfigSpace};
use silico_spec::config::capabilities::{aer, extended_id, pcie, standard_id};
use silico_spec::config::walk::{CapabilityId, walk};

/// An uncorrectable error (figure 7-117).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum Uncorrectable {
    DataLinkProtocol,
    PoisonedTlp,
    FlowControl,
    CompletionTimeout,
    CompleterAbort,
    UnexpectedCompletion,
    ReceiverOverflow,
    MalformedTlp,
    Ecrc,
    UnsupportedRequest,
    Internal,
    /// A bit that this driver has no name for.
    Unknown(u8),
}

/// A correctable error (figure 7-120).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum Correctable {
    Receiver,
    BadTlp,
    BadDllp,
    ReplayRollover,
    ReplayTimeout,
    AdvisoryNonFatal,
    /// A bit that this driver has no name for.
    Unknown(u8),
}

impl Uncorrectable {
    fn from_bit(bit: u8) -> Self {
        match 1_u32 << (bit & 31) {
            aer::uncorrectable::DATA_LINK_PROTOCOL => Self::DataLinkProtocol,
            aer::uncorrectable::POISONED => Self::PoisonedTlp,
            aer::uncorrectable::FLOW_CONTROL => Self::FlowControl,
            aer::uncorrectable::COMPLETION_TIMEOUT => Self::CompletionTimeout,
            aer::uncorrectable::COMPLETER_ABORT => Self::CompleterAbort,
            aer::uncorrectable::UNEXPECTED_COMPLETION => Self::UnexpectedCompletion,
            aer::uncorrectable::RECEIVER_OVERFLOW => Self::ReceiverOverflow,
            aer::uncorrectable::MALFORMED => Self::MalformedTlp,
            aer::uncorrectable::ECRC => Self::Ecrc,
            aer::uncorrectable::UNSUPPORTED => Self::UnsupportedRequest,
            aer::uncorrectable::INTERNAL => Self::Internal,
            _ => Self::Unknown(bit),
        }
    }
}

impl Correctable {
    fn from_bit(bit: u8) -> Self {
        match 1_u32 << (bit & 31) {
            aer::correctable::RECEIVER => Self::Receiver,
            aer::correctable::BAD_TLP => Self::BadTlp,
            aer::correctable::BAD_DLLP => Self::BadDllp,
            aer::correctable::REPLAY_ROLLOVER => Self::ReplayRollover,
            aer::correctable::REPLAY_TIMEOUT => Self::ReplayTimeout,
            aer::correctable::ADVISORY => Self::AdvisoryNonFatal,
            _ => Self::Unknown(bit),
        }
    }
}

fn bits(word: u32) -> impl Iterator<Item = u8> {
    (0..32).filter(move |bit| word >> bit & 1 != 0)
}

/// What the card has logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CardErrors {
    /// Raw register: uncorrectable error status.
    pub uncorrectable_status: u32,
    /// Raw register: uncorrectable error severity; set is fatal.
    pub severity: u32,
    /// Raw register: correctable error status.
    pub correctable_status: u32,
    /// Raw field: first error pointer.
    pub first_error: u8,
    /// Header of the TLP that goes with the first error: byte 0 in bits 31 to 24 of the first dword.
    pub header: [u32; 4],
    /// Raw register: Device Status.
    pub device_status: u16,
}

impl CardErrors {
    /// Uncorrectable errors, by ascending bit.
    pub fn uncorrectable(&self) -> impl Iterator<Item = Uncorrectable> {
        bits(self.uncorrectable_status).map(Uncorrectable::from_bit)
    }

    /// Correctable errors, by ascending bit.
    pub fn correctable(&self) -> impl Iterator<Item = Correctable> {
        bits(self.correctable_status).map(Correctable::from_bit)
    }

    /// The error that was first; `None` if the pointer names none that is logged (PCIe 4.0 §7.8.4.7).
    #[must_use]
    pub fn first(&self) -> Option<Uncorrectable> {
        let logged = self.uncorrectable_status >> (self.first_error & 31) & 1 != 0;
        logged.then(|| Uncorrectable::from_bit(self.first_error))
    }

    /// Whether an error is logged whose severity is fatal.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        self.uncorrectable_status & self.severity != 0
    }

    /// Whether nothing is logged.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.uncorrectable_status == 0 && self.correctable_status == 0
    }
}

/// Where the capabilities lie.
#[derive(Clone, Copy, Debug)]
struct Places {
    aer: u16,
    pcie: u16,
}

fn read(config: &impl ConfigSpace, offset: u16) -> Result<u32, DriverError> {
    config.read_config32(offset).map_err(|error| DriverError::access("config space", error))
}

fn write(config: &impl ConfigSpace, offset: u16, value: u32) -> Result<(), DriverError> {
    config.write_config32(offset, value).map_err(|error| DriverError::access("config space", error))
}

fn places(config: &impl ConfigSpace) -> Result<Places, DriverError> {
    let found = walk(|offset| config.read_config32(offset)).map_err(|error| match error {
        silico_spec::config::walk::WalkError::Read { error, .. } => DriverError::access("config space", error),
        silico_spec::config::walk::WalkError::Absent | silico_spec::config::walk::WalkError::AllOnes { .. } => {
            DriverError::access("config space", AccessError::Gone)
        }
        _ => DriverError::NoCapability { name: "the capability chain is broken: Advanced Error Reporting" },
    })?;
    let find = |id, name| {
        let place = found.iter().find(|capability| capability.id == id).map(|capability| capability.offset);
        place.ok_or(DriverError::NoCapability { name })
    };
    Ok(Places {
        aer: find(CapabilityId::Extended(extended_id::AER), "Advanced Error Reporting")?,
        pcie: find(CapabilityId::Standard(standard_id::PCIE), "PCI Express")?,
    })
}

/// Reads the log.
pub(crate) fn read_log(config: &impl ConfigSpace) -> Result<CardErrors, DriverError> {
    let Places { aer, pcie } = places(config)?;
    let get = |offset| read(config, aer + offset);
    let mut header = [0; 4];
    for (dword, offset) in header.iter_mut().zip((aer::HEADER_LOG..).step_by(4)) {
        *dword = get(offset)?;
    }
    let log = CardErrors {
        uncorrectable_status: get(aer::UNCORRECTABLE_STATUS)?,
        severity: get(aer::UNCORRECTABLE_SEVERITY)?,
        correctable_status: get(aer::CORRECTABLE_STATUS)?,
        first_error: (get(aer::CONTROL)? & aer::FIRST_ERROR) as u8,
        header,
        device_status: (read(config, pcie + pcie::DEVICE_CONTROL)? >> 16) as u16,
    };
    if log.uncorrectable_status == u32::MAX {
        return Err(DriverError::access("config space, AER", AccessError::Gone));
    }
    Ok(log)
}

/// Clears what `seen` shows, and nothing that came since.
pub(crate) fn clear_log(config: &impl ConfigSpace, seen: &CardErrors) -> Result<(), DriverError> {
    let Places { aer, pcie } = places(config)?;
    write(config, aer + aer::UNCORRECTABLE_STATUS, seen.uncorrectable_status)?;
    write(config, aer + aer::CORRECTABLE_STATUS, seen.correctable_status)?;
    let control = read(config, pcie + pcie::DEVICE_CONTROL)? & 0xffff;
    write(config, pcie + pcie::DEVICE_CONTROL, control | u32::from(seen.device_status) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits of figures 7-117 and 7-120, as numbers.
    #[test]
    fn every_bit_of_the_specification_has_its_name_and_the_others_are_kept() {
        let uncorrectable = [
            (4, Uncorrectable::DataLinkProtocol),
            (12, Uncorrectable::PoisonedTlp),
            (13, Uncorrectable::FlowControl),
            (14, Uncorrectable::CompletionTimeout),
            (15, Uncorrectable::CompleterAbort),
            (16, Uncorrectable::UnexpectedCompletion),
            (17, Uncorrectable::ReceiverOverflow),
            (18, Uncorrectable::MalformedTlp),
            (19, Uncorrectable::Ecrc),
            (20, Uncorrectable::UnsupportedRequest),
            (22, Uncorrectable::Internal),
        ];
        let correctable = [
            (0, Correctable::Receiver),
            (6, Correctable::BadTlp),
            (7, Correctable::BadDllp),
            (8, Correctable::ReplayRollover),
            (12, Correctable::ReplayTimeout),
            (13, Correctable::AdvisoryNonFatal),
        ];
        for bit in 0..32 {
            let right = uncorrectable.iter().find(|(at, _)| *at == bit).map_or(Uncorrectable::Unknown(bit), |(_, error)| *error);
            assert_eq!(Uncorrectable::from_bit(bit), right);
            let right = correctable.iter().find(|(at, _)| *at == bit).map_or(Correctable::Unknown(bit), |(_, error)| *error);
            assert_eq!(Correctable::from_bit(bit), right);
            let log =
                CardErrors { uncorrectable_status: 1 << bit, correctable_status: 1 << bit, first_error: bit, ..CardErrors::default() };
            assert_eq!(log.uncorrectable().collect::<Vec<_>>(), [Uncorrectable::from_bit(bit)]);
            assert_eq!(log.correctable().collect::<Vec<_>>(), [Correctable::from_bit(bit)]);
            assert_eq!(log.first(), Some(Uncorrectable::from_bit(bit)));
        }
        let all = CardErrors { uncorrectable_status: u32::MAX, correctable_status: 0x8000_0001, ..CardErrors::default() };
        assert_eq!((all.uncorrectable().count(), all.correctable().count()), (32, 2));
    }

    #[test]
    fn a_log_is_empty_if_nothing_is_in_either_status() {
        let none = CardErrors { severity: u32::MAX, header: [1; 4], device_status: 0xf, ..CardErrors::default() };
        assert!(none.is_empty() && !none.is_fatal());
        assert!(!CardErrors { uncorrectable_status: 1, ..none }.is_empty());
        assert!(!CardErrors { correctable_status: 1, ..none }.is_empty());
        let mild = CardErrors { severity: 0x10, uncorrectable_status: 0x20, ..none };
        assert!(!mild.is_fatal() && CardErrors { uncorrectable_status: 0x30, ..mild }.is_fatal());
    }

    #[test]
    fn the_first_error_counts_only_while_it_is_logged() {
        let log = CardErrors { uncorrectable_status: aer::uncorrectable::MALFORMED, first_error: 18, ..CardErrors::default() };
        assert_eq!((log.first(), log.is_fatal(), log.is_empty()), (Some(Uncorrectable::MalformedTlp), false, false));
        assert_eq!(CardErrors { first_error: 20, ..log }.first(), None);
        assert!(CardErrors { severity: aer::uncorrectable::MALFORMED, ..log }.is_fatal());
        assert_eq!(log.uncorrectable().collect::<Vec<_>>(), [Uncorrectable::MalformedTlp]);
    }
}
