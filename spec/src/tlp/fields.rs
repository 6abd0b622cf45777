//! The values of fields that have names: attributes and completion status.

/// Attr: how a packet may be ordered and whether caches are snooped (PCIe 4.0 §2.2.6.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// Relaxed ordering, Attr\[1\].
    pub relaxed: bool,
    /// No snoop, Attr\[0\].
    pub no_snoop: bool,
    /// ID-based ordering, Attr\[2\].
    pub id_based: bool,
}

/// Status of a completion (PCIe 4.0 table 2-34).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompletionStatus {
    /// SC.
    Success,
    /// UR.
    UnsupportedRequest,
    /// CRS.
    ConfigRetry,
    /// CA.
    CompleterAbort,
    /// A reserved code; a receiver treats it as UR.
    Unknown(u8),
}

impl CompletionStatus {
    /// The three bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::UnsupportedRequest => 1,
            Self::ConfigRetry => 2,
            Self::CompleterAbort => 4,
            Self::Unknown(bits) => bits & 7,
        }
    }

    /// From the three bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 7 {
            0 => Self::Success,
            1 => Self::UnsupportedRequest,
            2 => Self::ConfigRetry,
            4 => Self::CompleterAbort,
            other => Self::Unknown(other),
        }
    }
}
