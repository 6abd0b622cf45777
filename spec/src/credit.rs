//! Flow-control credits (PCIe 4.0 §2.6.1): cumulative counters modulo the field size, as they travel in UpdateFC DLLPs.
//!
//! A receiver grants by advancing a *limit*; a transmitter counts what it has *consumed*. Neither ever counts down, so a
//! lost or late update does no harm. Header counters have 8 bits, data counters 12; a data credit is 4 dwords.

use core::fmt;

/// Traffic class towards credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Memory writes and messages.
    Posted,
    /// Requests that a completion answers.
    NonPosted,
    /// Completions.
    Completion,
}

impl Class {
    /// All three, in the order of the arrays below.
    pub const ALL: [Self; 3] = [Self::Posted, Self::NonPosted, Self::Completion];
}

/// Bytes of payload that one data credit stands for.
pub const DATA_UNIT: u32 = 16;

const HEADER_BITS: u32 = 8;
const DATA_BITS: u32 = 12;
const DATA_MASK: u16 = (1 << DATA_BITS) - 1;

/// Data credits that `bytes` of payload need.
#[must_use]
pub const fn data_credits(bytes: u32) -> u16 {
    bytes.div_ceil(DATA_UNIT) as u16
}

/// What a receiver has granted so far in one class.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// As numbers, [`NO_LIMIT`] for infinite, headers in the upper half: limits are compared in every run of clocks, and options compare slowly.
    packed: u32,
}

/// No counter gets there.
const NO_LIMIT: u16 = u16::MAX;

impl Limit {
    /// No limit at all.
    pub const INFINITE: Self = Self::packed(NO_LIMIT, NO_LIMIT);

    /// Nothing granted yet.
    pub const NONE: Self = Self::packed(0, 0);

    /// The initial grant. The specification lets a receiver advertise at most 127 headers and 2047 data credits.
    #[must_use]
    pub const fn initial(headers: u8, data: u16) -> Self {
        Self::new(Some(headers), Some(data))
    }

    /// A limit of each counter or none; data credits count modulo 4096.
    #[must_use]
    pub const fn new(headers: Option<u8>, data: Option<u16>) -> Self {
        let headers = match headers {
            Some(headers) => headers as u16,
            None => NO_LIMIT,
        };
        let data = match data {
            Some(data) => data & DATA_MASK,
            None => NO_LIMIT,
        };
        Self::packed(headers, data)
    }

    const fn packed(headers: u16, data: u16) -> Self {
        Self { packed: (headers as u32) << 16 | data as u32 }
    }

    /// Header credits granted, modulo 256; `None`: infinite.
    #[must_use]
    #[inline]
    pub const fn headers(&self) -> Option<u8> {
        let headers = (self.packed >> 16) as u16;
        if headers == NO_LIMIT { None } else { Some(headers as u8) }
    }

    /// Data credits granted, modulo 4096; `None`: infinite.
    #[must_use]
    #[inline]
    pub const fn data(&self) -> Option<u16> {
        let data = self.packed as u16;
        if data == NO_LIMIT { None } else { Some(data) }
    }

    /// Grants `headers` and `data` more; an infinite counter stays so.
    pub fn grant(&mut self, headers: u8, data: u16) {
        let headers = self.headers().map(|granted| granted.wrapping_add(headers));
        *self = Self::new(headers, self.data().map(|granted| granted.wrapping_add(data)));
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit").field("headers", &self.headers()).field("data", &self.data()).finish()
    }
}

/// The limits of all classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits(pub [Limit; 3]);

impl Limits {
    /// No limits at all.
    pub const INFINITE: Self = Self([Limit::INFINITE; 3]);
    /// Nothing granted yet: what both sides see before flow control is initialised.
    pub const NONE: Self = Self([Limit::NONE; 3]);

    /// Of one class.
    #[must_use]
    pub const fn of(&self, class: Class) -> &Limit {
        &self.0[class as usize]
    }

    /// Of one class, to grant more.
    pub const fn of_mut(&mut self, class: Class) -> &mut Limit {
        &mut self.0[class as usize]
    }
}

/// What a transmitter has used so far in one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consumed {
    /// Header credits, modulo 256.
    pub headers: u8,
    /// Data credits, modulo 4096.
    pub data: u16,
}

impl Consumed {
    /// Whether one more TLP with `data` credits of payload may go: (limit − (consumed + need)) mod 2^n ≤ 2^n / 2.
    #[must_use]
    #[inline]
    pub const fn allows(&self, limit: &Limit, data: u16) -> bool {
        let headers = match limit.headers() {
            None => true,
            Some(granted) => granted.wrapping_sub(self.headers.wrapping_add(1)) <= 1 << (HEADER_BITS - 1),
        };
        let data = match limit.data() {
            None => true,
            Some(_) if data == 0 => true,
            Some(granted) => granted.wrapping_sub(self.data + data) & DATA_MASK <= 1 << (DATA_BITS - 1),
        };
        headers && data
    }

    /// Counts one TLP with `data` credits of payload.
    #[inline]
    pub const fn take(&mut self, data: u16) {
        self.headers = self.headers.wrapping_add(1);
        self.data = (self.data + data) & DATA_MASK;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_used_up_exactly_and_wraps() {
        let mut limit = Limit::initial(2, 16);
        let mut used = Consumed::default();
        for round in 0..10_000 {
            for _ in 0..2 {
                assert!(used.allows(&limit, 8), "round {round}");
                used.take(8);
            }
            assert!(!used.allows(&limit, 0), "no header left");
            limit.grant(1, 0);
            assert!(used.allows(&limit, 0) && !used.allows(&limit, 1), "no data left");
            limit.grant(1, 16);
        }
    }

    #[test]
    fn infinite_is_never_used_up() {
        let mut used = Consumed::default();
        for _ in 0..10_000 {
            assert!(used.allows(&Limit::INFINITE, 64));
            used.take(64);
        }
    }
}
