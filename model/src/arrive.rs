//! What becomes of a TLP that has come whole: judged, then queued, taken or dropped.

use crate::access::MAX_DWORDS;
use crate::card::{Card, PME_TO_ACK};
use crate::config::ErrorKind;
use crate::malformed::malformed;
use crate::receive::PostedWrite;
use silico_spec::credit::Class;
use silico_spec::port::{MAX_PAYLOAD, TlpBuf};
use silico_spec::tlp::{Header, Kind, ecrc};

impl Card {
    /// A TLP has come whole, in this clock.
    pub(crate) fn receive(&mut self, tlp: &TlpBuf) {
        if tlp.discard {
            return;
        }
        self.poked = true;
        self.registers.perf.rx_tlps += 1;
        let header = Header(tlp.header);
        let kind = header.kind();
        // What answers a read of before a function-level reset goes by limits that are gone.
        let late = kind.class() == Class::Completion && self.reads.has_forgotten(&header);
        let max_payload = if late { MAX_PAYLOAD as u32 } else { self.config.max_payload() };
        if malformed(&header, tlp.payload().len() as u32, max_payload) {
            self.log(ErrorKind::MalformedTlp, Some(&header));
            return self.receiver.free(kind.class(), tlp.payload().len() as u32);
        }
        if self.config.ecrc_check() && header.digest() && ecrc(&header, tlp.payload()) != tlp.digest {
            self.log(ErrorKind::EcrcFailed, Some(&header));
            return self.receiver.free(kind.class(), tlp.payload().len() as u32);
        }
        match kind {
            Kind::MemWrite => self.receive_write(header, tlp.payload()),
            Kind::Message(_) | Kind::MessageData(_) => {
                if let (SET_SLOT_POWER_LIMIT, Some(limit)) = (header.message_code(), tlp.payload().first_chunk::<4>()) {
                    self.config.set_slot_power(u32::from_le_bytes(*limit));
                }
                self.messages[PME_TO_ACK] |= header.message_code() == PME_TURN_OFF;
                self.drop_tlp(header, unexpected_message(&header));
            }
            _ => match kind.class() {
                Class::Completion => self.receive_completion(header, tlp.payload()),
                _ => {
                    let request = self.receiver.request(header, tlp.payload());
                    if self.receiver.push_non_posted(request).is_err() {
                        self.log(ErrorKind::ReceiverOverflow, None);
                    }
                }
            },
        }
    }

    pub(crate) fn receive_write(&mut self, header: Header, payload: &[u8]) {
        let Some((bar, offset)) = self.config.claims(header.address()) else {
            return self.drop_tlp(header, Some(ErrorKind::UnsupportedRequest));
        };
        if header.poisoned() {
            return self.drop_tlp(header, Some(ErrorKind::PoisonedTlp));
        }
        if header.length().0 > MAX_DWORDS {
            return self.drop_tlp(header, Some(ErrorKind::CompleterAbort));
        }
        let request = self.receiver.request(header, payload);
        if self.receiver.push_posted(PostedWrite { bar, offset, request }).is_err() {
            self.log(ErrorKind::ReceiverOverflow, None);
        }
    }

    pub(crate) fn drop_tlp(&mut self, header: Header, error: Option<ErrorKind>) {
        if let Some(error) = error {
            self.log(error, Some(&header));
        }
        self.receiver.release(header);
    }
}

/// Message code.
const SET_SLOT_POWER_LIMIT: u8 = 0x50;
/// Message code; answered by PME_TO_Ack (PCIe 4.0 §5.3.3.2.1).
const PME_TURN_OFF: u8 = 0x19;

/// Messages that an endpoint takes (PCIe 4.0 §2.2.8): power limit, unlock, PME turn-off, vendor type 1. Others are unsupported.
fn unexpected_message(header: &Header) -> Option<ErrorKind> {
    const UNLOCK: u8 = 0x00;
    const VENDOR_TYPE_1: u8 = 0x7f;
    match header.message_code() {
        SET_SLOT_POWER_LIMIT | UNLOCK | PME_TURN_OFF | VENDOR_TYPE_1 => None,
        _ => Some(ErrorKind::UnsupportedRequest),
    }
}
