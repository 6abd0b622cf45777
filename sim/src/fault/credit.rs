//! Keeps flow control right around faults: a TLP that vanishes gives its credits back to its sender, one that is made takes some. Without it a
//! lossy fault would be a credit leak too.

use silico_spec::credit::{Class, Limits, data_credits};
use silico_spec::port::TlpBuf;
use silico_spec::tlp::Header;

/// What one side counts more, or less, than the other has seen, per class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Owed([(u8, u16); 3]);

/// Class and data credits of a TLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) class: Class,
    pub(super) data: u16,
}

impl Price {
    pub(super) fn of(tlp: &TlpBuf) -> Self {
        Self { class: Header(tlp.header).kind().class(), data: data_credits(tlp.payload().len() as u32) }
    }
}

impl Owed {
    /// The sender paid, the receiver will not see it.
    pub(super) fn give(&mut self, price: Price) {
        let owed = &mut self.0[price.class as usize];
        *owed = (owed.0.wrapping_add(1), owed.1.wrapping_add(price.data));
    }

    /// The receiver will see it, the sender did not pay.
    pub(super) fn take(&mut self, price: Price) {
        let owed = &mut self.0[price.class as usize];
        *owed = (owed.0.wrapping_sub(1), owed.1.wrapping_sub(price.data));
    }

    /// What the sender is to be shown when its receiver grants `limits`.
    #[inline]
    pub(super) fn shown(&self, mut limits: Limits) -> Limits {
        for (class, owed) in Class::ALL.into_iter().zip(self.0) {
            limits.of_mut(class).grant(owed.0, owed.1);
        }
        limits
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
