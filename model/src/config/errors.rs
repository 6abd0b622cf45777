//! Error logging (PCIe 4.0 §6.2.5, figure 6-2): what is set for each error, and which message it sends, if any.

use super::ConfigSpace;
use super::layout::{AER, PCIE};
use silico_spec::config::capabilities::pcie::{self, device_control as control};
use silico_spec::config::capabilities::{aer, aer::correctable, aer::uncorrectable};
use silico_spec::config::header::{self, command, status};
use silico_spec::credit::Class;
use silico_spec::tlp::{CompletionStatus, ErrorSeverity, Header};

/// An error that the card can detect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Receiver error (physical layer); correctable.
    Receiver,
    /// A TLP with a bad LCRC or sequence number; correctable.
    BadTlp,
    /// A DLLP with a bad CRC; correctable.
    BadDllp,
    /// REPLAY_NUM rolled over; correctable.
    ReplayRollover,
    /// The replay timer ran out; correctable.
    ReplayTimeout,
    /// Data link protocol error.
    DataLinkProtocol,
    /// Poisoned TLP received.
    PoisonedTlp,
    /// Flow control protocol error.
    FlowControl,
    /// Completion timeout.
    CompletionTimeout,
    /// The card answers, or drops, a request as completer abort.
    CompleterAbort,
    /// Unexpected completion received.
    UnexpectedCompletion,
    /// More TLPs received than there were credits for.
    ReceiverOverflow,
    /// Malformed TLP received.
    MalformedTlp,
    /// TLP received whose digest is not that of its content.
    EcrcFailed,
    /// Unsupported request received.
    UnsupportedRequest,
    /// Uncorrectable internal error.
    Internal,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Receiver,
        Self::BadTlp,
        Self::BadDllp,
        Self::ReplayRollover,
        Self::ReplayTimeout,
        Self::DataLinkProtocol,
        Self::PoisonedTlp,
        Self::FlowControl,
        Self::CompletionTimeout,
        Self::CompleterAbort,
        Self::UnexpectedCompletion,
        Self::ReceiverOverflow,
        Self::MalformedTlp,
        Self::EcrcFailed,
        Self::UnsupportedRequest,
        Self::Internal,
    ];

    /// Its bit in the registers of AER.
    const fn bit(self) -> Bit {
        match self {
            Self::Receiver => Bit::Correctable(correctable::RECEIVER),
            Self::BadTlp => Bit::Correctable(correctable::BAD_TLP),
            Self::BadDllp => Bit::Correctable(correctable::BAD_DLLP),
            Self::ReplayRollover => Bit::Correctable(correctable::REPLAY_ROLLOVER),
            Self::ReplayTimeout => Bit::Correctable(correctable::REPLAY_TIMEOUT),
            Self::DataLinkProtocol => Bit::Uncorrectable(uncorrectable::DATA_LINK_PROTOCOL),
            Self::PoisonedTlp => Bit::Uncorrectable(uncorrectable::POISONED),
            Self::FlowControl => Bit::Uncorrectable(uncorrectable::FLOW_CONTROL),
            Self::CompletionTimeout => Bit::Uncorrectable(uncorrectable::COMPLETION_TIMEOUT),
            Self::CompleterAbort => Bit::Uncorrectable(uncorrectable::COMPLETER_ABORT),
            Self::UnexpectedCompletion => Bit::Uncorrectable(uncorrectable::UNEXPECTED_COMPLETION),
            Self::ReceiverOverflow => Bit::Uncorrectable(uncorrectable::RECEIVER_OVERFLOW),
            Self::MalformedTlp => Bit::Uncorrectable(uncorrectable::MALFORMED),
            Self::EcrcFailed => Bit::Uncorrectable(uncorrectable::ECRC),
            Self::UnsupportedRequest => Bit::Uncorrectable(uncorrectable::UNSUPPORTED),
            Self::Internal => Bit::Uncorrectable(uncorrectable::INTERNAL),
        }
    }

    /// Whether the error, if its severity is non-fatal, is an advisory one (§6.2.3.2.4): somebody else is told of it anyway. A completer's UR
    /// or CA goes back in the completion, and so does a poisoned non-posted request; an unexpected completion is the requester's timeout.
    /// The card does not retry after a completion timeout, and poisoned data stops a channel: those are errors of its own.
    fn is_advisory(self, header: Option<&Header>) -> bool {
        match self {
            Self::UnsupportedRequest | Self::CompleterAbort | Self::PoisonedTlp => {
                header.is_some_and(|header| header.kind().class() == Class::NonPosted)
            }
            Self::UnexpectedCompletion => true,
            _ => false,
        }
    }
}

#[derive(Clone, Copy)]
enum Bit {
    Correctable(u32),
    Uncorrectable(u32),
}

impl ConfigSpace {
    /// Logs an error that the card detected, with the header of the TLP concerned where there is one. Returns the error message to send, if
    /// software wants one. Of several errors in one TLP, only the one that §6.2.3.2.3 puts first is to be logged.
    pub fn log_error(&mut self, kind: ErrorKind, header: Option<&Header>) -> Option<ErrorSeverity> {
        self.log_legacy(kind, header);
        let unsupported = kind == ErrorKind::UnsupportedRequest;
        if unsupported {
            self.set_device_status(control::UNSUPPORTED_DETECTED);
        }
        match kind.bit() {
            Bit::Correctable(bit) => self.log_correctable(bit).then_some(()).and_then(|()| self.report_correctable(false)),
            Bit::Uncorrectable(bit) => {
                let fatal = self.table.get(AER + aer::UNCORRECTABLE_SEVERITY) & bit != 0;
                if !fatal && kind.is_advisory(header) {
                    if !self.log_correctable(correctable::ADVISORY) {
                        return None;
                    }
                    self.log_uncorrectable(bit, header);
                    self.report_correctable(unsupported)
                } else {
                    self.set_device_status(if fatal { control::FATAL_DETECTED } else { control::NON_FATAL_DETECTED });
                    if !self.log_uncorrectable(bit, header) {
                        return None;
                    }
                    self.report_uncorrectable(fatal, unsupported)
                }
            }
        }
    }

    /// Notes the status of a completion that the card received: UR and CA set a bit of the status register. That is all that PCI Express has a
    /// requester log of them; the completer logged the error.
    pub fn log_completion(&mut self, received: CompletionStatus) {
        match received {
            CompletionStatus::Success | CompletionStatus::ConfigRetry => {}
            CompletionStatus::UnsupportedRequest | CompletionStatus::Unknown(_) => self.set_status(status::RECEIVED_MASTER_ABORT),
            CompletionStatus::CompleterAbort => self.set_status(status::RECEIVED_TARGET_ABORT),
        }
    }

    /// The status register's share (table 7-5).
    fn log_legacy(&mut self, kind: ErrorKind, header: Option<&Header>) {
        match kind {
            ErrorKind::PoisonedTlp => {
                self.set_status(status::DETECTED_PARITY);
                let completion = header.is_some_and(|header| header.kind().class() == Class::Completion);
                if completion && self.table.get(header::COMMAND_STATUS) & command::PARITY_RESPONSE != 0 {
                    self.set_status(status::MASTER_DATA_PARITY);
                }
            }
            ErrorKind::CompleterAbort => self.set_status(status::SIGNALED_TARGET_ABORT),
            _ => {}
        }
    }

    /// Returns whether the error is not masked.
    fn log_correctable(&mut self, bit: u32) -> bool {
        self.set_device_status(control::CORRECTABLE_DETECTED);
        self.table.set(AER + aer::CORRECTABLE_STATUS, bit, bit);
        self.table.get(AER + aer::CORRECTABLE_MASK) & bit == 0
    }

    /// Returns whether the error is not masked. The first such error keeps pointer and header log until software clears its status bit.
    fn log_uncorrectable(&mut self, bit: u32, header: Option<&Header>) -> bool {
        self.table.set(AER + aer::UNCORRECTABLE_STATUS, bit, bit);
        if self.table.get(AER + aer::UNCORRECTABLE_MASK) & bit != 0 {
            return false;
        }
        if self.first_error == 0 {
            self.first_error = bit;
            self.table.set(AER + aer::CONTROL, aer::FIRST_ERROR, bit.trailing_zeros());
            for (at, dword) in (0..).step_by(4).zip(header.map_or([0; 4], |header| header.0)) {
                self.table.set(AER + aer::HEADER_LOG + at, u32::MAX, dword);
            }
        }
        true
    }

    fn report_correctable(&self, unsupported: bool) -> Option<ErrorSeverity> {
        let device = self.table.get(PCIE + pcie::DEVICE_CONTROL);
        let wanted = device & control::CORRECTABLE != 0 && (!unsupported || device & control::UNSUPPORTED != 0);
        wanted.then_some(ErrorSeverity::Correctable)
    }

    fn report_uncorrectable(&mut self, fatal: bool, unsupported: bool) -> Option<ErrorSeverity> {
        let device = self.table.get(PCIE + pcie::DEVICE_CONTROL);
        let serr = self.table.get(header::COMMAND_STATUS) & command::SERR != 0;
        let enable = if fatal { control::FATAL } else { control::NON_FATAL };
        let wanted = (serr || device & enable != 0) && (serr || !unsupported || device & control::UNSUPPORTED != 0);
        if !wanted {
            return None;
        }
        if serr {
            self.set_status(status::SIGNALED_SYSTEM_ERROR);
        }
        Some(if fatal { ErrorSeverity::Fatal } else { ErrorSeverity::NonFatal })
    }

    fn set_status(&mut self, bit: u32) {
        self.table.set(header::COMMAND_STATUS, bit, bit);
    }

    fn set_device_status(&mut self, bit: u32) {
        self.table.set(PCIE + pcie::DEVICE_CONTROL, bit, bit);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{COMMAND, card};
    use super::*;
    use rstest::rstest;
    use silico_spec::tlp::Kind;
    use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};

    const DEVICE: u16 = PCIE + pcie::DEVICE_CONTROL;
    const REPORT_ALL: u32 = 0xf;

    fn request(kind: Kind) -> Header {
        let address = if matches!(kind, Kind::MemRead | Kind::MemWrite) { 0x1_2345_6780 } else { 0 };
        Header::memory(kind, Bdf::from_bits(0x0100), Tag(0x42), BusAddr(address), Dwords(1))
    }

    fn reporting(device: u32, command: u32) -> ConfigSpace {
        let mut config = card();
        config.write(DEVICE, device, 0b0011);
        config.write(COMMAND, command, 0b0011);
        // The advisory error is masked after reset.
        config.write(AER + aer::CORRECTABLE_MASK, 0, 0xf);
        config
    }

    fn status(config: &ConfigSpace) -> (u32, u32, u32) {
        let aer = |at| config.read(AER + at);
        (aer(aer::UNCORRECTABLE_STATUS), aer(aer::CORRECTABLE_STATUS), config.read(DEVICE) >> 16 & 0xf)
    }

    /// Which message each error sends with everything enabled and the severities of reset.
    #[rstest]
    #[case(ErrorKind::Receiver, None, Some(ErrorSeverity::Correctable))]
    #[case(ErrorKind::ReplayTimeout, None, Some(ErrorSeverity::Correctable))]
    #[case(ErrorKind::MalformedTlp, Some(Kind::MemWrite), Some(ErrorSeverity::Fatal))]
    #[case(ErrorKind::DataLinkProtocol, None, Some(ErrorSeverity::Fatal))]
    #[case(ErrorKind::ReceiverOverflow, None, Some(ErrorSeverity::Fatal))]
    #[case(ErrorKind::FlowControl, None, Some(ErrorSeverity::Fatal))]
    #[case(ErrorKind::UnsupportedRequest, Some(Kind::MemRead), Some(ErrorSeverity::Correctable))]
    #[case(ErrorKind::UnsupportedRequest, Some(Kind::MemWrite), Some(ErrorSeverity::NonFatal))]
    #[case(ErrorKind::CompleterAbort, Some(Kind::MemRead), Some(ErrorSeverity::Correctable))]
    #[case(ErrorKind::CompleterAbort, Some(Kind::MemWrite), Some(ErrorSeverity::NonFatal))]
    #[case(ErrorKind::PoisonedTlp, Some(Kind::MemWrite), Some(ErrorSeverity::NonFatal))]
    #[case(ErrorKind::PoisonedTlp, Some(Kind::CompletionData), Some(ErrorSeverity::NonFatal))]
    #[case(ErrorKind::PoisonedTlp, Some(Kind::CfgWrite0), Some(ErrorSeverity::Correctable))]
    #[case(ErrorKind::UnexpectedCompletion, Some(Kind::CompletionData), Some(ErrorSeverity::Correctable))]
    #[case(ErrorKind::CompletionTimeout, None, Some(ErrorSeverity::NonFatal))]
    #[case(ErrorKind::Internal, None, None)]
    fn messages(#[case] kind: ErrorKind, #[case] tlp: Option<Kind>, #[case] message: Option<ErrorSeverity>) {
        let header = tlp.map(request);
        assert_eq!(reporting(REPORT_ALL, 0).log_error(kind, header.as_ref()), message);
        assert_eq!(reporting(0, 0).log_error(kind, header.as_ref()), None);
    }

    #[test]
    fn an_advisory_unsupported_request_is_logged_as_correctable() {
        let mut config = reporting(REPORT_ALL, 0);
        let header = request(Kind::MemRead);
        config.log_error(ErrorKind::UnsupportedRequest, Some(&header));
        assert_eq!(status(&config), (uncorrectable::UNSUPPORTED, correctable::ADVISORY, 0b1001));
        assert_eq!(config.read(AER + aer::CONTROL) & aer::FIRST_ERROR, 20);
        let log = [0, 4, 8, 12].map(|at| config.read(AER + aer::HEADER_LOG + at));
        assert_eq!(log, header.0);
    }

    #[test]
    fn a_masked_advisory_error_is_logged_no_further() {
        let mut config = reporting(REPORT_ALL, 0);
        config.write(AER + aer::CORRECTABLE_MASK, correctable::ADVISORY, 0xf);
        assert_eq!(config.log_error(ErrorKind::UnsupportedRequest, Some(&request(Kind::MemRead))), None);
        assert_eq!(status(&config), (0, correctable::ADVISORY, 0b1001));
    }

    #[test]
    fn an_unsupported_request_of_fatal_severity_is_not_advisory() {
        let mut config = reporting(REPORT_ALL, 0);
        config.write(AER + aer::UNCORRECTABLE_SEVERITY, uncorrectable::UNSUPPORTED, 0xf);
        let message = config.log_error(ErrorKind::UnsupportedRequest, Some(&request(Kind::MemRead)));
        assert_eq!(message, Some(ErrorSeverity::Fatal));
        assert_eq!(status(&config), (uncorrectable::UNSUPPORTED, 0, 0b1100));
    }

    #[test]
    fn a_masked_error_sets_status_but_neither_log_nor_message() {
        let mut config = reporting(REPORT_ALL, 0);
        config.write(AER + aer::UNCORRECTABLE_MASK, u32::MAX, 0xf);
        assert_eq!(config.log_error(ErrorKind::MalformedTlp, Some(&request(Kind::MemWrite))), None);
        assert_eq!(status(&config), (uncorrectable::MALFORMED, 0, 0b0100));
        assert_eq!(config.read(AER + aer::HEADER_LOG), 0);
        assert_eq!(config.read(AER + aer::CONTROL) & aer::FIRST_ERROR, 0);
    }

    #[test]
    fn the_first_error_keeps_the_log_until_its_bit_is_cleared() {
        let mut config = reporting(REPORT_ALL, 0);
        let (first, second) = (request(Kind::MemRead), request(Kind::MemWrite));
        config.log_error(ErrorKind::UnsupportedRequest, Some(&first));
        config.log_error(ErrorKind::MalformedTlp, Some(&second));
        assert_eq!((config.read(AER + aer::CONTROL) & aer::FIRST_ERROR, config.read(AER + aer::HEADER_LOG)), (20, first.0[0]));
        // Clearing the other error's bit frees nothing.
        config.write(AER + aer::UNCORRECTABLE_STATUS, uncorrectable::MALFORMED, 0xf);
        config.log_error(ErrorKind::MalformedTlp, Some(&second));
        assert_eq!((config.read(AER + aer::CONTROL) & aer::FIRST_ERROR, config.read(AER + aer::HEADER_LOG)), (20, first.0[0]));
        config.write(AER + aer::UNCORRECTABLE_STATUS, uncorrectable::UNSUPPORTED, 0xf);
        config.log_error(ErrorKind::MalformedTlp, Some(&second));
        assert_eq!((config.read(AER + aer::CONTROL) & aer::FIRST_ERROR, config.read(AER + aer::HEADER_LOG)), (18, second.0[0]));
    }

    #[test]
    fn serr_reports_uncorrectable_errors_and_says_so() {
        let mut config = reporting(0, command::SERR);
        let posted = request(Kind::MemWrite);
        assert_eq!(config.log_error(ErrorKind::UnsupportedRequest, Some(&posted)), Some(ErrorSeverity::NonFatal));
        assert_ne!(config.read(COMMAND) & status::SIGNALED_SYSTEM_ERROR, 0);
        assert_eq!(config.log_error(ErrorKind::BadTlp, None), None);
        let mut config = reporting(REPORT_ALL & !control::UNSUPPORTED, 0);
        assert_eq!(config.log_error(ErrorKind::UnsupportedRequest, Some(&posted)), None);
        assert_eq!(config.read(COMMAND) & status::SIGNALED_SYSTEM_ERROR, 0);
    }

    /// Figure 6-2: which enables let a message go. An unsupported request needs two of them, unless SERR# is enabled.
    #[test]
    fn messages_go_where_software_wants_them() {
        for (enables, serr) in (0..16).flat_map(|enables| [(enables, false), (enables, true)]) {
            let [correctable, non_fatal, fatal, requests] =
                [control::CORRECTABLE, control::NON_FATAL, control::FATAL, control::UNSUPPORTED].map(|bit| enables & bit != 0);
            let (read, write) = (request(Kind::MemRead), request(Kind::MemWrite));
            let cases = [
                (ErrorKind::BadTlp, None, 0, correctable, ErrorSeverity::Correctable),
                (ErrorKind::UnsupportedRequest, Some(&read), 0, correctable && requests, ErrorSeverity::Correctable),
                (ErrorKind::UnsupportedRequest, Some(&write), 0, serr || non_fatal && requests, ErrorSeverity::NonFatal),
                (ErrorKind::UnsupportedRequest, Some(&write), uncorrectable::UNSUPPORTED, serr || fatal && requests, ErrorSeverity::Fatal),
                (ErrorKind::CompletionTimeout, None, 0, serr || non_fatal, ErrorSeverity::NonFatal),
                (ErrorKind::CompletionTimeout, None, uncorrectable::COMPLETION_TIMEOUT, serr || fatal, ErrorSeverity::Fatal),
            ];
            for (kind, header, severity, goes, message) in cases {
                let mut config = reporting(enables, if serr { command::SERR } else { 0 });
                config.write(AER + aer::UNCORRECTABLE_SEVERITY, severity, 0xf);
                assert_eq!(config.log_error(kind, header), goes.then_some(message), "{kind:?} with {enables:#x}, SERR# {serr}");
                let told = config.read(COMMAND) & status::SIGNALED_SYSTEM_ERROR != 0;
                assert_eq!(told, serr && message != ErrorSeverity::Correctable, "{kind:?} with {enables:#x}, SERR# {serr}");
            }
        }
    }

    #[test]
    fn the_status_register_notes_parity_and_aborts() {
        let of = |config: &ConfigSpace| config.read(COMMAND) & status::CLEARED_BY_ONES;
        let mut config = reporting(0, 0);
        config.log_error(ErrorKind::PoisonedTlp, Some(&request(Kind::CompletionData)));
        assert_eq!(of(&config), status::DETECTED_PARITY);
        let mut config = reporting(0, command::PARITY_RESPONSE);
        config.log_error(ErrorKind::PoisonedTlp, Some(&request(Kind::CompletionData)));
        assert_eq!(of(&config), status::DETECTED_PARITY | status::MASTER_DATA_PARITY);
        config.write(COMMAND, u32::MAX, 0b1100);
        assert_eq!(of(&config), 0);
        config.log_error(ErrorKind::CompleterAbort, None);
        config.log_completion(CompletionStatus::Success);
        assert_eq!(of(&config), status::SIGNALED_TARGET_ABORT);
        config.log_completion(CompletionStatus::UnsupportedRequest);
        config.log_completion(CompletionStatus::CompleterAbort);
        assert_eq!(of(&config), status::SIGNALED_TARGET_ABORT | status::RECEIVED_MASTER_ABORT | status::RECEIVED_TARGET_ABORT);
    }
}
