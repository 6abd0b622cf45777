//! The bridge to the Verilated card: one call a clock. The only file with C++ on its other side.
#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    reason = "fields carry the names of the port's signals; what the bridge makes is public by itself"
)]
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks, reason = "the bridge to C++: all that it does is behind one safe call")]

#[cxx::bridge(namespace = "silico")]
pub(super) mod bridge {
    /// What the card sees in one clock. Data is what its `valid` says; widths are those of the widest port.
    #[derive(Clone)]
    struct In {
        power_on: bool,
        reset: bool,
        link_up: bool,
        rx_valid: bool,
        rx_sop: bool,
        rx_eop: bool,
        rx_discard: bool,
        rx_bytes: u8,
        tx_ready: bool,
        rx_digest: u32,
        rx_header: [u32; 4],
        rx_data: [u32; 16],
        /// Posted, non-posted, completion: 22 bits each, as `limit_t`.
        credits: [u32; 3],
        front_valid: u16,
        front_last: u16,
        front_error: u16,
        out_ready: u8,
        front_bytes: [u8; 16],
        front_source: [u16; 16],
        front_data: [u32; 256],
    }

    /// What the card drives.
    struct Out {
        tx_valid: bool,
        tx_sop: bool,
        tx_eop: bool,
        tx_bytes: u8,
        rx_ready: bool,
        tx_digest: u32,
        tx_header: [u32; 4],
        tx_data: [u32; 16],
        credits: [u32; 3],
        front_ready: u16,
        front_busy: u16,
        out_valid: u8,
        out_last: u8,
        out_error: u8,
        out_bytes: [u8; 8],
        out_source: [u16; 8],
        out_data: [u32; 128],
    }

    unsafe extern "C++" {
        include!("card.h");

        type Card;

        fn make(variant: &str) -> UniquePtr<Card>;
        fn step(self: Pin<&mut Card>, input: &In, output: &mut Out) -> bool;
        fn take_said() -> String;
        /// What is declared inside it, as in a VCD file. Empty: this build does not tell.
        fn inside(self: Pin<&mut Card>) -> String;
        /// Appends what has changed inside since the last time, under these inputs.
        fn look(self: Pin<&mut Card>, input: &In, changes: &mut Vec<u8>);
        /// Bytes of all that it is.
        fn size(self: &Card) -> usize;
        /// Those bytes: `into` has as many.
        fn save(self: &Card, into: &mut [u8]);
        /// Becomes what another one of the same variant was when it was saved.
        fn load(self: Pin<&mut Card>, from: &[u8]);
        /// Appends what only counts, the card's clock first. Nothing: this build does not know where it is.
        fn counters(self: &Card, into: &mut Vec<u64>);
        /// Sets that, and all that follows from it at once.
        fn count(self: Pin<&mut Card>, values: &[u64]);
        /// Writes what was counted of the RTL into a file. `false`: nothing is, in this build.
        fn coverage(self: Pin<&mut Card>, path: &str) -> bool;

        include!("bare.h");

        /// A card in a bare C++ loop, to measure by.
        type Bare;

        fn make_bare(variant: &str) -> UniquePtr<Bare>;
        fn add(self: Pin<&mut Bare>, input: &In);
        fn power_on(self: Pin<&mut Bare>);
        fn run(self: Pin<&mut Bare>, from: usize, to: usize, plain: bool);
        fn shown(self: &Bare, output: &mut Out);
    }
}

// SAFETY: a Verilated card and its context are touched by nobody but their owner, and hold nothing of the thread that made them: all calls go through
// `Pin<&mut Card>`.
#[allow(unsafe_code, reason = "C++ types are not `Send` by themselves")]
unsafe impl Send for bridge::Card {}
