//! Builds headers and writes their fields. Judges nothing: a value that does not fit is cut to the field's width.

use super::{Attributes, CompletionStatus, Header, Kind};
use crate::credit::Class;
use crate::units::{Bdf, BusAddr, Dwords, Tag};

const fn with(word: u32, low: u32, width: u32, value: u32) -> u32 {
    let mask = ((1 << width) - 1) << low;
    word & !mask | value << low & mask
}

impl Header {
    /// A header of `kind` for `length` dwords, all else zero. `four` picks the 4-dword form of a memory request.
    #[must_use]
    #[inline]
    pub const fn of(kind: Kind, four: bool, length: Dwords) -> Self {
        Self([(kind.code() as u32) << 24 | (four as u32) << 29 | length.0 & 0x3ff, 0, 0, 0])
    }

    /// A memory request over whole dwords: kind MRd or MWr, 4-dword header from 4 GiB on.
    #[must_use]
    #[inline]
    pub const fn memory(kind: Kind, requester: Bdf, tag: Tag, address: BusAddr, length: Dwords) -> Self {
        let last = if length.0 > 1 { 0xf } else { 0 };
        Self::of(kind, address.needs_64(), length)
            .with_requester(requester)
            .with_tag(tag)
            .with_byte_enables(0xf, last)
            .with_address(address)
    }

    /// A config request for the dword at `offset`.
    #[must_use]
    pub const fn config(kind: Kind, requester: Bdf, tag: Tag, destination: Bdf, offset: u16, first_be: u8) -> Self {
        let mut header = Self::of(kind, false, Dwords(1)).with_requester(requester).with_tag(tag).with_byte_enables(first_be, 0);
        header.0[2] = (destination.bits() as u32) << 16 | (offset & 0xffc) as u32;
        header
    }

    /// A completion. `length` counts only with data.
    #[must_use]
    #[allow(clippy::too_many_arguments, reason = "these are the fields of a completion")]
    pub const fn completion(
        with_data: bool,
        completer: Bdf,
        status: CompletionStatus,
        byte_count: u32,
        requester: Bdf,
        tag: Tag,
        lower_address: u8,
        length: Dwords,
    ) -> Self {
        let (kind, length) = if with_data { (Kind::CompletionData, length) } else { (Kind::Completion, Dwords(0)) };
        let mut header = Self::of(kind, false, length);
        header.0[1] = (completer.bits() as u32) << 16 | (status.bits() as u32) << 13 | byte_count & 0xfff;
        header.0[2] = lower_address as u32 & 0x7f;
        header.with_requester(requester).with_tag(tag)
    }

    /// With another requester ID.
    #[must_use]
    #[inline]
    pub const fn with_requester(mut self, requester: Bdf) -> Self {
        let at = if matches!(self.kind().class(), Class::Completion) { 2 } else { 1 };
        self.0[at] = with(self.0[at], 16, 16, requester.bits() as u32);
        self
    }

    /// With another tag.
    #[must_use]
    #[inline]
    pub const fn with_tag(mut self, tag: Tag) -> Self {
        let at = if matches!(self.kind().class(), Class::Completion) { 2 } else { 1 };
        self.0[at] = with(self.0[at], 8, 8, tag.0 as u32);
        self.0[0] = with(with(self.0[0], 19, 1, tag.0 as u32 >> 8), 23, 1, tag.0 as u32 >> 9);
        self
    }

    /// With other byte enables.
    #[must_use]
    #[inline]
    pub const fn with_byte_enables(mut self, first: u8, last: u8) -> Self {
        self.0[1] = with(with(self.0[1], 0, 4, first as u32), 4, 4, last as u32);
        self
    }

    /// With another address, in the form that the header has.
    #[must_use]
    #[inline]
    pub const fn with_address(mut self, address: BusAddr) -> Self {
        let low = address.0 as u32 & !3;
        if self.dwords() == 4 {
            self.0[2] = (address.0 >> 32) as u32;
            self.0[3] = low;
        } else {
            self.0[2] = low;
        }
        self
    }

    /// With another length; 1024 is stored as 0.
    #[must_use]
    pub const fn with_length(mut self, length: Dwords) -> Self {
        self.0[0] = with(self.0[0], 0, 10, length.0);
        self
    }

    /// With another traffic class.
    #[must_use]
    pub const fn with_traffic_class(mut self, class: u8) -> Self {
        self.0[0] = with(self.0[0], 20, 3, class as u32);
        self
    }

    /// With other attributes.
    #[must_use]
    #[inline]
    pub const fn with_attributes(mut self, attributes: Attributes) -> Self {
        let word = with(self.0[0], 13, 1, attributes.relaxed as u32);
        let word = with(word, 12, 1, attributes.no_snoop as u32);
        self.0[0] = with(word, 18, 1, attributes.id_based as u32);
        self
    }

    /// Poisoned or not.
    #[must_use]
    pub const fn with_poisoned(mut self, poisoned: bool) -> Self {
        self.0[0] = with(self.0[0], 14, 1, poisoned as u32);
        self
    }

    /// With or without a digest.
    #[must_use]
    pub const fn with_digest(mut self, digest: bool) -> Self {
        self.0[0] = with(self.0[0], 15, 1, digest as u32);
        self
    }

    /// With another message code.
    #[must_use]
    pub const fn with_message_code(mut self, code: u8) -> Self {
        self.0[1] = with(self.0[1], 0, 8, code as u32);
        self
    }
}
